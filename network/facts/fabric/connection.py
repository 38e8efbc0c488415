"""One peer over gRPC: the border to a library that ships without types.

`PeerLink.call` asks once, `PeerLink.stream` asks once and reads answers until somebody ends it; both take and give
bytes. The channel is made at the first use in the running event loop, because grpc.aio binds it there, and made again
when another loop uses the link. It reconnects by itself; a call while it cannot is answered with `RpcFailure` at once.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any, cast

from network.membership.connections import FabricNode
from network.ports import Unavailable

MESSAGE_BYTES_MAX = 100 * 1024 * 1024
"""What Fabric's peers take and give; a block may be that large."""

KEEPALIVE_S = 65
"""Fabric refuses pings that come more often than each minute (peer.keepalive.minInterval)."""

KEEPALIVE_TIMEOUT_S = 20

RECONNECT_MS_MAX = 2_000
"""A peer that was restarted is back within two seconds; grpc would wait up to two minutes."""

CONNECT_MS = 2_000
"""For one attempt to connect, TLS included, on a machine that is busy."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", KEEPALIVE_S * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_S * 1000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
    ("grpc.use_local_subchannel_pool", 1),
)

_DIRECT = ("grpc.enable_http_proxy", 0)
"""For nodes of this machine: gRPC would look for these too through the proxy that the environment names."""

_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")

_DETAILS = "grpc-status-details-bin"

_grpc = cast(Any, import_module("grpc"))


class RpcFailure(Exception):
    """A call that got no answer but a status: gRPC's name of it, its words, and google.rpc.Status bytes if given."""

    def __init__(self, node: FabricNode, status: str, message: str, details: bytes) -> None:
        super().__init__(f"{node.organisation} at {node.address}: {status}: {message}")
        self.node = node
        self.status = status
        self.message = message
        self.details = details


class PeerLink:
    """A peer and the channel to it."""

    def __init__(self, node: FabricNode) -> None:
        self.node = node
        self._channel: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """The answer to one request. Raises RpcFailure, DEADLINE_EXCEEDED after `timeout_s` included."""
        try:
            return cast(bytes, await self.open().unary_unary(method)(request, timeout=timeout_s))
        except _grpc.aio.AioRpcError as failure:
            raise self.failure_of(failure) from failure
        except asyncio.CancelledError:
            self.tell_if_closed()
            raise

    def stream(self, method: str, request: bytes, timeout_s: float | None = None) -> Answers:
        """The answers to one request, to be entered; the call is cancelled when the context is left."""
        return Answers(self, method, request, timeout_s)

    async def aclose(self) -> None:
        """End it for good; whoever still waits for an answer gets Unavailable."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None and self._loop is asyncio.get_running_loop():
            await channel.close()

    def tell_if_closed(self) -> None:
        """grpc cancels what waits on a closed channel; only a task that itself was cancelled should see that."""
        task = asyncio.current_task()
        if self._closed and (task is None or not task.cancelling()):
            raise self._gone()

    def _gone(self) -> Unavailable:
        return Unavailable(f"the connection to {self.node.organisation} is closed", "open the ledger again")

    def open(self) -> Any:
        """The channel of the running loop. Raises Unavailable once the link is closed."""
        if self._closed:
            raise self._gone()
        loop = asyncio.get_running_loop()
        if self._channel is None or self._loop is not loop:
            credentials = _grpc.ssl_channel_credentials(root_certificates=self.node.tls_root.encode())
            here = self.node.address.rpartition(":")[0] in _THIS_MACHINE
            options = (*_OPTIONS, _DIRECT) if here else _OPTIONS
            self._channel = _grpc.aio.secure_channel(self.node.address, credentials, options=options)
            self._loop = loop
        return self._channel

    def failure_of(self, failure: Any) -> RpcFailure:
        """The same without gRPC's types."""
        details = b""
        for key, value in failure.trailing_metadata() or ():
            if key == _DETAILS:
                details = cast(bytes, value)
        return RpcFailure(self.node, str(failure.code().name), str(failure.details() or ""), details)


class Answers:
    """What a peer sends until it ends or the context is left; iterated once. Raises RpcFailure, Unavailable."""

    def __init__(self, link: PeerLink, method: str, request: bytes, timeout_s: float | None) -> None:
        self._link = link
        self._request = method, request, timeout_s
        self._call: Any = None

    async def __aenter__(self) -> Answers:
        method, request, timeout_s = self._request
        self._call = self._link.open().unary_stream(method)(request, timeout=timeout_s)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._call.cancel()

    def __aiter__(self) -> Answers:
        return self

    async def __anext__(self) -> bytes:
        try:
            answer = await self._call.read()
        except _grpc.aio.AioRpcError as failure:
            raise self._link.failure_of(failure) from failure
        except asyncio.CancelledError:
            self._link.tell_if_closed()
            raise
        if answer is _grpc.aio.EOF:
            raise StopAsyncIteration
        return cast(bytes, answer)
