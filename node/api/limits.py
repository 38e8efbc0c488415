"""Bounds on what comes in, before anything reads it: whose it is, body size, time, nesting, exact numbers.

    known key? ─▶ body within size and time ─▶ nesting and numbers ─▶ the route

A pure ASGI layer in front of the routes. Nothing is read for who has no key of this node. Larger than
``BODY_BYTES_MAX`` is ``too_large``, slower than ``BODY_READ_S`` is ``unavailable``; deeper than ``DEPTH_MAX``, a float
or an integer beyond 2^53−1 is ``malformed``. The body is read once and replayed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import NoReturn, cast

from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaincode.world.bounds import WHOLE_MAX
from node.api.preferences import language_of
from node.gate.access import Authenticator
from node.gate.problems import Problem, problem_response
from wuxin_evidence.encoding.canonical import require_shallow
from wuxin_evidence.errors import EvidenceError

BODY_BYTES_MAX = 8 * 1024 * 1024  # 1000 packs of 4 KiB, in base64, with their paths in a log of 2^32 packs
DEPTH_MAX = 16  # our deepest body, a signed attestation, has five levels
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character, unless its other half follows
INLINE_BYTES_MAX = 16 * 1024  # smaller bodies are checked faster than a thread is reached
BODY_READ_S = 30.0  # 8 MiB at 2.3 Mbit/s; who is slower would only hold a place


class BodyLimits:
    """Wraps the application; requests without a body pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        try:
            await _require_known(scope)
            raw = await _read_in_time(scope, receive)
            if len(raw) > INLINE_BYTES_MAX:
                await asyncio.to_thread(require_sound, raw)
            else:
                require_sound(raw)
        except (Problem, EvidenceError) as problem:
            language = language_of(Headers(scope=scope).get("accept-language"))
            refusal = problem_response(problem.code, problem.detail, problem.hint, language=language)
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replay(raw, receive), send)


def require_sound(raw: bytes) -> None:
    """Refuse JSON that is too deep, that names a field twice, or whose numbers or texts not every reader keeps."""
    # Before any parser sees it: Python's own recurses for each level, and stops with an error of its own.
    require_shallow(raw, DEPTH_MAX)
    try:
        json.loads(
            raw.decode() or "null",
            parse_int=_whole,
            parse_float=_refuse,
            parse_constant=_refuse,
            object_pairs_hook=_each_once,
        )
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


def _whole(text: str) -> int:
    # The length first: reading a number takes time quadratic in its digits.
    if len(text) > 17 or abs(int(text)) > WHOLE_MAX:
        raise Problem("malformed", "an integer beyond 2^53−1", "pass it as decimal text, or in a larger unit")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise Problem("malformed", f"{text} is not an integer", "pass integers, in the unit of the field's suffix")


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
