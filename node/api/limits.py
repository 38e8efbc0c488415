"""Bounds on what comes in, before anything reads it: whose it is, body size, time, nesting, exact numbers.

    single headers once ─▶ known key? ─▶ body within size and time ─▶ JSON ─▶ nesting and numbers ─▶ the route

A pure ASGI layer in front of the routes. Nothing is read for who has no key of this node. Larger than
``BODY_BYTES_MAX`` is ``too_large``, slower than ``BODY_READ_S`` is ``unavailable``; deeper than ``DEPTH_MAX``, a float
or an integer beyond 2^53−1 is ``malformed``; a body that is no JSON by its headers is ``unsupported_action``, 415. The
body is read once and replayed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaincode.world.bounds import WHOLE_MAX
from chaincode.world.fields import malformed
from node.api.preferences import language_of, wait_of
from node.gate.access import Authenticator
from node.gate.problems import Problem, problem_response
from wuxin_evidence.encoding.canonical import require_shallow
from wuxin_evidence.errors import NamedError

BODY_BYTES_MAX = 8 * 1024 * 1024  # 1000 packs of 4 KiB, in base64, with their paths in a log of 2^32 packs
DEPTH_MAX = 16  # our deepest body, a signed attestation, has five levels
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character, unless its other half follows
INLINE_BYTES_MAX = 16 * 1024  # smaller bodies are checked faster than a thread is reached
SHOWN_CHARS_MAX = 64
BODY_READ_S = 30.0  # 8 MiB at 2.3 Mbit/s; who is slower would only hold a place


SINGLE = ("authorization", "idempotency-key", "content-type", "content-encoding", "accept-language")
"""Headers that a request has once: of two, a proxy, the node and its log could each take another."""
JSON_TYPE = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.ASCII | re.IGNORECASE)


OTHER_MEDIA = {"status": 415, "headers": {"Accept": "application/json", "Accept-Encoding": "identity"}}
"""Says more than the code's own status."""


class OtherMedia(Problem):
    """A body in a form that no route reads."""


class BodyLimits:
    """Wraps the application; of requests without a body only the headers are looked at."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, bodied = Headers(scope=scope), scope["method"] in ("POST", "PUT", "PATCH")
        raw = b""
        try:
            _require_single(headers)
            if bodied:
                await _require_known(scope)
                raw = await _read_in_time(scope, receive)
            if raw:
                _require_json(headers)
                await asyncio.to_thread(require_sound, raw) if len(raw) > INLINE_BYTES_MAX else require_sound(raw)
        except NamedError as problem:
            language = language_of(headers.get("accept-language"))
            more: dict[str, Any] = OTHER_MEDIA if isinstance(problem, OtherMedia) else {}
            refusal = problem_response(problem.code, problem.detail, problem.hint, language=language, **more)
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replay(raw, receive) if bodied else receive, send)


def require_sound(raw: bytes) -> None:
    """Refuse JSON that is too deep, that names a field twice, or whose numbers or texts not every reader keeps."""
    # Before any parser sees it: Python's own recurses for each level, and stops with an error of its own.
    require_shallow(raw, DEPTH_MAX)
    try:
        first: list[_Inexact] = []

        def inexact(text: str) -> _Inexact:
            if not first:
                first.append(_Inexact(text))
            return first[0]

        def whole(text: str) -> int | _Inexact:
            # The length first: reading a number takes time quadratic in its digits.
            return inexact(text) if len(text) > 17 or abs(int(text)) > WHOLE_MAX else int(text)

        read = json.loads(
            raw.decode() or "null",
            parse_int=whole,
            parse_float=inexact,
            parse_constant=inexact,
            object_pairs_hook=_each_once,
        )
        if first:
            _require_exact(read, "")
        # Half a character is legal JSON and no UTF-8: it would be kept here and break the next reader.
        if SURROGATE.search(raw):
            json.dumps(json.loads(raw), ensure_ascii=False).encode()
    except ValueError as error:
        raise Problem("malformed", f"the body is not JSON: {error}", "send one JSON object in UTF-8") from error


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """RFC 8259 leaves open which of two equal names counts, so readers differ: neither does."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise Problem("malformed", f"{twice[:64]!r} stands twice in one object", "name each field once")
    return found


