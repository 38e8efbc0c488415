"""A peer, as the chaincode server meets it: a gRPC client that plays Fabric's side of the stream.

`Peer` speaks the protocol: it registers, sends transactions, answers requests out of a `Ledger`, and watches two rules
of the real peer: no second request of a transaction before the first is answered, nothing after COMPLETED. `Ledger`
is the embedded ledger's own state and simulator, so that what a program did through the stream can be held against
what it does without one, byte for byte.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from chaincode.server import messages
from chaincode.server.calls import FACTS, Program
from chaincode.server.messages import Place
from chaincode.server.options import Options, Tls
from chaincode.server.serving import CHANNEL_OPTIONS, METHOD, SERVICE, ChaincodeServer
from chaincode.server.work import Limits
from chaincode.world.errors import Refusal
from chaincode.world.stub import KeyChange
from network.facts.embedded.private_data import Vault
from network.facts.embedded.simulator import Simulator
from network.facts.embedded.state import PrivateValue, State
from network.facts.embedded.storage import SCHEMA
from wuxin_evidence.fabric import (
    CHAINCODE,
    CHAINCODE_SHIM,
    PROPOSAL,
    QUERY_RESULT,
    SignedProposal,
    Version,
    parse,
    parse_policy,
    parse_signed_proposal,
    peers_all,
    propose,
    serialize,
    serialized_identity,
    signed_proposal,
)

CHAINCODE_ID = "facts_1:" + "ab" * 32
CHANNEL = "wuxin"
BATCHES = CHAINCODE.ChaincodeAdditionalParams(
    use_write_batch=True, max_size_write_batch=3, use_get_multiple_keys=True, max_size_get_multiple_keys=2
)
"""A peer of Fabric 3.1 with small limits, so that a few writes and keys take several messages."""
ONE_BY_ONE = CHAINCODE.ChaincodeAdditionalParams()
"""A peer of Fabric 2.5."""
HISTORY_BATCH = 2
"""Results per message; a hundred in a real peer."""
WAIT_S = 20.0


class PeerError(Exception):
    """What the peer answers with ERROR."""


class Ledger:
    """Committed state of one peer, held in memory; `simulate` opens a transaction over it."""

    def __init__(self, msp_id: str = "BankMSP") -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.executescript(SCHEMA)
        self.state = State(connection)
        self.vault = Vault(msp_id, b"\x07" * 32)
        self.blocks = 0

    def simulate(self, proposal: SignedProposal, *, for_ledger: bool) -> Simulator:
        return Simulator(self.state, proposal, self.vault, for_ledger=for_ledger)

    def commit(self, proposal: SignedProposal, simulator: Simulator) -> None:
        """As a block of its own, with the private values of this peer's collection."""
        self.blocks += 1
        self.state.apply(simulator.changes(), Version(self.blocks, 0), proposal.tx_id, proposal.timestamp_s)
        held = simulator.private_writes.get(self.vault.collection, {})
        self.state.apply_private(
            [
                PrivateValue(self.vault.collection, key, None if value is None else self.vault.seal(key, value))
                for key, value in held.items()
            ]
        )


