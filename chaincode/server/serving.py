"""The chaincode as a service: a gRPC server that Fabric peers dial and run transactions on.

server = ChaincodeServer(options)
address = await server.start()       each peer that connects gets a PeerStream
clean = await server.stop()          begin nothing more, let end what runs, stop
"""

import asyncio
import logging
from typing import Any, Final

import grpc
import grpc.aio

from chaincode.server import messages
from chaincode.server.calls import FACTS, Program
from chaincode.server.messages import MESSAGE_BYTES_MAX
from chaincode.server.options import Options, ServerError
from chaincode.server.stream import PeerStream
from chaincode.server.work import STOP_GRACE_S, Limits, Work, stopping

log = logging.getLogger("chaincode.server")

SERVICE: Final = "protos.Chaincode"
METHOD: Final = "Connect"

CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Idle peers ping; without these three gRPC cuts them off with "too_many_pings".
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A second server on the same port must fail, not share it.
    ("grpc.so_reuseport", 0),
)


class ChaincodeServer:
    """Serves one program under one package id to any number of peers."""

    def __init__(self, options: Options, program: Program = FACTS, limits: Limits | None = None) -> None:
        self.streams: set[PeerStream] = set()
        self._options = options
        self._work = Work(options.chaincode_id, program, limits or Limits())
        self._grpc: Any = None

    def runs_a_program(self) -> bool:
        """Whether a program runs in a thread, answered for or not."""
        return self._work.runs_a_program()

    async def start(self) -> str:
        """Listen; the address with the real port. Raises ServerError where the address cannot be had."""
        self._grpc = grpc.aio.server(options=CHANNEL_OPTIONS)
        connect = grpc.stream_stream_rpc_method_handler(
            self._connect,
            request_deserializer=messages.Message.FromString,
            response_serializer=messages.Message.SerializeToString,
        )
        self._grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: connect}),))
        port = self._listen()
        await self._grpc.start()
        return f"{self._options.address.rpartition(':')[0]}:{port}"

    def _listen(self) -> int:
        options, tls = self._options, self._options.tls
        try:
            if tls is None:
                return int(self._grpc.add_insecure_port(options.address))
            credentials = grpc.ssl_server_credentials(
                [(tls.key, tls.certificate)], tls.client_ca, require_client_auth=tls.client_ca is not None
            )
            return int(self._grpc.add_secure_port(options.address, credentials))
        except RuntimeError as error:
            detail = f"cannot listen on {options.address}"
            raise ServerError("unavailable", detail, "stop what listens there, or pass another address") from error

    async def _connect(self, _requests: Any, context: Any) -> None:
        stream = PeerStream(self._work, context)
        self.streams.add(stream)
        try:
            await stream.serve()
        finally:
            self.streams.discard(stream)

    async def stop(self) -> bool:
        """Begin nothing more, let end what runs, stop. False where a program still runs in spite of that."""
        if not await self._work.drain():
            log.warning("transactions still run after %g s and are given up", self._work.limits.drain_s)
        await asyncio.gather(*(stream.close(stopping()) for stream in list(self.streams)))
        await self._grpc.stop(STOP_GRACE_S)
        return self._work.close()
