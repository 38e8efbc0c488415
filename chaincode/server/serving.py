"""The chaincode as a service: a gRPC server that Fabric peers dial and run transactions on.

    python -m chaincode.server --ccid LABEL:SHA256 --address 127.0.0.1:9999 [--tls-cert F --tls-key F [--client-ca F]]

    main ─▶ Options ─▶ serve: listen, print `ready {"address": …}`, wait for SIGTERM or SIGINT, drain, stop

    peer ══ Connect ══▶ PeerStream: REGISTER ▷ REGISTERED ▷ READY, then messages of many transactions
                          TRANSACTION ─▶ _begin ─▶ a thread of the pool: peer_calls.perform over PeerStub
                          a request   ◀─ Conversation.ask (the thread waits) ◀─ the program reads
                          RESPONSE    ─▶ Conversation.answer (the thread goes on)
                          COMPLETED   ◀─ _finish

The loop's thread owns the streams and the lists of what runs; a program's thread touches only its own `Conversation`
and the stream's outbox. Two rules of the peer are kept by construction: a program asks one thing at a time, because it
waits for the answer, and one task writes to a stream. A transaction has one end, decided on the loop: the program's
answer, the deadline, the end of the stream or of the server, whichever comes first.

Trust: with `--client-ca` only peers with a certificate from there are served; without TLS only this machine's.
What peers send is never logged: a log line has a transaction's short id, and of an exception its type and place.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import json
import logging
import os
import queue
import re
import signal
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import grpc
import grpc.aio
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chaincode.server import calls as peer_calls
from chaincode.server import messages
from chaincode.server.calls import FACTS, Program, shown
from chaincode.server.conversation import Conversation
from chaincode.server.messages import MESSAGE_BYTES_MAX, Abilities, Place
from chaincode.server.stub import OutOfTime, PeerFailure, PeerGone
from wuxin_evidence.errors import EvidenceError, NamedError
from wuxin_evidence.printable import LineFormatter

log = logging.getLogger("chaincode.server")

SERVICE: Final = "protos.Chaincode"
METHOD: Final = "Connect"

STOP_GRACE_S: Final = 1.0
"""For the last answers to leave, and for gRPC to hang up."""

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

END_OF_STREAM: Final = cast(Any, grpc.aio).EOF

LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
CHAINCODE_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[.+_-][A-Za-z0-9]+)*:[0-9a-f]{64}")


class ServerError(NamedError):
    """The server cannot start with these options; nothing listens."""


@dataclass(frozen=True)
class Tls:
    """PEM: the server's certificate (chain) and key, and where the peers' certificates come from if they must show
    one."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None = None


@dataclass(frozen=True)
class Options:
    """What to serve as, and where. `address` is `host:port`; port 0 takes a free one."""

    chaincode_id: str
    address: str
    tls: Tls | None = None


@dataclass(frozen=True)
class Limits:
    """What bounds a transaction and the server; tests set less.

    transaction_s  below the peer's executetimeout (30 s unless set), so that the peer hears from us why
    register_s     a peer takes a package id that it knows at once, and leaves one that it does not without an answer
    drain_s        for what runs when the server is told to stop; a supervisor kills after ten seconds
    threads        programs that run at once; others wait their turn, which ends with the deadline
    transactions   running and waiting: what a peer admits by default; more are turned away at once
    """

    transaction_s: float = 20.0
    register_s: float = 10.0
    drain_s: float = 6.0
    threads: int = 64
    transactions: int = 2500


class Outbox:
    """What one stream still has to send; emptied by one task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: deque[Any] = deque()
        self._filled = asyncio.Event()
        self._waking = False
        self._sent = asyncio.Event()
        self._sent.set()

    def put(self, message: Any) -> None:
        """On the loop."""
        self._messages.append(message)
        self._wake()

    def put_from_thread(self, message: Any) -> None:
        """From any thread; one wake-up serves all that was put before the loop came to it."""
        self._messages.append(message)
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._sent.clear()
        self._filled.set()

    async def flushed(self) -> None:
        """Until all is sent, or for STOP_GRACE_S where the other side does not read."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._sent.wait(), STOP_GRACE_S)

    async def write_to(self, write: Callable[[Any], Awaitable[None]]) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._messages:
                await write(self._messages.popleft())
            if not self._filled.is_set():
                self._sent.set()