@dataclass(frozen=True, slots=True)
class _Inexact:
    """A number that not every reader keeps, until its place is known."""

    text: str


def _require_exact(value: object, path: str) -> None:
    """Refuse the first inexact number, by the name of its field."""
    if isinstance(value, _Inexact):
        shown = value.text if len(value.text) <= SHOWN_CHARS_MAX else value.text[:SHOWN_CHARS_MAX] + "…"
        whole = value.text.lstrip("-").isdigit()
        what = "is an integer beyond 2^53−1" if whole else "is not written as an integer"
        hint = f"pass an integer from −{WHOLE_MAX} to {WHOLE_MAX}, in digits alone, in the field's own unit"
        raise Problem("malformed", f"{path or 'the body'}: {shown} {what}", hint)
    if isinstance(value, dict):
        for name, inside in cast("dict[str, object]", value).items():
            _require_exact(inside, f"{path}.{name[:SHOWN_CHARS_MAX]}".removeprefix("."))
    elif isinstance(value, list):
        for number, inside in enumerate(cast("list[object]", value)):
            _require_exact(inside, f"{path}[{number}]")


def _require_single(headers: Headers) -> None:
    for name in SINGLE:
        if len(headers.getlist(name)) > 1:
            raise malformed(f"the header {name.title()}", "stands more than once", "send it once, or leave it out")
    waits = {wait_of([each]) for each in headers.getlist("prefer")} - {None}
    if len(waits) > 1:
        raise malformed("the header Prefer", "stands more than once, with different waits", "ask for one wait")


def _require_json(headers: Headers) -> None:
    """Refuse a body that another reader would take for something else, or that is packed."""
    kind, packed = headers.get("content-type", ""), headers.get("content-encoding", "identity")
    if JSON_TYPE.fullmatch(kind.strip()) is None:
        detail = f"Content-Type: {kind[:SHOWN_CHARS_MAX]!r} is no JSON" if kind else "Content-Type: is missing"
        raise OtherMedia("unsupported_action", detail, "send one JSON object as application/json, in UTF-8")
    if packed.strip().lower() != "identity":
        detail = f"Content-Encoding: {packed[:SHOWN_CHARS_MAX]!r} is not unpacked here"
        raise OtherMedia("unsupported_action", detail, "send the body as it is, without Content-Encoding")


async def _require_known(scope: Scope) -> None:
    """Refuse who has no key of this node; what the key allows is asked by the route."""
    authenticator: Authenticator = cast(Authenticator, scope["app"].state.node.authenticator)
    authorization = Headers(scope=scope).get("authorization")
    try:
        if authenticator.remembered(authorization) is None:
            await asyncio.to_thread(authenticator.identify, authorization)
    except DBAPIError as error:
        raise Problem("unavailable", f"the keys cannot be read: {error.orig}", "repeat the request later") from error


async def _read_in_time(scope: Scope, receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_READ_S):
            return await _read(scope, receive)
    except TimeoutError as error:
        detail = f"the body did not come within {BODY_READ_S:g} s"
        raise Problem("unavailable", detail, "send it again over a faster line") from error


async def _read(scope: Scope, receive: Receive) -> bytes:
    # What is announced is believed only to refuse early; what comes is counted all the same.
    headers: dict[bytes, bytes] = dict(scope["headers"])
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("malformed", "the connection ended within the body", "send the whole body")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise _too_large()
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(raw: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _too_large() -> Problem:
    return Problem("too_large", f"the body exceeds {BODY_BYTES_MAX} bytes", "send it in parts, or less of it")
