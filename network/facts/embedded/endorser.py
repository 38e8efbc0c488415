"""An endorser: one organisation's own opinion of what a proposal does.

`endorse` checks who proposes (certificate, signature, time), runs the chaincode over a snapshot of committed state
and signs the read-write set it arrived at. Each endorser holds its own organisation's key and no other, and takes
no other's result: with altered code it signs something else, and the client sees who.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chaincode import contract
from chaincode.world.stub import Stub
from network.facts.embedded.private_data import Vault
from network.facts.embedded.simulator import Simulator
from network.facts.embedded.state import PrivateValue, State
from network.membership.consortium import Consortium, Organisation
from network.membership.identities import FabricSigner, Roots, has_signed, may_create
from network.ports import Rejected
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    Endorsement,
    NamespaceChanges,
    Outcome,
    SignedProposal,
    VerifiedIdentity,
    encode_rwset,
    endorsement_message,
    parse_signed_proposal,
    response_payload,
)

CLOCK_SKEW_MS_MAX = 15 * 60 * 1000
"""Fabric's authentication time window: how far a proposal's time may be from the endorser's clock."""

STATUS_ERROR = 400
"""From here on a response is a refusal and is not endorsed."""

STATUS_FAILED = 500


class Response(Protocol):
    """What a chaincode answers: status 200 with a payload, or a refusal in the message."""

    @property
    def status(self) -> int:
        """The status: 200, or 400 and above for a refusal."""
        ...

    @property
    def message(self) -> str:
        """The refusal as JSON; empty otherwise."""
        ...

    @property
    def payload(self) -> bytes:
        """The answer as JSON; empty for a refusal."""
        ...


Invoke = Callable[[Stub, Sequence[bytes]], Response]


@dataclass(frozen=True)
class Answer:
    """One endorser's answer: what the chaincode said and, unless it refused, the endorsed payload.

    `private` holds the values for its own organisation's collection, sealed; they are stored at commit. `changes` is
    the read-write set inside `payload`, as values.
    """

    organisation: str
    status: int
    message: str
    result: bytes
    payload: bytes = b""
    endorsement: Endorsement | None = None
    private: tuple[PrivateValue, ...] = ()
    changes: NamespaceChanges | None = None


class Endorser:
    """One organisation's endorser: it checks a proposal, runs the chaincode over a snapshot, signs what came out."""

    def __init__(
        self,
        organisation: Organisation,
        signer: FabricSigner,
        private_secret: bytes,
        consortium: Consortium,
        roots: Roots,
        invoke: Invoke = contract.invoke,
    ) -> None:
        self.organisation = organisation
        self._signer = signer
        self._vault = Vault(organisation.msp_id, private_secret)
        self._facts = consortium.facts
        self._roots = roots
        self._invoke = invoke

    def endorse(self, raw: bytes, state: State, now_ms: int) -> Answer:
        """Simulate a signed proposal and sign the outcome. Raises Rejected where the proposal itself is unsound."""
        proposal = self._open(raw, now_ms)
        simulator = Simulator(state, proposal, self._vault, for_ledger=True)
        response = self._run(simulator, proposal)
        if response.status >= STATUS_ERROR:
            return Answer(self.organisation.name, response.status, response.message, b"")
        changes = simulator.changes()
        outcome = Outcome(
            rwset=encode_rwset([changes]),
            status=response.status,
            message=response.message,
            payload=response.payload,
            event_name=simulator.event[0],
            event_payload=simulator.event[1],
        )
        payload = response_payload(proposal.proposal, proposal.chaincode, proposal.tx_id, outcome)
        signature = self._signer.sign(endorsement_message(payload, self._signer.identity))
        return Answer(
            self.organisation.name,
            response.status,
            response.message,
            response.payload,
            payload,
            Endorsement(self._signer.identity, signature),
            self._own_private(simulator),
            changes,
        )

    def evaluate(self, raw: bytes, state: State, now_ms: int) -> Answer:
        """Simulate only; ranges are allowed, nothing is signed."""
        proposal = self._open(raw, now_ms)
        response = self._run(Simulator(state, proposal, self._vault, for_ledger=False), proposal)
        return Answer(self.organisation.name, response.status, response.message, response.payload)

    def _run(self, simulator: Simulator, proposal: SignedProposal) -> Response:
        try:
            return self._invoke(simulator, proposal.args)
        except Exception as error:  # noqa: BLE001 - a chaincode that breaks is an answer of this endorser, not of the ledger
            return contract.Response(STATUS_FAILED, f"chaincode failed: {type(error).__name__}: {error}", b"")

    def _own_private(self, simulator: Simulator) -> tuple[PrivateValue, ...]:
        collection = self._vault.collection
        return tuple(
            PrivateValue(collection, key, None if value is None else self._vault.seal(key, value))
            for key, value in simulator.private_writes.get(collection, {}).items()
        )

    def _open(self, raw: bytes, now_ms: int) -> SignedProposal:
        """Read a proposal and check who makes it, before any of its code runs."""
        try:
            proposal = parse_signed_proposal(raw)
            creator = self._roots.identify(proposal.creator_bytes, now_ms)
        except EvidenceError as error:
            raise Rejected(error.code, error.detail, error.hint, organisation=self.organisation.name) from error
        problem = self._problem(proposal, creator, now_ms)
        if problem is not None:
            raise Rejected(*problem, tx_id=proposal.tx_id, organisation=self.organisation.name)
        return proposal

    def _problem(self, proposal: SignedProposal, creator: VerifiedIdentity, now_ms: int) -> tuple[str, str, str] | None:
        """Code, detail and hint of what makes this endorser refuse a proposal unseen."""
        facts = self._facts
        if not may_create(creator):
            detail = f"a certificate with the role {creator.principal.role} does not propose"
            return "forbidden", detail, "propose with the organisation's client certificate"
        if not has_signed(creator, proposal.proposal, proposal.signature):
            return "bad_signature", "the proposal's signature is not its creator's", "sign the proposal's bytes"
        if (proposal.channel, proposal.chaincode) != (facts.channel, facts.chaincode):
            detail = f"no chaincode {proposal.chaincode!r} on {proposal.channel!r} here"
            return "not_found", detail, f"use {facts.chaincode} on {facts.channel}"
        if abs(proposal.timestamp_s * 1000 - now_ms) > CLOCK_SKEW_MS_MAX:
            detail = "the proposal's time is more than 15 minutes from this endorser's clock"
            return "clock_skew", detail, "set the client's clock, then propose again"
        return None
