"""One JSON-RPC request after the other, with two kinds of failure told apart.

`Refused` is the endpoint's own answer (an error object); `Unavailable` means that no usable answer came. An endpoint
that blocks, as the embedded chain and web3.py's synchronous providers do, is asked in a thread, off the event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, cast

from network.ports import Unavailable

_NUMBER = re.compile(r"0x[0-9a-fA-F]+")
_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*")
_TRY_AGAIN = "see whether the chain's endpoint runs and is reachable, then repeat"


class Endpoint(Protocol):
    """What every web3.py provider is, and the embedded chain too; `make_request` may be a coroutine function."""

    def make_request(self, method: Any, params: Any, /) -> Any:
        """Ask one JSON-RPC request and give its answer as it came."""
        ...


class Refused(Exception):
    """A JSON-RPC error object; `data` is the revert data where the endpoint hands it on, `second` whether another
    endpoint was asked first and fell silent."""

    def __init__(self, code: int, message: str, data: bytes, *, second: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.second = second


class Requests:
    """The endpoint, asked from coroutines."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._blocks = not inspect.iscoroutinefunction(endpoint.make_request)

    async def ask(self, method: str, *params: Any) -> Any:
        """The result, for parameters by position. Raises Refused, Unavailable."""
        return await self.ask_with(method, list(params))

    async def ask_with(self, method: str, params: Any) -> Any:
        """The result, for parameters as they are to be sent. Raises Refused, Unavailable."""
        try:
            if self._blocks:
                answer = await asyncio.to_thread(self._endpoint.make_request, method, params)
            else:
                answer = await self._endpoint.make_request(method, params)
        except Exception as failure:  # each web3 provider raises errors of its own transport
            raise Unavailable(f"{method} got no answer: {failure!r}", _TRY_AGAIN) from failure
        if not isinstance(answer, Mapping):
            raise Unavailable(f"{method} got an answer that is not JSON-RPC", _TRY_AGAIN)
        fields = cast("Mapping[str, Any]", answer)
        if fields.get("error") is not None:
            raise _refused(fields["error"], second=bool(fields.get("second")))
        if "result" not in fields:  # taken as null, it would say that a mined transaction does not exist
            raise Unavailable(f"{method} got an answer with neither result nor error", _TRY_AGAIN)
        return fields["result"]


@contextmanager
def reading(what: str) -> Generator[None]:
    """Read an answer whose form nobody vouches for. Raises Unavailable for what lacks or has another form."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as wrong:
        told = f"what the endpoint tells of {what} cannot be read: {wrong!r}"
        raise Unavailable(told[:300], "see the endpoint's log; nothing was changed") from wrong


def to_bytes(text: Any) -> bytes:
    """Bytes of 0x hex text. Raises ValueError: without the prefix two digits would be lost unseen."""
    if not isinstance(text, str) or _BYTES.fullmatch(text) is None:
        raise ValueError(f"{str(text)[:80]!r} is not bytes in hex with 0x")
    return bytes.fromhex(text[2:])


def to_int(text: Any) -> int:
    """Number of 0x hex text. Raises ValueError."""
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{str(text)[:80]!r} is not a number in hex with 0x")
    return int(text, 16)


def _refused(error: Any, *, second: bool) -> Refused:
    if not isinstance(error, Mapping):
        return Refused(0, str(error), b"", second=second)
    fields = cast("Mapping[str, Any]", error)
    data: Any = fields.get("data")
    if isinstance(data, Mapping):
        data = cast("Mapping[str, Any]", data).get("data")
    code: Any = fields.get("code")
    number = code if isinstance(code, int) else 0
    return Refused(number, str(fields.get("message") or ""), revert_data(data), second=second)


def revert_data(value: Any) -> bytes:
    """Revert data from the hex text that endpoints give, with or without words before it; empty if there is none."""
    if not isinstance(value, str):
        return b""
    hex_text = value.rpartition("0x")[2]
    try:
        return bytes.fromhex(hex_text)
    except ValueError:
        return b""