class Simulation:
    """One transaction at the peer: requests of the chaincode in, payloads of the answers out."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.asked: list[str] = []
        self.purged: list[tuple[str, str]] = []
        self.called: list[tuple[str, tuple[bytes, ...]]] = []
        self._iterators: dict[str, list[KeyChange]] = {}

    def answer(self, kind: int, payload: bytes) -> bytes:
        self.asked.append(messages.kind_name(kind))
        try:
            return getattr(self, f"_{messages.kind_name(kind).lower()}")(payload)
        except Refusal as refusal:
            raise PeerError(refusal.detail) from refusal

    def _get_state(self, payload: bytes) -> bytes:
        asked = parse(CHAINCODE_SHIM.GetState, payload)
        return self._value(asked.collection, asked.key)

    def _value(self, collection: str, key: str) -> bytes:
        if not collection:
            return self.simulator.get(key) or b""
        try:
            return self.simulator.get_private(collection, key) or b""
        except Refusal:
            if self.simulator.get_private_hash(collection, key) is None:
                return b""
            raise PeerError(
                "GET_STATE failed: transaction ID: x: private data matching public hash version is not available"
            ) from None

    def _get_state_multiple(self, payload: bytes) -> bytes:
        asked = parse(CHAINCODE_SHIM.GetStateMultiple, payload)
        assert len(asked.keys) <= BATCHES.max_size_get_multiple_keys
        values = [self._value(asked.collection, key) for key in asked.keys]
        return serialize(CHAINCODE_SHIM.GetStateMultipleResult(values=values))

    def _get_private_data_hash(self, payload: bytes) -> bytes:
        asked = parse(CHAINCODE_SHIM.GetState, payload)
        return self.simulator.get_private_hash(asked.collection, asked.key) or b""

    def _put_state(self, payload: bytes) -> bytes:
        return self._write(messages.PUT_STATE, parse(CHAINCODE_SHIM.PutState, payload))

    def _del_state(self, payload: bytes) -> bytes:
        return self._write(messages.DEL_STATE, parse(CHAINCODE_SHIM.DelState, payload))

    def _purge_private_data(self, payload: bytes) -> bytes:
        return self._write(messages.PURGE_PRIVATE_DATA, parse(CHAINCODE_SHIM.PurgePrivateState, payload))

    def _put_state_metadata(self, payload: bytes) -> bytes:
        return self._write(messages.PUT_STATE_METADATA, parse(CHAINCODE_SHIM.PutStateMetadata, payload))

    def _write_batch_state(self, payload: bytes) -> bytes:
        records = parse(CHAINCODE_SHIM.WriteBatchState, payload).rec
        assert 1 <= len(records) <= BATCHES.max_size_write_batch
        for record in records:
            self._write(record.type, record)
        return b""

    def _write(self, kind: int, record: Any) -> bytes:
        if kind == messages.PUT_STATE_METADATA:
            assert record.metadata.metakey == "VALIDATION_PARAMETER"
            self.simulator.set_key_policy(record.key, _msp_ids(record.metadata.value))
        elif kind == messages.PUT_STATE and record.collection:
            self.simulator.put_private(record.collection, record.key, record.value)
        elif kind == messages.PUT_STATE:
            self.simulator.put(record.key, record.value)
        elif record.collection:
            self.simulator.delete_private(record.collection, record.key)
        else:
            self.simulator.delete(record.key)
        if kind == messages.PURGE_PRIVATE_DATA:
            self.purged.append((record.collection, record.key))
        return b""

    def _get_state_metadata(self, payload: bytes) -> bytes:
        msp_ids = self.simulator.get_key_policy(parse(CHAINCODE_SHIM.GetStateMetadata, payload).key)
        held = [] if msp_ids is None else [CHAINCODE_SHIM.StateMetadata(metakey="VALIDATION_PARAMETER")]
        for entry in held:
            entry.value = peers_all(msp_ids or ())
        return serialize(CHAINCODE_SHIM.StateMetadataResult(entries=held))

    def _get_state_by_range(self, payload: bytes) -> bytes:
        asked = parse(CHAINCODE_SHIM.GetStateByRange, payload)
        size = parse(CHAINCODE_SHIM.QueryMetadata, asked.metadata).pageSize
        page = self.simulator.range(asked.startKey, asked.endKey, size, "")
        pairs = [serialize(QUERY_RESULT.KV(key=entry.key, value=entry.value)) for entry in page.entries]
        told = CHAINCODE_SHIM.QueryResponseMetadata(fetched_records_count=len(pairs), bookmark=page.bookmark)
        return _query_response(pairs, metadata=serialize(told))

    def _get_history_for_key(self, payload: bytes) -> bytes:
        key = parse(CHAINCODE_SHIM.GetHistoryForKey, payload).key
        self._iterators[key] = list(self.simulator.history(key, 1000))
        return self._next_batch(key)

    def _query_state_next(self, payload: bytes) -> bytes:
        return self._next_batch(parse(CHAINCODE_SHIM.QueryStateNext, payload).id)

    def _next_batch(self, iterator: str) -> bytes:
        left = self._iterators[iterator]
        batch, self._iterators[iterator] = left[:HISTORY_BATCH], left[HISTORY_BATCH:]
        results = [_modification(change) for change in batch]
        return _query_response(results, has_more=len(left) > HISTORY_BATCH, id=iterator)

    def _query_state_close(self, payload: bytes) -> bytes:
        del self._iterators[parse(CHAINCODE_SHIM.QueryStateClose, payload).id]
        return _query_response([])

    def _invoke_chaincode(self, payload: bytes) -> bytes:
        asked = parse(CHAINCODE.ChaincodeSpec, payload)
        self.called.append((asked.chaincode_id.name, tuple(asked.input.args)))
        if asked.chaincode_id.name == "absent":
            raise PeerError("INVOKE_CHAINCODE failed: chaincode absent not found")
        if asked.chaincode_id.name == "broken":
            return serialize(messages.Message(type=messages.ERROR, payload=b"it broke"))
        return serialize(messages.completed(Place("", ""), 200, "well", b"answer"))


def _modification(change: KeyChange) -> bytes:
    message = QUERY_RESULT.KeyModification(
        tx_id=change.tx_id, value=change.value or b"", is_delete=change.value is None
    )
    message.timestamp.FromSeconds(change.timestamp_s)
    return serialize(message)


def _query_response(results: Sequence[bytes], **more: Any) -> bytes:
    packed = [CHAINCODE_SHIM.QueryResultBytes(resultBytes=result) for result in results]
    return serialize(CHAINCODE_SHIM.QueryResponse(results=packed, **more))


def _msp_ids(policy: bytes) -> tuple[str, ...] | None:
    if not policy:
        return None
    return tuple(rule.signed_by.msp_id for rule in parse_policy(policy).rule.rules if rule.signed_by is not None)


_nonces = itertools.count()


def proposal_of(
    args: Sequence[bytes],
    msp_id: str = "BankMSP",
    transient: Mapping[str, bytes] | None = None,
    timestamp_s: int = 1_641_100_000,
) -> bytes:
    """A SignedProposal with an id of its own."""
    nonce = next(_nonces).to_bytes(24)
    proposal = propose(
        channel=CHANNEL,
        chaincode="facts",
        creator=serialized_identity(msp_id, b"-----BEGIN CERTIFICATE-----"),
        nonce=nonce,
        timestamp_ms=timestamp_s * 1000,
        args=args,
        transient=transient,
    )
    return signed_proposal(proposal, b"signature")


@dataclass(frozen=True)
class Answer:
    """How a transaction ended: COMPLETED (or ERROR) with the chaincode's response and event."""

    kind: str
    status: int
    message: str
    payload: bytes
    event: tuple[str, bytes]


