"""Requests as values: what is sent, what may be sent again, and what an answer means. Nothing here does any I/O.

question(path, query)            a GET; may be repeated
command(path, body, key)         a POST under an Idempotency-Key; may be repeated, because the key makes it one
pause_s(attempt, retry_after)    how long to wait before the next attempt
refusal(status, content)         the error that an answer without success stands for
answer(kind, content, path)      the model that a success holds; page(…) for a page of a list
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from wuxin_client.errors import Unreadable, WuxinError, from_problem
from wuxin_client.models import Transaction
from wuxin_client.records import Page, Unfit, read, read_page, write

T = TypeVar("T")
Query = Mapping[str, str | int | float | bool | None]

ATTEMPTS = 5
"""Of one request, the first one included."""
PAUSE_S = 0.05
"""Before the second attempt; each further pause is four times as long."""
PAUSE_S_MAX = 5.0
"""The longest pause, also when the node's `Retry-After` asks for more."""
HOLD_S_MAX = 30
"""The longest that one request asks the node to hold an answer: proxies cut connections that are silent for longer."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""A bundle has some hundred kilobytes; no answer of a node is larger than this."""


@dataclass(frozen=True)
class Accepted:
    """The answer to a command: its transaction, and all of them where one command makes several."""

    transaction: Transaction
    transactions: tuple[Transaction, ...] | None


@dataclass(frozen=True)
class Call:
    """One request. `hold_s` is how long the node may hold the answer, which the read timeout must allow for."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    hold_s: float = 0.0

    @property
    def idempotency_key(self) -> str | None:
        """The key of a command, None for a question."""
        return self.headers.get("Idempotency-Key")


def segment(identifier: str) -> str:
    """Quotes an id for its place in a path; a slash in the id stays part of the id."""
    return quote(identifier, safe="")


def question(path: str, query: Query | None = None, *, hold_s: float = 0.0) -> Call:
    """Makes a GET; parameters that are None are left out. The parameter `wait` lets the node hold the answer, too."""
    given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    return Call("GET", path, given, _preference(hold_s), hold_s=max(hold_s, float(given.get("wait", 0))))


def command(path: str, body: Mapping[str, object], *, key: str | None = None, hold_s: float = 0.0) -> Call:
    """Makes a POST under `key`, or under a fresh key. Fields of the body that are None are left out."""
    given = {name: write(value) for name, value in body.items() if value is not None}
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key or str(uuid.uuid4()),
        **_preference(hold_s),
    }
    return Call("POST", path, headers=headers, body=json.dumps(given, ensure_ascii=False).encode(), hold_s=hold_s)


def pause_s(attempt: int, retry_after: str | None) -> float:
    """Gives the seconds between attempt number `attempt` (from 0) and the next; a `Retry-After` in seconds is heard."""
    asked_s = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
    return min(max(asked_s, PAUSE_S * 4**attempt), PAUSE_S_MAX)


def refusal(status: int, content: bytes) -> WuxinError:
    """Makes the error for an answer that is not a success, a problem or not."""
    if status < 400:
        return Unreadable(f"the answer has status {status}: a node does not redirect")
    try:
        problem: Any = json.loads(content)
    except ValueError:
        problem = {}
    return from_problem(status, problem if isinstance(problem, dict) else {})  # pyright: ignore[reportUnknownArgumentType] -- checked field by field there


def answer(kind: type[T], content: bytes, at: str) -> T:
    """Reads the answer of the path `at` as a model. Raises `Unreadable`."""
    return _read(lambda raw: read(kind, raw, at), content, at)


def accepted(content: bytes, at: str) -> tuple[Transaction, ...]:
    """Reads the transactions that a command was accepted as, most often one. Raises `Unreadable`."""
    given = answer(Accepted, content, at)
    return given.transactions or (given.transaction,)


def page(kind: type[T], content: bytes, at: str) -> Page[T]:
    """Reads the answer of the path `at` as a page whose items are of `kind`. Raises `Unreadable`."""
    return _read(lambda raw: read_page(kind, raw, at), content, at)


def _read(reader: Callable[[object], T], content: bytes, at: str) -> T:
    try:
        return reader(json.loads(content))
    except Unfit as unfit:
        raise Unreadable(str(unfit)) from unfit
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the answer of {at} is not JSON") from error


def _preference(hold_s: float) -> dict[str, str]:
    """RFC 7240 counts whole seconds."""
    return {"Prefer": f"wait={int(hold_s)}"} if hold_s >= 1 else {}


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
