"""Peers with a gateway, spoken to over real gRPC and TLS, whose ledger is the embedded engine's: one per endorser.

They answer as Fabric's do, in Fabric's words, and can be told to do wrong: `peer.faults[method]` is a list of `Fault`s,
each met once, `peer.mangle` edits what a block delivery sends, `stop` and `start` are the peer's death and return.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from network.facts.embedded.endorser import Answer, Endorser
from network.facts.embedded.engine import LocalFacts
from network.facts.embedded.proposal import Agreed
from network.facts.embedded.state import State
from network.facts.embedded.validate import Policies
from network.facts.fabric import wire
from network.membership.connections import FabricNode, FactsConnection
from network.membership.identities import key_to_pem, new_key
from network.ports import Rejected
from wuxin_evidence.fabric import (
    COMMON,
    EVENTS,
    GATEWAY,
    LEDGER,
    ORDERING,
    POLICIES,
    PROPOSAL_RESPONSE,
    Principal,
    parse,
    parse_envelope,
    parse_signed_proposal,
    serialize,
    transaction_payload,
)

MISMATCH = "ProposalResponsePayloads do not match"
TOO_MANY = "too many requests for /gateway.Gateway, exceeding concurrency limit (500)"
NO_QUORUM = "insufficient number of orderers could successfully process transaction to satisfy quorum requirement"


@dataclass(frozen=True)
class Fault:
    """An error instead of an answer; `after` does the work first, `hang_s` waits before."""

    status: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    message: str = "injected"
    after: bool = False
    hang_s: float = 0.0


def make_certificate() -> tuple[bytes, bytes]:
    """Key and self-signed certificate (PEM) for 127.0.0.1."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key_to_pem(key), certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class FakePeer:
    """One organisation's peer; `calls` counts what was asked by method name."""

    network: FakeNetwork
    endorser: Endorser
    node: FabricNode
    faults: defaultdict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    mangle: Callable[[int, bytes], Sequence[bytes | int]] | None = None
    calls: Counter[str] = field(default_factory=Counter)
    server: Any = None

    @property
    def name(self) -> str:
        return self.node.organisation

    async def start(self) -> None:
        self.server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        unary = {
            "/gateway.Gateway/Endorse": self.endorse,
            "/gateway.Gateway/Submit": self.submit,
            "/gateway.Gateway/CommitStatus": self.commit_status,
            "/gateway.Gateway/Evaluate": self.evaluate,
            "/protos.Endorser/ProcessProposal": self.process_proposal,
        }
        streams = {
            "/protos.Deliver/Deliver": grpc.stream_stream_rpc_method_handler(self.deliver),
            "/gateway.Gateway/ChaincodeEvents": grpc.unary_stream_rpc_method_handler(self.chaincode_events),
        }
        handlers = {**{name: self._faulty(name, serve) for name, serve in unary.items()}, **streams}
        for path, handler in handlers.items():
            service, method = path[1:].split("/")
            generic = grpc.method_handlers_generic_handler(service, {method: handler})
            self.server.add_generic_rpc_handlers((generic,))
        key, certificate = self.network.tls
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        assert self.server.add_secure_port(self.node.address, credentials)
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop(None)

    def _faulty(self, path: str, serve: Callable[[bytes, Any], Any]) -> Any:
        method = path.rpartition("/")[2]

        async def handle(request: bytes, context: Any) -> bytes:
            self.calls[method] += 1
            fault = self.faults[method].pop(0) if self.faults[method] else None
            if fault is not None and not fault.after:
                await asyncio.sleep(fault.hang_s)
                await context.abort(fault.status, fault.message)
            answer = await serve(request, context)
            if fault is not None:
                await asyncio.sleep(fault.hang_s)
                await context.abort(fault.status, fault.message)
            return answer

        return grpc.unary_unary_rpc_method_handler(handle)

    # --- gateway.Gateway

    async def endorse(self, raw: bytes, context: Any) -> bytes:
        request = parse(GATEWAY.EndorseRequest, raw)
        signed = serialize(request.proposed_transaction)
        proposal = parse_signed_proposal(signed)
        if proposal.transient:
            await self._fail(context, grpc.StatusCode.FAILED_PRECONDITION, "requires endorsement from organisation(s)")
        await self._refuse_duplicate(context, proposal.tx_id)
        own = await self._simulate(signed, context)
        if own.status >= 400:
            await self._abort_refused(context, own)
        agreeing, details = [own], []
        for peer in self.network.others(self):
            if not self.network.unmet(agreeing):
                break
            if not peer.is_up:
                continue
            answer = await peer._simulate(signed, context)
            if answer.payload == own.payload:
                agreeing.append(answer)
            else:
                details.append(wire.ErrorDetail(peer.node.address, peer.node.msp_id, MISMATCH))
        if self.network.unmet(agreeing):
            text = "failed to collect enough transaction endorsements, see attached details for more info"
            await self._fail(context, grpc.StatusCode.ABORTED, text, details)
        self.network.transient[proposal.tx_id] = _agreed(agreeing)
        payload = transaction_payload(proposal.proposal, own.payload, [each.endorsement for each in agreeing])
        return serialize(GATEWAY.EndorseResponse(prepared_transaction=COMMON.Envelope(payload=payload)))

    @property
    def is_up(self) -> bool:
        return self.server is not None

    async def submit(self, raw: bytes, context: Any) -> bytes:
        request = parse(GATEWAY.SubmitRequest, raw)
        envelope = serialize(request.prepared_transaction)
        if self.network.losing > 0:
            self.network.losing -= 1
            return b""
        facts = self.network.facts
        try:
            if await facts.run(facts.find, request.transaction_id) is None:
                facts.order(envelope, self.network.transient.get(request.transaction_id))
        except Rejected as refused:
            text = f"received unsuccessful response from orderer: status=BAD_REQUEST, info={refused.detail}"
            await self._fail(context, grpc.StatusCode.ABORTED, text)
        return b""

    async def commit_status(self, raw: bytes, context: Any) -> bytes:
        request = parse(GATEWAY.CommitStatusRequest, parse(GATEWAY.SignedCommitStatusRequest, raw).request)
        facts = self.network.facts
        following = facts.blocks(await facts.run(facts.height) - 1)
        while (found := await facts.run(facts.find, request.transaction_id)) is None:
            await anext(following)
        return serialize(GATEWAY.CommitStatusResponse(result=found[0].code, block_number=found[0].block))

    async def evaluate(self, raw: bytes, context: Any) -> bytes:
        request = parse(GATEWAY.EvaluateRequest, raw)
        assert list(request.target_organizations) == [self.node.msp_id]
        signed = serialize(request.proposed_transaction)
        answer = await self.network.facts.run(self._run, signed, self.endorser.evaluate)
        if answer.status >= 400:
            text = f"chaincode response {answer.status}, {answer.message}"
            detail = wire.ErrorDetail(self.node.address, self.node.msp_id, text)
            await self._fail(
                context, grpc.StatusCode.UNKNOWN, f"evaluate call to endorser returned error: {text}", [detail]
            )
        result = PROPOSAL_RESPONSE.Response(status=answer.status, payload=answer.result)
        return serialize(GATEWAY.EvaluateResponse(result=result))

    async def chaincode_events(self, raw: bytes, context: Any) -> AsyncIterator[bytes]:
        request = parse(GATEWAY.ChaincodeEventsRequest, parse(GATEWAY.SignedChaincodeEventsRequest, raw).request)
        self.calls["ChaincodeEvents"] += 1
        waiting = bool(request.after_transaction_id)
        async for block in self.network.facts.blocks(request.start_position.specified.number - 1):
            if self.faults["ChaincodeEvents"]:
                fault = self.faults["ChaincodeEvents"].pop(0)
                await context.abort(fault.status, fault.message)
            found, codes, number = wire.envelopes(block)
            events = []
            for envelope, code in zip(found, codes, strict=True):
                view = parse_envelope(envelope)
                if waiting:
                    waiting = view.tx_id != request.after_transaction_id
                elif code == 0 and view.event_name:
                    events.append({"tx_id": view.tx_id, "event_name": view.event_name, "payload": view.event_payload})
            yield serialize(GATEWAY.ChaincodeEventsResponse(events=events, block_number=number))

    # --- protos.Endorser and protos.Deliver

    async def process_proposal(self, raw: bytes, context: Any) -> bytes:
        proposal = parse_signed_proposal(raw)
        if proposal.chaincode == "qscc":
            return await self._query(proposal.args)
        await self._refuse_duplicate(context, proposal.tx_id)
        answer = await self._simulate(raw, context)
        response = PROPOSAL_RESPONSE.Response(status=answer.status, message=answer.message, payload=answer.result)
        if answer.endorsement is None:
            payload = b"" if answer.status < 500 else b"what the chaincode failed with"
            return serialize(PROPOSAL_RESPONSE.ProposalResponse(response=response, payload=payload))
        stored = self.network.transient.get(proposal.tx_id)
        mine = _agreed([answer])
        private = (*(stored.private if stored else ()), *mine.private)
        self.network.transient[proposal.tx_id] = Agreed(
            mine.payload, mine.result, mine.changes, mine.endorsements, private
        )
        endorsement = PROPOSAL_RESPONSE.Endorsement(
            endorser=answer.endorsement.endorser, signature=answer.endorsement.signature
        )
        return serialize(
            PROPOSAL_RESPONSE.ProposalResponse(
                response=response,
                payload=answer.payload,
                endorsement=endorsement,
                interest=await self.network.facts.run(self._interest, proposal.chaincode, answer),
            )
        )

    async def deliver(self, requests: Any, context: Any) -> AsyncIterator[bytes]:
        self.calls["Deliver"] += 1
        if self.faults["Deliver"]:
            fault = self.faults["Deliver"].pop(0)
            await context.abort(fault.status, fault.message)
        async for raw in requests:
            seek = parse(ORDERING.SeekInfo, parse(COMMON.Payload, parse(COMMON.Envelope, raw).payload).data)
            first, last = seek.start.specified.number, seek.stop.specified.number
            async for block in self.network.facts.blocks(first - 1):
                number = parse(COMMON.Block, block).header.number
                for each in self.mangle(number, block) if self.mangle else [block]:
                    if isinstance(each, int):
                        await asyncio.sleep(0.02)
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "stream cut")
                    yield serialize(EVENTS.DeliverResponse(block=parse(COMMON.Block, each)))
                if number == last:
                    yield serialize(EVENTS.DeliverResponse(status=200))
                    break

    # --- what they share

    async def _query(self, args: Sequence[bytes]) -> bytes:
        facts, function = self.network.facts, args[0].decode()
        if function == "GetChainInfo":
            height = await facts.run(facts.height)
            return _answered(serialize(LEDGER.BlockchainInfo(height=height)))
        tx_id = args[2].decode()
        found = await facts.run(facts.find, tx_id)
        if found is None:
            text = f"Failed to get block for txID {tx_id}, error no such transaction ID [{tx_id}] in index"
            return serialize(
                PROPOSAL_RESPONSE.ProposalResponse(response=PROPOSAL_RESPONSE.Response(status=500, message=text))
            )
        return _answered(await anext(facts.blocks(found[0].block - 1)))

    async def _simulate(self, signed: bytes, context: Any) -> Answer:
        try:
            return await self.network.facts.run(self._run, signed, self.endorser.endorse)
        except Rejected as refused:
            await self._fail(context, grpc.StatusCode.UNKNOWN, refused.detail)
            raise

    def _run(self, signed: bytes, how: Callable[[bytes, State, int], Answer]) -> Answer:
        with self.network.facts._storage.snapshot() as connection:
            return how(signed, State(connection), self.network.facts.clock.now_ms())

    def _interest(self, chaincode: str, answer: Answer) -> Any:
        changes = answer.changes
        assert changes is not None
        keys = {write.key for write in changes.writes} | {write.key for write in changes.metadata_writes}
        with self.network.facts._storage.snapshot() as connection:
            policies = [State(connection).policy(key) for key in sorted(keys)]
        public = PROPOSAL_RESPONSE.ChaincodeCall(
            name=chaincode,
            key_policies=[parse(POLICIES.SignaturePolicyEnvelope, each) for each in policies if each is not None],
            disregard_namespace_policy=bool(policies) and None not in policies,
        )
        private = [
            PROPOSAL_RESPONSE.ChaincodeCall(name=chaincode, collection_names=[each.name], no_private_reads=True)
            for each in changes.collections
        ]
        return PROPOSAL_RESPONSE.ChaincodeInterest(chaincodes=[public, *private])

    async def _refuse_duplicate(self, context: Any, tx_id: str) -> None:
        facts = self.network.facts
        if await facts.run(facts.find, tx_id) is not None:
            await self._fail(context, grpc.StatusCode.UNKNOWN, f"duplicate transaction found [{tx_id}]. Creator [0a]")

    async def _abort_refused(self, context: Any, answer: Answer) -> None:
        text = f"chaincode response {answer.status}, {answer.message}"
        detail = wire.ErrorDetail(self.node.address, self.node.msp_id, text)
        message = "failed to endorse transaction, see attached details for more info"
        await self._fail(context, grpc.StatusCode.ABORTED, message, [detail])

    async def _fail(
        self, context: Any, status: grpc.StatusCode, message: str, details: Sequence[wire.ErrorDetail] = ()
    ) -> None:
        packed = wire.pack_error_details(status.value[0], message, details)
        context.set_trailing_metadata((("grpc-status-details-bin", packed),))
        await context.abort(status, message)