@dataclass
class Open:
    """A transaction that the peer waits for."""

    simulation: Simulation
    ended: asyncio.Future[Answer]
    outstanding: bool = False


Pace = Callable[[str], Awaitable[None]]
"""Awaited before a request, named by its kind, is answered."""


async def at_once(_kind: str) -> None:
    return None


@dataclass
class Peer:
    """One stream; `faults` lists what a real peer would have dropped or died of."""

    stream: Any
    open: dict[Place, Open] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    kept_alive: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    pace: Pace = at_once
    registered_as: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def register(self, abilities: Any) -> None:
        first = await self.stream.read()
        assert messages.kind_name(first.type) == "REGISTER"
        self.registered_as = parse(CHAINCODE.ChaincodeID, first.payload).name
        await self.stream.write(messages.Message(type=messages.REGISTERED))
        await self.stream.write(messages.Message(type=messages.READY, payload=serialize(abilities)))

    async def begin(self, signed: bytes, simulation: Simulation, kind: int = messages.TRANSACTION) -> Open:
        proposal = parse_signed_proposal(signed)
        place = Place(proposal.channel, proposal.tx_id)
        begun = self.open[place] = Open(simulation, asyncio.get_running_loop().create_future())
        await self.send(
            messages.Message(
                type=kind,
                payload=serialize(CHAINCODE.ChaincodeInput(args=proposal.args)),
                txid=proposal.tx_id,
                channel_id=proposal.channel,
                proposal=parse(PROPOSAL.SignedProposal, signed),
            )
        )
        return begun

    async def transact(self, signed: bytes, simulation: Simulation, kind: int = messages.TRANSACTION) -> Answer:
        begun = await self.begin(signed, simulation, kind)
        return await asyncio.wait_for(begun.ended, WAIT_S)

    async def read(self) -> None:
        """Take messages until the stream ends."""
        while (message := await self.stream.read()) is not grpc.aio.EOF:
            place = Place(message.channel_id, message.txid)
            if message.type == messages.KEEPALIVE:
                self.kept_alive.put_nowait(message.payload)
            elif place not in self.open:
                self.faults.append(f"{messages.kind_name(message.type)} of a transaction that is not open")
            elif message.type in (messages.COMPLETED, messages.ERROR):
                self.open.pop(place).ended.set_result(_answer(message))
            elif self.open[place].outstanding:
                self.faults.append(f"{messages.kind_name(message.type)} while another request is pending")
            else:
                self.open[place].outstanding = True
                task = asyncio.create_task(self._answer(place, self.open[place], message))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _answer(self, place: Place, begun: Open, message: Any) -> None:
        await self.pace(messages.kind_name(message.type))
        try:
            payload = begun.simulation.answer(message.type, message.payload)
            answer = messages.request(place, messages.RESPONSE, payload)
        except PeerError as error:
            answer = messages.request(place, messages.ERROR, str(error).encode())
        begun.outstanding = False
        await self.send(answer)

    async def send(self, message: Any) -> None:
        """One writer at a time, on this side too."""
        async with self.writing:
            await self.stream.write(message)


