"""The ledger of facts on Hyperledger Fabric, behind the `Ledger` port, bound to one seat.

Workflow of `submit`, and what happens where it does not go straight:

    propose        signed here; the same nonce gives the same transaction id
    endorse        by the own peer's gateway. Slow, wrong, refused, away: every endorser is asked directly (endorsing);
                   private values: always directly, and no organisation more than needed
    check          the gateway's Payload is for this very proposal; then it is signed
    submit         to the orderers. Not acknowledged: the outcome is open, so
    commit status  of the same transaction is asked for, and the same envelope sent again, for a minute; then
                   Unavailable with the id. Nothing is ever proposed a second time on our own account
    place          the block itself says which position and validation code the transaction has

A transaction id that stands in a block already is looked up there: the earlier commit, its refusal, or
`idempotency_mismatch` for another command. Read conflicts are the caller's to repeat (`ports.Invalid`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from network.clock import Clock
from network.facts.fabric import query, wire
from network.facts.fabric.block_signers import BlockSigners
from network.facts.fabric.connection import PeerLink
from network.facts.fabric.deliver import Blocks, CommittedBlock
from network.facts.fabric.endorsing import AlreadyOrdered, Endorsers
from network.facts.fabric.events import Events
from network.facts.fabric.failures import Failure, identity_error, port_error, unavailable
from network.facts.fabric.gateway import Gateway
from network.facts.fabric.retry import COMMIT_SLICE_S, OUTCOME_S, UNACKNOWLEDGED_SLICE_S, Deadline, DirectEndorsing
from network.facts.proposal import Prepared, Signer, prepare, require_submitting
from network.membership.connections import FabricNode, FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import Seat
from network.ports import Commit, Invalid, Ledger, Rejected, Unavailable
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import VALID, envelope, proposal_hash, transaction_payload

_ASK_STATUS = "ask for its status, or submit the same command again, which repeats nothing"

_log = logging.getLogger(__name__)


class FabricLedger:
    """`Ledger` over the peers of a Fabric channel, signing with one client certificate."""

    def __init__(
        self,
        consortium: Consortium,
        signer: Signer,
        clock: Clock,
        connection: FactsConnection,
        signers: BlockSigners | None = None,
    ) -> None:
        self._facts = consortium.facts
        self._signer = signer
        self._clock = clock
        self._names = {member.msp_id: member.name for member in consortium.organisations}
        links = [PeerLink(node) for node in connection.peers]
        self._gateway = Gateway(links, signer, self._facts.channel)
        endorsing = {member.msp_id for member in consortium.endorsers}
        self._endorsers = Endorsers(
            self._gateway,
            [link for link in links if link.node.msp_id in endorsing],
            self._facts.chaincode,
            self._facts.endorsements,
        )
        self._blocks = Blocks(self._gateway, signer, self._facts.channel, clock, signers)
        self._events = Events(self._gateway, signer, self._facts.channel, self._facts.chaincode)
        self._direct = DirectEndorsing()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closed = False

    async def submit(
        self,
        function: str,
        args: Mapping[str, Any],
        *,
        private: Mapping[str, bytes] | None = None,
        nonce: bytes | None = None,
    ) -> Commit:
        """Endorse, order and commit one call; see `Ledger.submit` for what the answer means and what is raised."""
        require_submitting(function)
        prepared = self._prepare(function, args, private or {}, nonce)
        if nonce is None:
            return await self._submit(prepared, private=bool(private))
        async with self._turns.setdefault(prepared.tx_id, asyncio.Lock()):
            return await self._submit(prepared, private=bool(private), repeatable=True)

    async def endorse(self, prepared: Prepared, *, private: bool = False) -> bytes:
        """The Payload that the creator signs; with `private` no organisation is asked that is not needed.

        Raises AlreadyOrdered, Rejected, EndorsementMismatch, Unavailable.
        """
        if self._endorsers.suffice and (private or self._direct.active):
            return await self._endorsed_directly(prepared, private)
        try:
            with _readable():
                payload = await self._gateway.endorse(prepared.tx_id, prepared.signed)
            return _checked(payload, prepared)
        except Failure as failure:
            if failure.already_ordered:
                raise AlreadyOrdered from failure
            known = identity_error(failure.texts, prepared.tx_id)
            if known is not None or not self._endorsers.suffice:
                raise known or port_error(failure, self._names, prepared.tx_id) from failure
            if failure.refusal() is None:
                _log.info("transaction %s: %s; asking each endorser", prepared.tx_id, failure)
            late = failure.node if failure.status == "DEADLINE_EXCEEDED" else None
        payload, _ = await asyncio.gather(self._endorsed_directly(prepared, private), self._find_out(late))
        return payload

    async def order(self, tx_id: str, args: Sequence[bytes], signed: bytes) -> Commit:
        """Have a signed envelope ordered and wait until it is final; `args` are its function and arguments.

        A refusal is one only where no attempt before it is open: else what was sent earlier may still be ordered.
        Raises Rejected, Invalid, Unavailable (with the transaction's id: it was sent).
        """
        deadline, reason, is_open = Deadline(OUTCOME_S), "it is in no block", False
        while deadline.left_s > 0:
            refused, slice_s = None, COMMIT_SLICE_S
            try:
                await self._gateway.submit(tx_id, signed)
            except Failure as failure:
                refused, reason, slice_s = failure.ordering_refusal(tx_id), str(failure), UNACKNOWLEDGED_SLICE_S
            block = await self._committed(tx_id, deadline.at_most(slice_s))
            if block is not None:
                return _commit(tx_id, block, args)
            if refused is not None and not is_open:
                raise refused
            is_open = True
        raise _unknown(tx_id, f"after {OUTCOME_S:.0f} s: {reason}")

    async def evaluate(self, function: str, args: Mapping[str, Any]) -> Any:
        """Ask the seat's own peer, or another that answers, and leave nothing behind. Raises Rejected, Unavailable."""
        prepared = self._prepare(function, args, {}, None)
        try:
            with _readable():
                return _json(await self._gateway.evaluate(prepared.tx_id, prepared.signed))
        except Failure as failure:
            raise port_error(failure, self._names, prepared.tx_id) from failure

    def blocks(self, after: int) -> AsyncIterator[bytes]:
        """Follow the blocks after number `after`, for ever, from whichever peer delivers."""
        return self._blocks.follow(after)

    def events(self, after_block: int, after_tx_id: str = "") -> AsyncIterator[wire.ChaincodeEvent]:
        """The chaincode's events of valid transactions after a position, in order, for ever."""
        return self._events.follow(after_block, after_tx_id)

    async def status(self, tx_id: str) -> Commit | None:
        """Find a transaction that is in a block; None where no peer knows it. Raises Invalid where it is not valid."""
        found = await self._find(tx_id)
        return None if found is None else _commit(tx_id, found)

    async def height(self) -> int:
        """Count the blocks that the peer has. Raises Unavailable."""
        self._require_open()
        try:
            return await query.height(self._gateway, self._signer, self._facts.channel, self._clock.now_ms())
        except Failure as failure:
            raise unavailable(failure, self._names) from failure

    async def aclose(self) -> None:
        """Stop following and close every connection."""
        self._closed = True
        self._blocks.close()
        await self._gateway.aclose()

    def _prepare(
        self, function: str, args: Mapping[str, Any], private: Mapping[str, bytes], nonce: bytes | None
    ) -> Prepared:
        self._require_open()
        now_ms = self._clock.now_ms()
        return prepare(self._signer, self._facts, function, args, private=private, nonce=nonce, now_ms=now_ms)

    async def _submit(self, prepared: Prepared, *, private: bool, repeatable: bool = False) -> Commit:
        try:
            payload = await self.endorse(prepared, private=private)
        except AlreadyOrdered:
            block = await self._committed(prepared.tx_id, UNACKNOWLEDGED_SLICE_S)
            if block is None:
                raise _unknown(prepared.tx_id, "a peer says that it is in a block, and none shows it") from None
            return _commit(prepared.tx_id, block, prepared.args)
        except Rejected:
            # The refusal may be the effect of this very command, committed by another process meanwhile.
            earlier = await self._earlier(prepared) if repeatable else None
            if earlier is None:
                raise
            return earlier
        return await self.order(prepared.tx_id, prepared.args, envelope(payload, self._signer.sign(payload)))

    async def _endorsed_directly(self, prepared: Prepared, private: bool) -> bytes:
        agreed = await self._endorsers.agree(prepared, sparingly=private)
        return transaction_payload(prepared.proposal.raw, agreed.payload, agreed.endorsements)

    async def _find_out(self, late: FabricNode | None) -> None:
        """Whether a gateway that did not answer is away itself, or waited for an endorser."""
        if late is None:
            return
        self._direct.begin()
        link = next(link for link in self._gateway.links() if link.node is late)
        now_ms = self._clock.now_ms()
        if await query.chain_height(self._gateway, link, self._signer, self._facts.channel, now_ms) is None:
            self._gateway.suspect(late)

    async def _committed(self, tx_id: str, within_s: float) -> CommittedBlock | None:
        """The block that has the transaction, None when none has within that time."""
        try:
            with _readable(tx_id):
                found = await self._gateway.committed(tx_id, within_s)
            return None if found is None else await self._blocks.fetch(*found)
        except Failure as failure:
            raise unavailable(failure, self._names, tx_id) from failure
        except Unavailable as missing:
            raise Unavailable(missing.detail, missing.hint, tx_id=tx_id) from missing

    async def _earlier(self, prepared: Prepared) -> Commit | None:
        """The commit of the same nonce. Raises Invalid, or Rejected `idempotency_mismatch` for another command."""
        found = await self._find(prepared.tx_id)
        return None if found is None else _commit(prepared.tx_id, found, prepared.args)

    async def _find(self, tx_id: str) -> CommittedBlock | None:
        self._require_open()
        now_ms = self._clock.now_ms()
        try:
            raw = await query.block_of(self._gateway, self._signer, self._facts.channel, now_ms, tx_id)
        except Failure as failure:
            raise unavailable(failure, self._names, tx_id) from failure
        if raw is None:
            return None
        with _readable(tx_id):
            block = CommittedBlock.read(raw)
        return await self._blocks.confirmed(block)

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("the ledger of facts is closed", "open it again")


def _unknown(tx_id: str, why: str) -> Unavailable:
    return Unavailable(f"the outcome of transaction {tx_id} is unknown: {why}", _ASK_STATUS, tx_id=tx_id)


@contextmanager
def _readable(tx_id: str = "") -> Generator[None]:
    """A peer's answer is read in here. Raises Unavailable; with a `tx_id` that transaction's outcome is unknown."""
    try:
        yield
    except (EvidenceError, ValueError) as error:
        detail = f"a peer answered what cannot be read: {error}"
        raise Unavailable(detail, "see `wuxin network doctor`, then repeat", tx_id=tx_id) from error


def _checked(payload: bytes, prepared: Prepared) -> bytes:
    """The Payload, if it is for this proposal: nobody has us sign something else."""
    try:
        hashes = wire.proposal_hashes(payload)
    except EvidenceError as error:
        raise Unavailable(f"the gateway prepared something unreadable: {error.detail}", "use another peer") from error
    if set(hashes) != {proposal_hash(prepared.proposal.raw)}:
        raise Unavailable("the gateway prepared a transaction for another proposal", "use another peer")
    return payload


def _commit(tx_id: str, block: CommittedBlock, args: Sequence[bytes] | None = None) -> Commit:
    """Where a transaction stands and what it returned.

    Raises Invalid, and Rejected `idempotency_mismatch` when it is not the command with these `args`.
    """
    with _readable(tx_id):
        return _read_commit(tx_id, block, args)


def _read_commit(tx_id: str, block: CommittedBlock, args: Sequence[bytes] | None) -> Commit:
    view = block.transaction(tx_id)
    if view is None:
        raise _unknown(tx_id, f"block {block.number} is said to have it and has not")
    if args is not None and (view.function.encode(), *view.args) != tuple(args):
        raise Rejected(
            "idempotency_mismatch",
            f"transaction {tx_id} was {view.function} with other arguments",
            "use a new key for a new command",
            tx_id=tx_id,
        )
    if view.validation_code != VALID:
        raise Invalid(tx_id, block.reason(view), block.number)
    return Commit(tx_id, block.number, view.index, _json(view.response))


def _json(result: bytes) -> Any:
    return json.loads(result) if result else None


def open_ledger(
    consortium: Consortium,
    seat: Seat,
    clock: Clock,
    connection: FactsConnection,
    signers: BlockSigners | None = None,
) -> Ledger:
    """The ledger of facts on Fabric for one seat, through its own organisation's peers before all others: they alone
    have its private values, and what others deliver must be signed by `signers`. Connections are made when they are
    needed; close with `aclose`."""
    own_first = sorted(connection.peers, key=lambda node: node.msp_id != seat.msp_id)
    connection = FactsConnection(tuple(own_first), connection.orderers)
    return FabricLedger(consortium, seat.fabric_signer, clock, connection, signers)
