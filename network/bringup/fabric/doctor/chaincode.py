"""A chaincode server, asked as its peer asks: who are you?

A server registers with the id of the package it was started for, on every connection and before anything else. One that
was started with another id makes each call at its peer hang until the peer's start-up timeout, and neither says why.
One that says nothing at all is told apart by how: nothing listens, it hangs, or the two do not know each other's
certificates.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

from network.bringup.fabric.doctor.certificates import listens
from network.bringup.fabric.doctor.findings import ExpectedPeer, Finding
from network.bringup.fabric.package import Package, ServerAddress
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import CHAINCODE, CHAINCODE_SHIM, parse

CONNECT = "/protos.Chaincode/Connect"

DEADLINE_S = 5.0
"""A server registers within milliseconds of being dialled, within a second where its machine is loaded."""

REGISTER = 1
"""ChaincodeMessage type: the server's first word."""

_grpc = cast(Any, import_module("grpc"))


async def examine_server(peer: ExpectedPeer) -> AsyncIterator[Finding]:
    """What is wrong with the chaincode server that the peer's package leads to."""
    if peer.package is None:
        return
    place = f"chaincode.{peer.node.organisation}"
    address, package_id = peer.package.server.address, peer.package.package_id
    registered = await registered_id(peer.package.server)
    if isinstance(registered, NoId):
        yield Finding("error", place, *_told(registered, peer.package, peer.server_log))
    elif registered != package_id:
        detail = f"the server at {address} registers as {registered}, its peer expects {package_id}"
        hint = "restart it with --ccid set to the package id that the peer expects"
        yield Finding("error", place, detail, hint)


@dataclass(frozen=True)
class NoId:
    """Why a server did not say its id, and the words that came instead."""

    why: Literal["away", "hangs", "refuses", "is another"]
    said: str


def _told(no_id: NoId, package: Package, log: Path | None) -> tuple[str, str]:
    """Detail and hint."""
    address, its_log = package.server.address, f"its log, {log}" if log else "its log"
    match no_id.why:
        case "away":
            detail = f"no chaincode server listens at {address}"
            return detail, f"start it for package {package.package_id}; `wuxin network up` does"
        case "hangs":
            detail = f"the server at {address} hangs: it takes connections and says nothing for {DEADLINE_S:.0f} s"
            return detail, f"read {its_log}, then kill its process (kill -9): its supervisor starts it again"
        case "refuses":
            detail = f"the server at {address} and its peer refuse one another: {no_id.said}"
            return detail, "start it with the certificates that the package was built with"
        case "is another":
            detail = f"what listens at {address} does not register as a chaincode server: {no_id.said}"
            return detail, f"see whose process it is, and end it; {its_log}, says why the server is not there"


async def registered_id(server: ServerAddress) -> str | NoId:
    """The package id that a server registers with, or why it does not."""
    async with _channel(server) as channel:
        call = channel.stream_stream(CONNECT)(timeout=DEADLINE_S)
        try:
            raw = await call.read()
        except _grpc.aio.AioRpcError as error:
            return await _unanswered(server.address, error)
        finally:
            call.cancel()
    if raw is _grpc.aio.EOF:
        return NoId("is another", "it ends the connection without a word")
    try:
        message = parse(CHAINCODE_SHIM.ChaincodeMessage, raw)
        if message.type != REGISTER:
            return NoId("is another", f"its first message is of type {message.type}")
        return str(parse(CHAINCODE.ChaincodeID, message.payload).name)
    except EvidenceError:
        return NoId("is another", "its first message cannot be read")


async def _unanswered(address: str, error: Any) -> NoId:
    """Told by gRPC's code and by whether anything listens; its words differ from one release to the next."""
    said = str(error.details() or error.code().name)
    if not await listens(address):
        return NoId("away", said)
    if error.code() == _grpc.StatusCode.DEADLINE_EXCEEDED:
        return NoId("hangs", said)
    if error.code() == _grpc.StatusCode.UNAVAILABLE:  # the connection was made, and ended before the call began
        return NoId("refuses", said)
    return NoId("is another", said)


def _channel(server: ServerAddress) -> Any:
    options: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]  # a server is on its peer's machine
    tls = server.tls
    if tls is None:
        return _grpc.aio.insecure_channel(server.address, options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = _grpc.ssl_channel_credentials(tls.root, tls.client_key, tls.client_certificate)
    return _grpc.aio.secure_channel(server.address, credentials, options)
