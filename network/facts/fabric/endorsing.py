"""Endorsements gathered by asking each organisation's peer, without a gateway between.

The gateway service does this for the usual transaction; here it is done where the client itself has to know who
answered what:

- The gateway gave up. All peers are asked at once; as soon as those that agree satisfy every policy the rest is not
  waited for, so that one that is slow, away or wrong stops nobody. Who differs is named.
- One that lies. What an organisation did not sign itself is no endorsement, because a transaction with it would be
  ordered and be invalid for good. Who has to endorse is what the first peer, the own organisation's, says; without it
  nobody's word makes the circle smaller than another's.
- A refusal. It counts once as many organisations give it as have to endorse, because a single peer may be wrong or a
  few milliseconds behind.
- Private values. They go to no more organisations than the policies want: the first peer says what the transaction
  writes, and from that follows the smallest set. The gateway service refuses this case (its plan takes only members of
  the private collection, and one member is not enough for the chaincode's policy).

Peers commit the same block at slightly different moments, so answers that differ are asked for again, a few times.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from chaincode.world.stub import implicit_collection
from network.facts.fabric import wire
from network.facts.fabric.connection import PeerLink
from network.facts.fabric.failures import (
    DUPLICATE,
    STATUS_FAILED,
    STATUS_REFUSED,
    Failure,
    identity_error,
    refusal,
)
from network.facts.fabric.gateway import Gateway
from network.facts.fabric.retry import ATTEMPT_S, Backoff
from network.facts.proposal import Prepared
from network.ports import EndorsementMismatch, Unavailable
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    Endorsement,
    Policy,
    Principal,
    decode_rwset,
    endorsement_message,
    parse_identity,
    parse_policy,
    peers_all,
    peers_at_least,
    verify_signature,
)

ROUNDS_MAX = 5
"""With pauses that add up to about a second: a peer that still differs then is not merely behind."""

_FIRST_PAUSE_S, _PAUSE_S_MAX = 0.05, 0.8
_BEING_SIMULATED = re.compile(r"txid: \w+\(\S+\) exists")
"""A peer simulates one transaction id once at a time; somebody else proposes this one, and it is free again at once."""
_IMPLICIT = implicit_collection("")

_log = logging.getLogger(__name__)


class AlreadyOrdered(Exception):
    """A peer has a transaction with this id in a block."""


@dataclass(frozen=True)
class Agreed:
    """What enough organisations computed alike, with their signatures over it."""

    payload: bytes
    endorsements: tuple[Endorsement, ...]


@dataclass(frozen=True)
class PeerAnswer:
    """One organisation's chaincode's answer; `policies` are those that it calls for beside the chaincode's own."""

    link: PeerLink
    response: wire.ProposalResponse
    policies: tuple[Policy, ...]

    @property
    def organisation(self) -> str:
        """The organisation whose peer answered."""
        return self.link.node.organisation

    @property
    def endorsed(self) -> bool:
        """Whether the peer endorsed; a refusal carries no endorsement."""
        return self.response.endorsement is not None and self.response.status < STATUS_REFUSED

    @property
    def content(self) -> tuple[int, str, bytes]:
        """Equal for all who computed the same; a refusal is equal by its words."""
        return self.response.status, self.response.message, self.response.payload if self.endorsed else b""


@dataclass(frozen=True)
class NoAnswer:
    """Why a peer gave no answer."""

    link: PeerLink
    reason: str