class PeerStream:
    """One peer's stream, from REGISTER to its end."""

    def __init__(self, server: ChaincodeServer, context: Any) -> None:
        self._server = server
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._abilities = Abilities()
        self._running: dict[Place, tuple[Conversation, asyncio.TimerHandle]] = {}
        self._task = asyncio.current_task()
        self.outbox = Outbox(self._loop)
        self.name = str(context.peer())

    async def serve(self) -> None:
        """Register, then take messages until the peer or the server ends the stream."""
        writer = asyncio.create_task(self.outbox.write_to(self._context.write))
        try:
            if not await self._register():
                return
            log.info("serving %s; %s", self.name, self._abilities)
            while (message := await self._context.read()) is not END_OF_STREAM:
                self._take(message)
            self._end(_gone())
            await self.outbox.flushed()
        except asyncio.CancelledError:
            if not self._server.stopping:
                raise
        finally:
            writer.cancel()
            self._end(_gone())
            log.info("no longer serving %s", self.name)

    async def _register(self) -> bool:
        """Say who we are; False where the peer left, aborted where it does not take us."""
        self.outbox.put(messages.register(self._server.chaincode_id))
        try:
            async with asyncio.timeout(self._server.limits.register_s):
                registered = await self._expect(messages.REGISTERED)
                ready = registered and await self._expect(messages.READY)
            if ready:
                self._abilities = messages.parse_abilities(ready.payload)
            return ready is not None
        except TimeoutError:
            log.error("%s does not take %s; start with the id that it installed", self.name, self._server.chaincode_id)
            await self._abort(grpc.StatusCode.FAILED_PRECONDITION, "no answer to REGISTER")
        except EvidenceError as error:
            log.error("%s sent a READY that does not parse", self.name)
            await self._abort(grpc.StatusCode.INVALID_ARGUMENT, error.detail)
        return False

    async def _expect(self, kind: int) -> Any:
        """The next message, which must be of this type; None where the stream ended."""
        while (message := await self._context.read()) is not END_OF_STREAM:
            if message.type == kind:
                return message
            if message.type != messages.KEEPALIVE:
                detail = f"{messages.kind_name(message.type)} instead of {messages.kind_name(kind)}"
                log.error("%s sent %s", self.name, detail)
                await self._abort(grpc.StatusCode.INVALID_ARGUMENT, detail)
            self.outbox.put(message)
        return None

    async def _abort(self, code: grpc.StatusCode, detail: str) -> None:
        """End the stream with an error; gRPC refuses a status while a message is still on its way."""
        await self.outbox.flushed()
        await self._context.abort(code, detail)

    def _take(self, message: Any) -> None:
        kind = cast(int, message.type)
        if kind in (messages.RESPONSE, messages.ERROR):
            running = self._running.get(messages.place_of(message))
            if running is None or not running[0].answer(message):
                log.debug("%s answered what nobody asks any more", self.name)
        elif kind in (messages.TRANSACTION, messages.INIT):
            self._begin(message)
        elif kind == messages.KEEPALIVE:
            self.outbox.put(message)
        else:
            log.warning("%s sent %s, which is not for a chaincode", self.name, messages.kind_name(kind))

    def _begin(self, message: Any) -> None:
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        conversation = Conversation(message, self.outbox.put_from_thread, answers)
        if conversation.place in self._running:
            log.warning("%s began %s while it runs", self.name, shown(conversation.place))
            return
        turned_away = self._server.turns_away()
        if turned_away is not None:
            self.outbox.put(peer_calls.failed(message, turned_away))
            return
        timer = self._loop.call_later(self._server.limits.transaction_s, self._expire, conversation)
        self._running[conversation.place] = (conversation, timer)
        self._server.submit(self._perform, conversation)

    def _perform(self, conversation: Conversation) -> None:
        """In a thread of the pool: run the program, then hand its answer to the loop."""
        outcome = peer_calls.perform(self._server.program, conversation.message, conversation.ask, self._abilities)
        if outcome.failure is not None:
            _log_failure(conversation.place, outcome.failure)
        self._loop.call_soon_threadsafe(self._finish, conversation, outcome.answer)

    def _expire(self, conversation: Conversation) -> None:
        detail = f"the transaction did not finish within {self._server.limits.transaction_s:g} s"
        self._give_up(conversation, OutOfTime(detail, "submit again when the endorser is less busy"))

    def _give_up(self, conversation: Conversation, failure: PeerFailure) -> None:
        conversation.end(failure)
        self._finish(conversation, peer_calls.failed(conversation.message, failure))

    def _finish(self, conversation: Conversation, answer: Any) -> None:
        """The one end of a transaction; a peer may use its id again as soon as it has the answer."""
        running = self._running.get(conversation.place)
        if running is None or running[0] is not conversation:
            return
        del self._running[conversation.place]
        running[1].cancel()
        self.outbox.put(answer)
        self._server.note_idle()

    def _end(self, failure: PeerFailure) -> None:
        for conversation, _ in list(self._running.values()):
            self._give_up(conversation, failure)
        self._server.streams.discard(self)

    @property
    def is_idle(self) -> bool:
        return not self._running

    async def close(self, failure: PeerFailure) -> None:
        """Give up what still runs, let the answers out, end the stream."""
        self._end(failure)
        await self.outbox.flushed()
        if self._task is not None:
            self._task.cancel()