def _answered(payload: bytes) -> bytes:
    response = PROPOSAL_RESPONSE.Response(status=200, payload=payload)
    return serialize(PROPOSAL_RESPONSE.ProposalResponse(response=response))


def _agreed(answers: Sequence[Answer]) -> Agreed:
    first = answers[0]
    assert first.changes is not None
    return Agreed(
        first.payload,
        first.result,
        first.changes,
        tuple(each.endorsement for each in answers if each.endorsement is not None),
        tuple(value for each in answers for value in each.private),
    )


class FakeNetwork:
    """All peers over one embedded engine; `losing` submits are acknowledged and thrown away."""

    def __init__(self, facts: LocalFacts, ports: Sequence[int]) -> None:
        self.facts = facts
        self.tls = make_certificate()
        self.transient: dict[str, Agreed] = {}
        self.losing = 0
        endorsers = facts.consortium.endorsers
        self.policies = Policies(facts.consortium.facts.endorsements, [each.msp_id for each in endorsers])
        root = self.tls[1].decode()
        self.peers = {
            endorser.organisation.name: FakePeer(
                self,
                endorser,
                FabricNode(endorser.organisation.name, endorser.organisation.msp_id, f"127.0.0.1:{port}", root),
            )
            for endorser, port in zip(facts._endorsers, ports, strict=True)
        }

    @property
    def connection(self) -> FactsConnection:
        return FactsConnection(tuple(peer.node for peer in self.peers.values()))

    def others(self, peer: FakePeer) -> list[FakePeer]:
        return [each for each in self.peers.values() if each is not peer]

    def unmet(self, answers: Sequence[Answer]) -> tuple[str, ...]:
        signers = [Principal(self.facts.consortium.organisation(each.organisation).msp_id, "PEER") for each in answers]
        changes = answers[0].changes
        assert changes is not None
        with self.facts._storage.snapshot() as connection:
            return self.policies.unmet(changes, signers, State(connection))

    async def start(self) -> None:
        for peer in self.peers.values():
            await peer.start()

    async def stop(self) -> None:
        for peer in self.peers.values():
            await peer.stop()


def altered(block: bytes) -> bytes:
    """The block with other transactions than its header names."""
    message = parse(COMMON.Block, block)
    message.data.data.append(b"another transaction")
    return serialize(message)


def orphaned(block: bytes) -> bytes:
    """The block with another one before it."""
    message = parse(COMMON.Block, block)
    message.header.previous_hash = bytes(32)
    return serialize(message)