def _answer(message: Any) -> Answer:
    kind = messages.kind_name(message.type)
    if message.type == messages.ERROR:
        return Answer(kind, 0, message.payload.decode(), b"", ("", b""))
    event = (message.chaincode_event.event_name, message.chaincode_event.payload)
    return Answer(kind, *messages.parse_response(message.payload), event)


@asynccontextmanager
async def connected(
    address: str,
    abilities: Any = BATCHES,
    credentials: grpc.ChannelCredentials | None = None,
    options: Sequence[tuple[str, int]] = CHANNEL_OPTIONS[:2],
) -> AsyncIterator[Peer]:
    """A registered peer; whatever a real peer would have complained of fails the test."""
    if credentials is None:
        channel = grpc.aio.insecure_channel(address, options=options)
    else:
        channel = grpc.aio.secure_channel(address, credentials, options=options)
    async with channel:
        call = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=messages.Message.SerializeToString,
            response_deserializer=messages.Message.FromString,
        )()
        peer = Peer(call)
        await asyncio.wait_for(peer.register(abilities), WAIT_S)
        reader = asyncio.create_task(peer.read())
        try:
            yield peer
        finally:
            reader.cancel()
            await asyncio.wait({reader})
            call.cancel()
    assert peer.faults == []


@asynccontextmanager
async def serving(
    program: Program = FACTS, limits: Limits | None = None, tls: Tls | None = None
) -> AsyncIterator[tuple[ChaincodeServer, str]]:
    """A server on a free port, and its address."""
    server = ChaincodeServer(Options(CHAINCODE_ID, "127.0.0.1:0", tls), program, limits)
    address = await server.start()
    try:
        yield server, address
    finally:
        await server.stop()