class ChaincodeServer:
    """Serves one program under one package id to any number of peers.

    server = ChaincodeServer(options)
    address = await server.start()
    clean = await server.stop()
    """

    def __init__(self, options: Options, program: Program = FACTS, limits: Limits | None = None) -> None:
        self.chaincode_id = options.chaincode_id
        self.program = program
        self.limits = limits or Limits()
        self.streams: set[PeerStream] = set()
        self.draining = False
        self.stopping = False
        self._options = options
        self._idle = asyncio.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(self.limits.threads, "transaction")
        self._work: set[concurrent.futures.Future[None]] = set()
        self._grpc: Any = None

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
        stream = PeerStream(self, context)
        self.streams.add(stream)
        await stream.serve()

    def turns_away(self) -> PeerFailure | None:
        """Why no further transaction begins."""
        if self.draining:
            return _stopping()
        if len(self._work) >= self.limits.transactions:
            return OutOfTime(f"{len(self._work)} transactions run or wait here", "submit again later")
        return None

    def submit(self, perform: Callable[[Conversation], None], conversation: Conversation) -> None:
        work = self._pool.submit(perform, conversation)
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    def note_idle(self) -> None:
        if self.draining and all(stream.is_idle for stream in self.streams):
            self._idle.set()

    async def stop(self) -> bool:
        """Begin nothing more, let end what runs, stop. False where a program still runs in spite of that."""
        self.draining = True
        self.note_idle()
        try:
            await asyncio.wait_for(self._idle.wait(), self.limits.drain_s)
        except TimeoutError:
            log.warning("transactions still run after %g s and are given up", self.limits.drain_s)
        self.stopping = True
        await asyncio.gather(*(stream.close(_stopping()) for stream in self.streams))
        await self._grpc.stop(STOP_GRACE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not concurrent.futures.wait(set(self._work), STOP_GRACE_S).not_done


def _gone() -> PeerFailure:
    return PeerGone("the stream to the peer ended", "submit again once the peer is connected")


def _stopping() -> PeerFailure:
    return PeerGone("the chaincode server is stopping", "submit again when it is back")


def _log_failure(place: Place, failure: BaseException) -> None:
    """Which transaction, what kind of failure and where it arose; never what it says, which may be private."""
    frames = traceback.extract_tb(failure.__traceback__)[-6:]
    where = " < ".join(f"{Path(frame.filename).stem}:{frame.lineno}" for frame in reversed(frames))
    log.error("transaction %s failed: %s at %s", shown(place), type(failure).__name__, where or "its start")


def read_options(argv: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Options from the command line, else from the environment's CHAINCODE_ID and CHAINCODE_SERVER_ADDRESS.

    Raises ServerError: malformed, forbidden (open to others without TLS), not_found (a file).
    """
    given = _parser(environment).parse_args(argv)
    if CHAINCODE_ID.fullmatch(given.ccid) is None:
        hint = "pass the installed package's id, label:sha256, or set CHAINCODE_ID"
        raise ServerError("malformed", f"chaincode id {given.ccid!r}", hint)
    tls = _read_tls(given.tls_cert, given.tls_key, given.client_ca)
    _require_address(given.address, tls)
    return Options(given.ccid, given.address, tls)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaincode.server", description="Serve the facts to Fabric peers.")
    parser.add_argument("--ccid", default=environment.get("CHAINCODE_ID", ""), metavar="LABEL:SHA256")
    parser.add_argument("--address", default=environment.get("CHAINCODE_SERVER_ADDRESS", ""), metavar="HOST:PORT")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="this server's certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key (PEM)")
    parser.add_argument("--client-ca", type=Path, metavar="FILE", help="only peers with a certificate from here (PEM)")
    return parser


def _require_address(address: str, tls: Tls | None) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        hint = "pass --address host:port, or set CHAINCODE_SERVER_ADDRESS"
        raise ServerError("malformed", f"address {address!r}", hint)
    if tls is None and host not in LOOPBACK:
        detail = f"{host} is open to other machines, and there is no TLS"
        raise ServerError("forbidden", detail, "pass --tls-cert, --tls-key and --client-ca, or listen on 127.0.0.1")


def _read_tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        hint = "pass --tls-cert and --tls-key together, --client-ca only with both"
        raise ServerError("malformed", "half of the options for TLS", hint)
    try:
        tls = Tls(certificate.read_bytes(), key.read_bytes(), None if client_ca is None else client_ca.read_bytes())
        _require_pair(tls)
        if tls.client_ca is not None:
            x509.load_pem_x509_certificates(tls.client_ca)
    except OSError as error:
        detail = f"cannot read {error.filename}: {error.strerror}"
        raise ServerError("not_found", detail, "check the path and its rights") from error
    except (ValueError, TypeError) as error:
        hint = "pass PEM files, the key without a password"
        raise ServerError("malformed", "the files for TLS do not parse", hint) from error
    return tls


def _require_pair(tls: Tls) -> None:
    own = x509.load_pem_x509_certificates(tls.certificate)[0]
    if load_pem_private_key(tls.key, None).public_key() != own.public_key():
        raise ServerError("malformed", "the TLS key is not the certificate's", "pass the pair that belongs together")
    if own.not_valid_after_utc < datetime.now(UTC):
        detail = f"the TLS certificate expired at {own.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise ServerError("forbidden", detail, "issue a new certificate for this server")


async def serve(options: Options, program: Program = FACTS) -> bool:
    """Serve until SIGTERM or SIGINT; False where a program would not end. Raises ServerError."""
    server = ChaincodeServer(options, program)
    address = await server.start()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    print(f"ready {json.dumps({'address': address})}", flush=True)
    await told.wait()
    log.info("stopping")
    return await server.stop()


def main(argv: Sequence[str] | None = None, program: Program = FACTS) -> int:
    """The command; its exit status is 2 for options it refuses."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        options = read_options(sys.argv[1:] if argv is None else argv, os.environ)
        clean = uvloop.run(serve(options, program))
    except ServerError as error:
        problem = {"code": error.code, "detail": error.detail, "hint": error.hint}
        print(f"refused {json.dumps(problem)}", file=sys.stderr)
        return 2
    if not clean:
        log.error("a transaction would not end; the process ends without it")
        logging.shutdown()
        os._exit(1)
    return 0