class Endorsers:
    """The peers of the endorsing organisations, and how many of these have to agree by default."""

    def __init__(self, gateway: Gateway, links: Sequence[PeerLink], chaincode: str, endorsements: int) -> None:
        """`links` without organisations that do not endorse, in the order of preference."""
        self._gateway = gateway
        self._links = tuple(links)
        self._chaincode = chaincode
        self._needed = endorsements
        msp_ids = {link.node.msp_id for link in links}
        self._default = parse_policy(peers_at_least(endorsements, sorted(msp_ids))) if self.suffice else None

    @property
    def suffice(self) -> bool:
        """Whether enough organisations' peers are known to satisfy the chaincode's policy."""
        return len({link.node.msp_id for link in self._links}) >= self._needed

    async def agree(self, prepared: Prepared, *, sparingly: bool = False) -> Agreed:
        """Endorsements that satisfy every policy; `sparingly` asks no organisation that is not needed for it.

        Raises Rejected, EndorsementMismatch, Unavailable, AlreadyOrdered.
        """
        backoff = Backoff(_FIRST_PAUSE_S, _PAUSE_S_MAX)
        for last in [False] * (ROUNDS_MAX - 1) + [True]:
            tally = _Tally(self._needed, self._default, prepared.tx_id, self._links[0])
            agreed = await self._round(prepared, tally, sparingly)
            if agreed is not None:
                tally.report()
                return agreed
            if last or not (tally.divided or tally.busy):
                raise tally.verdict()
            await backoff.pause()
        raise AssertionError("the last round returns or raises")

    async def _round(self, prepared: Prepared, tally: _Tally, sparingly: bool) -> Agreed | None:
        """Ask everybody at once; or the first, then whom the policies want beside it, until none can help."""
        left = list(self._links)
        asked = left[:1] if sparingly else left
        while asked:
            left = [link for link in left if link not in asked]
            agreed = await self._wave(asked, prepared, tally)
            if agreed is not None:
                return agreed
            asked = tally.still_needed(left)
        return None

    async def _wave(self, links: Sequence[PeerLink], prepared: Prepared, tally: _Tally) -> Agreed | None:
        """Ask these peers; what is still open once the outcome is certain is cancelled."""
        tasks = {asyncio.ensure_future(self._ask(link, prepared)) for link in links}
        try:
            while tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    agreed = tally.take(each.result())
                    if agreed is not None:
                        return agreed
        finally:
            for each in tasks:
                each.cancel()
        return None

    async def _ask(self, link: PeerLink, prepared: Prepared) -> PeerAnswer | NoAnswer:
        try:
            raw = await self._gateway.ask(link, "endorse", wire.PROCESS_PROPOSAL, prepared.signed, ATTEMPT_S)
            response = wire.proposal_response(raw, self._chaincode)
            _require_its_signature(link, response)
            answer = PeerAnswer(link, response, tuple(_policies(response)))
        except Failure as failure:
            return NoAnswer(link, failure.message or failure.status)
        except EvidenceError as error:
            return NoAnswer(link, error.detail)
        if not response.payload and response.status >= STATUS_FAILED:
            return NoAnswer(link, response.message)
        return answer


