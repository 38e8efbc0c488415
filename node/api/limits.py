"""Bounds on what comes in, before anything reads it: body size, nesting, exact numbers.

A pure ASGI layer in front of the routes. Larger than ``BODY_BYTES_MAX`` is ``too_large``; deeper than
``DEPTH_MAX``, a float or an integer beyond 2^53−1 is ``malformed``. The body is read once and replayed.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import NoReturn

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.api.fields import WHOLE_MAX
from node.problems import Problem, problem_response

BODY_BYTES_MAX = 4 * 1024 * 1024  # a window of 900 packs with their envelopes, in base64, is below 1 MiB
DEPTH_MAX = 16  # our deepest body, a signed attestation, has five levels
INLINE_BYTES_MAX = 16 * 1024  # smaller bodies are checked faster than a thread is reached

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(rb"[\[\]{}]")


class BodyLimits:
    """Wraps the application; requests without a body pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        try:
            raw = await _read(scope, receive)
            if len(raw) > INLINE_BYTES_MAX:
                await asyncio.to_thread(require_sound, raw)
            else:
                require_sound(raw)
        except Problem as problem:
            await problem_response(problem.code, problem.detail, problem.hint)(scope, receive, send)
            return
        await self._app(scope, _replay(raw, receive), send)


def require_sound(raw: bytes) -> None:
    """Refuse JSON that is too deep, or whose numbers not every reader keeps."""
    depth = 0
    for bracket in _BRACKET.findall(_TEXT.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise Problem("malformed", f"the body is nested deeper than {DEPTH_MAX}", "pass what the API page shows")
    try:
        json.loads(raw or b"null", parse_int=_whole, parse_float=_refuse, parse_constant=_refuse)
    except ValueError as error:
        raise Problem("malformed", f"the body is not JSON: {error}", "send one JSON object in UTF-8") from error


def _whole(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > WHOLE_MAX:
        raise Problem("malformed", "an integer beyond 2^53−1", "pass it as decimal text, or in a larger unit")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise Problem("malformed", f"{text} is not an integer", "pass integers, in the unit of the field's suffix")


async def _read(scope: Scope, receive: Receive) -> bytes:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
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
