"""A command as Fabric proposes it: checked, numbered by its nonce, signed by one seat. Both ledgers of facts take it.

    prepared = prepare(signer, facts, function, args, private=…, nonce=…, now_ms=…)

What could never be proposed is refused here, before anybody is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaincode.contract import FUNCTIONS
from network.membership.consortium import Facts
from network.ports import Rejected
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import NONCE_BYTES, Proposal, propose, signed_proposal

ARGUMENT_BYTES_MAX = 1024 * 1024
PRIVATE_BYTES_MAX = 1024 * 1024
"""A block of 500 transactions of this size still is one message; real commands take a few kilobytes."""


class Signer(Protocol):
    """Whoever signs for a seat; `identity` is the SerializedIdentity that its messages carry."""

    @property
    def organisation(self) -> str:
        """The organisation's name in the consortium file."""
        ...

    @property
    def msp_id(self) -> str:
        """The organisation's MSP id."""
        ...

    @property
    def identity(self) -> bytes:
        """The SerializedIdentity with which the signer's messages name it."""
        ...

    def sign(self, message: bytes, /) -> bytes:
        """Sign a message: ECDSA over SHA-256 in DER, with a low s."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A proposal and its signed form; `args` are function name and canonical JSON."""

    proposal: Proposal
    signed: bytes
    args: tuple[bytes, bytes]

    @property
    def tx_id(self) -> str:
        """The transaction id in hex: SHA-256 over nonce and creator."""
        return self.proposal.tx_id


def require_submitting(function: str) -> None:
    """Raises Rejected for a function that only answers: in a block its answer would be everybody's."""
    known = FUNCTIONS.get(function)
    if known is not None and not known.submitting:
        detail = f"{function} answers a question and cannot be submitted"
        raise Rejected("unsupported_action", detail, "evaluate this function instead of submitting it")


def prepare(
    signer: Signer,
    facts: Facts,
    function: str,
    args: Mapping[str, Any],
    *,
    private: Mapping[str, bytes],
    nonce: bytes | None,
    now_ms: int,
) -> Prepared:
    """A signed proposal. Raises Rejected `malformed`, `too_large` for what could never be proposed."""
    proposal, arguments = unsigned(signer.identity, facts, function, args, private=private, nonce=nonce, now_ms=now_ms)
    return Prepared(proposal, signed_proposal(proposal, signer.sign(proposal.raw)), arguments)


def unsigned(
    identity: bytes,
    facts: Facts,
    function: str,
    args: Mapping[str, Any],
    *,
    private: Mapping[str, bytes],
    nonce: bytes | None,
    now_ms: int,
) -> tuple[Proposal, tuple[bytes, bytes]]:
    """A proposal whose creator (SerializedIdentity bytes) still has to sign it, and its arguments.

    Raises Rejected `malformed`, `too_large`.
    """
    if nonce is not None and len(nonce) != NONCE_BYTES:
        raise Rejected("malformed", f"a nonce of {len(nonce)} bytes", f"a nonce has {NONCE_BYTES} bytes")
    if sum(len(value) for value in private.values()) > PRIVATE_BYTES_MAX:
        raise Rejected("too_large", "the private values exceed 1 MiB", "keep the document elsewhere and pass its hash")
    try:
        arguments = (function.encode(), canonical_json(dict(args)))
    except EvidenceError as error:
        raise Rejected(error.code, error.detail, error.hint) from error
    if sum(map(len, arguments)) > ARGUMENT_BYTES_MAX:
        raise Rejected("too_large", "the arguments exceed 1 MiB", "keep the document elsewhere and pass its hash")
    proposal = propose(
        channel=facts.channel,
        chaincode=facts.chaincode,
        creator=identity,
        nonce=nonce or secrets.token_bytes(NONCE_BYTES),
        timestamp_ms=now_ms,
        args=arguments,
        transient=private,
    )
    return proposal, arguments