class _Tally:
    """Opinions of one round, by what they say."""

    def __init__(self, needed: int, default: Policy | None, tx_id: str, first: PeerLink) -> None:
        self._needed = needed
        self._default = default
        self._tx_id = tx_id
        self._first = first
        self._groups: dict[tuple[int, str, bytes], list[PeerAnswer]] = {}
        self._silent: list[NoAnswer] = []

    @property
    def divided(self) -> bool:
        return len(self._groups) > 1

    @property
    def busy(self) -> bool:
        """Whether a peer simulates the same transaction for somebody else."""
        return any(_BEING_SIMULATED.search(each.reason) for each in self._silent)

    def take(self, answer: PeerAnswer | NoAnswer) -> Agreed | None:
        """Count one answer; gives the outcome once it is certain.

        Raises Rejected or Unavailable when enough organisations refuse alike.
        """
        if isinstance(answer, NoAnswer):
            self._silent.append(answer)
            return None
        group = self._groups.setdefault(answer.content, [])
        group.append(answer)
        if not answer.endorsed:
            if len({each.link.node.msp_id for each in group}) >= self._needed:
                raise self._refusal(group)
            return None
        if self._unmet(group, ()):
            return None
        endorsements = tuple(each.response.endorsement for each in group)
        return Agreed(answer.response.payload, tuple(each for each in endorsements if each is not None))

    def still_needed(self, left: Sequence[PeerLink]) -> list[PeerLink]:
        """Of the peers not asked yet, a set without which the largest agreeing group meets no policy; none when even
        all of them would not help, or when nothing was endorsed."""
        group = self._largest()
        if not group or not group[0].endorsed or self._unmet(group, left):
            return []
        wanted = list(left)
        for link in reversed(left):
            without = [each for each in wanted if each is not link]
            if not self._unmet(group, without):
                wanted = without
        return wanted

    def report(self) -> None:
        """Say who was passed over; the transaction goes on without them."""
        largest = self._largest()
        for group in self._groups.values():
            if group is not largest:
                names = ", ".join(each.organisation for each in group)
                _log.warning("transaction %s: %s answered something else than the others", self._tx_id, names)

    def verdict(self) -> Exception:
        """The error of a round in which nobody prevailed."""
        largest = self._largest()
        if any(DUPLICATE in each.reason for each in self._silent):
            return AlreadyOrdered()
        if self.divided:
            return self._mismatch(largest)
        if not largest:
            texts = [each.reason for each in self._silent]
            return identity_error(texts, self._tx_id) or self._unavailable("no endorser answered")
        if not largest[0].endorsed:
            return self._refusal(largest)
        unmet = self._unmet(largest, ())
        return self._unavailable(f"{' and '.join(policy.describe() for policy in unmet)} must endorse")

    def _largest(self) -> list[PeerAnswer]:
        return max(self._groups.values(), key=len) if self._groups else []

    def _unmet(self, group: Sequence[PeerAnswer], more: Iterable[PeerLink]) -> list[Policy]:
        links = [*(each.link for each in group), *more]
        signers = [Principal(link.node.msp_id, "PEER") for link in links]
        return [policy for policy in self._wanted(group) if not policy.satisfied_by(signers)]

    def _wanted(self, group: Sequence[PeerAnswer]) -> list[Policy]:
        """What the first peer says, where it is one of them; else what any of these says, and one alone decides
        nothing."""
        known = [each for each in group if each.link is self._first]
        heard = known or group
        by_default = any(each.response.interest.by_default for each in heard) or (not known and len(group) == 1)
        own = [self._default] if by_default and self._default is not None else []
        return [*(policy for each in heard for policy in each.policies), *own]

    def _refusal(self, group: Sequence[PeerAnswer]) -> Exception:
        first = group[0]
        return refusal(first.organisation, first.response.status, first.response.message, self._tx_id)

    def _mismatch(self, largest: Sequence[PeerAnswer]) -> EndorsementMismatch:
        usual = largest[0]
        deviating = [each for group in self._groups.values() if group is not largest for each in group]
        found = "; ".join(f"{each.organisation} answered {_short(each)}" for each in deviating)
        return EndorsementMismatch(
            [each.organisation for each in deviating],
            self._tx_id,
            f"{found}, while {usual.organisation} answered {_short(usual)}",
        )

    def _unavailable(self, why: str) -> Unavailable:
        nodes = [(each.link.node, each.reason) for each in self._silent]
        said = "; ".join(f"{node.organisation} ({node.address}): {reason}" for node, reason in nodes)
        return Unavailable(f"{why}: {said}" if said else why, "see `wuxin network doctor`, then repeat")


def _require_its_signature(link: PeerLink, response: wire.ProposalResponse) -> None:
    """Whether the endorsement is this organisation's and holds; that its certificate does, each peer finds out when
    it commits. Raises EvidenceError."""
    endorsement = response.endorsement
    if endorsement is None:
        return
    identity = parse_identity(endorsement.endorser)
    if identity.msp_id != link.node.msp_id:
        raise EvidenceError("forbidden", f"an endorsement of {identity.msp_id}", "see what answers at this address")
    try:
        key = x509.load_pem_x509_certificate(identity.certificate_pem).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError("malformed", "an endorser without a certificate", "see that organisation's peer") from error
    if isinstance(key, ec.EllipticCurvePublicKey):
        verify_signature(key, endorsement_message(response.payload, endorsement.endorser), endorsement.signature)


def _policies(response: wire.ProposalResponse) -> list[Policy]:
    """Those of the keys that are written, and the owners of private collections. Raises EvidenceError."""
    if response.endorsement is None:
        return []
    wanted = list(response.interest.key_policies)
    for changes in decode_rwset(wire.simulated(response.payload)):
        for collection in changes.collections:
            if collection.writes and collection.name.startswith(_IMPLICIT):
                wanted.append(parse_policy(peers_all([collection.name.removeprefix(_IMPLICIT)])))
    return wanted


def _short(answer: PeerAnswer) -> str:
    response = answer.response
    if response.status >= STATUS_REFUSED:
        return f"{response.status} {response.message[:200]}"
    return f"{response.status} with another read-write set, result or event"
