"""A transaction whose key lives elsewhere: in a security module, on another machine, with a person.

    draft = Draft.of(facts, identity, function, args, …)     anybody who knows the certificate
    signature over draft.message                             where the key is
    endorsed = await endorse(ledger, draft, signature)       any node with a connection
    signature over endorsed.message                          where the key is
    commit = await submit(ledger, endorsed, signature)       any node; it asks for the outcome as itself

Both steps pack to bytes and back (Fabric's own ProposedTransaction and PreparedTransaction), so that they may be hours
apart; but the first signature must reach an endorser within fifteen minutes of the draft. ECDSA keys sign
`digest` (SHA-256 of the message), Ed25519 keys the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from network.facts.fabric import wire
from network.facts.fabric.ledger import FabricLedger
from network.facts.fabric.signers import as_fabric_takes_it
from network.facts.proposal import Prepared, require_submitting, unsigned
from network.membership.consortium import Facts
from network.ports import Commit, Rejected
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    Identity,
    Proposal,
    envelope,
    parse_envelope,
    parse_signed_proposal,
    serialized_identity,
    signed_proposal,
)


@dataclass(frozen=True)
class Draft:
    """A proposal that its creator still has to sign: sign `message`."""

    tx_id: str
    message: bytes

    @classmethod
    def of(
        cls,
        facts: Facts,
        identity: Identity,
        function: str,
        args: Mapping[str, Any],
        *,
        now_ms: int,
        private: Mapping[str, bytes] | None = None,
        nonce: bytes | None = None,
    ) -> Draft:
        """Raises Rejected `malformed`, `too_large`, `unsupported_action` for what could never be proposed."""
        require_submitting(function)
        creator = serialized_identity(identity.msp_id, identity.certificate_pem)
        proposal, _ = unsigned(creator, facts, function, args, private=private or {}, nonce=nonce, now_ms=now_ms)
        return cls(proposal.tx_id, proposal.raw)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the message, for a key that signs digests."""
        return sha256(self.message).digest()

    def pack(self) -> bytes:
        """Pack the unsigned proposal as Fabric's gateway clients exchange it."""
        return wire.pack_proposed(self.tx_id, signed_proposal(Proposal(self.tx_id, self.message), b""))

    @classmethod
    def unpack(cls, raw: bytes) -> Draft:
        """Raises Rejected `malformed`."""
        try:
            _, signed = wire.unpack_proposed(raw)
            proposal = parse_signed_proposal(signed)
        except EvidenceError as error:
            raise Rejected(error.code, error.detail, error.hint) from error
        return cls(proposal.tx_id, proposal.proposal)


@dataclass(frozen=True)
class Endorsed:
    """A transaction that its creator still has to sign: sign `message`."""

    tx_id: str
    message: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the message, for a key that signs digests."""
        return sha256(self.message).digest()

    def pack(self) -> bytes:
        """Pack the unsigned envelope as Fabric's gateway clients exchange it."""
        return wire.pack_prepared(self.tx_id, envelope(self.message, b""))

    @classmethod
    def unpack(cls, raw: bytes) -> Endorsed:
        """Raises Rejected `malformed`."""
        try:
            tx_id, message = wire.unpack_prepared(raw)
            if not tx_id or parse_envelope(envelope(message, b"")).tx_id != tx_id:
                raise EvidenceError("malformed", f"the transaction is not {tx_id}", "pack it again")
        except EvidenceError as error:
            raise Rejected(error.code, error.detail, error.hint) from error
        return cls(tx_id, message)


async def endorse(ledger: FabricLedger, draft: Draft, signature: bytes) -> Endorsed:
    """Have a signed draft endorsed. Raises what `Ledger.submit` raises before ordering."""
    signed = signed_proposal(Proposal(draft.tx_id, draft.message), b"")
    proposal = parse_signed_proposal(signed)
    taken = _taken(proposal.creator, signature)
    function, arguments = proposal.args
    require_submitting(function.decode(errors="replace"))
    own = Proposal(draft.tx_id, draft.message)
    prepared = Prepared(own, signed_proposal(own, taken), (function, arguments))
    return Endorsed(draft.tx_id, await ledger.endorse(prepared, private=bool(proposal.transient)))


async def submit(ledger: FabricLedger, endorsed: Endorsed, signature: bytes) -> Commit:
    """Have a signed transaction ordered and wait until it is final. Raises what `Ledger.submit` raises."""
    view = parse_envelope(envelope(endorsed.message, b""))
    signed = envelope(endorsed.message, _taken(Identity(view.creator_msp, view.creator_cert_pem), signature))
    return await ledger.order(endorsed.tx_id, (view.function.encode(), *view.args), signed)


def _taken(creator: Identity, signature: bytes) -> bytes:
    try:
        return as_fabric_takes_it(creator.certificate_pem, signature)
    except EvidenceError as error:
        raise Rejected(error.code, error.detail, error.hint) from error
