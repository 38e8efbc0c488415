"""A chaincode server, asked as its peer asks: who are you?

A server registers with the id of the package it was started for, on every connection and before anything else. One that
was started with another id makes each call at its peer hang until the peer's start-up timeout, and neither says why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, cast

from network.fabric.doctor.certificates import listens
from network.fabric.doctor.findings import ExpectedPeer, Finding
from network.fabric.package import ServerAddress
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric_schema import CHAINCODE, CHAINCODE_SHIM, parse

CONNECT = "/protos.Chaincode/Connect"

DEADLINE_S = 5.0

REGISTER = 1
"""ChaincodeMessage type: the server's first word."""

_grpc = cast(Any, import_module("grpc"))


async def examine_server(peer: ExpectedPeer) -> AsyncIterator[Finding]:
    """What is wrong with the chaincode server that the peer's package leads to."""
    if peer.package is None:
        return
    place = f"chaincode.{peer.node.organisation}"
    address = peer.package.server.address
    if not await listens(address):
        hint = f"start it for package {peer.package.package_id}; `wuxin network up` does"
        yield Finding("error", place, f"no chaincode server listens at {address}", hint)
        return
    registered = await registered_id(peer.package.server)
    if isinstance(registered, _Refusal):
        hint = "start it with the certificates that the package was built with"
        yield Finding("error", place, f"the server at {address} refuses its peer: {registered}", hint)
    elif registered != peer.package.package_id:
        detail = f"the server at {address} registers as {registered}, its peer expects {peer.package.package_id}"
        hint = "restart it with --ccid set to the package id that the peer expects"
        yield Finding("error", place, detail, hint)


class _Refusal(str):
    """Why a server did not say its id."""


async def registered_id(server: ServerAddress) -> str:
    """The package id that a server registers with; a `_Refusal` where it does not."""
    async with _channel(server) as channel:
        call = channel.stream_stream(CONNECT)(timeout=DEADLINE_S)
        try:
            raw = await call.read()
        except _grpc.aio.AioRpcError as error:
            return _Refusal(error.details() or error.code().name)
        finally:
            call.cancel()
    if raw is _grpc.aio.EOF:
        return _Refusal("it ends the connection without registering")
    try:
        message = parse(CHAINCODE_SHIM.ChaincodeMessage, raw)
        if message.type != REGISTER:
            return _Refusal(f"its first message is of type {message.type}")
        return str(parse(CHAINCODE.ChaincodeID, message.payload).name)
    except EvidenceError:
        return _Refusal("its first message cannot be read")


def _channel(server: ServerAddress) -> Any:
    options: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]  # a server is on its peer's machine
    tls = server.tls
    if tls is None:
        return _grpc.aio.insecure_channel(server.address, options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = _grpc.ssl_channel_credentials(tls.root, tls.client_key, tls.client_certificate)
    return _grpc.aio.secure_channel(server.address, credentials, options)
