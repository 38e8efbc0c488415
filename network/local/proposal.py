"""The client's half of a transaction: propose, compare the answers, sign the envelope.

    prepared = prepare(signer, facts, function, args, …)     one signed proposal for all endorsers
    agreed = agree(answers, prepared.tx_id)                  or Rejected, EndorsementMismatch
    envelope = seal(signer, prepared, agreed)                what is ordered

The client trusts no single endorser: every payload must equal every other, byte for byte.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from network.consortium import Facts
from network.identities import FabricSigner
from network.local.endorser import STATUS_ERROR, STATUS_FAILED, Answer
from network.local.state import PrivateValue
from network.ports import EndorsementMismatch, Rejected, Unavailable
from wuxin_evidence.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric_messages import (
    NONCE_BYTES,
    Endorsement,
    NamespaceChanges,
    Proposal,
    envelope,
    propose,
    signed_proposal,
    transaction_payload,
)

ARGUMENT_BYTES_MAX = 1024 * 1024
PRIVATE_BYTES_MAX = 1024 * 1024
"""A block of 500 transactions of this size still is one message; real commands take a few kilobytes."""


@dataclass(frozen=True)
class Prepared:
    """A proposal and its signed form; `args` are function name and canonical JSON."""

    proposal: Proposal
    signed: bytes
    args: tuple[bytes, bytes]

    @property
    def tx_id(self) -> str:
        return self.proposal.tx_id


@dataclass(frozen=True)
class Agreed:
    """What all endorsers computed, with their signatures and the private values they sealed."""

    payload: bytes
    result: bytes
    changes: NamespaceChanges
    endorsements: tuple[Endorsement, ...]
    private: tuple[PrivateValue, ...]


def prepare(
    signer: FabricSigner,
    facts: Facts,
    function: str,
    args: Mapping[str, Any],
    *,
    private: Mapping[str, bytes],
    nonce: bytes | None,
    now_ms: int,
) -> Prepared:
    """A signed proposal. Raises Rejected `malformed`, `too_large` for what could never be proposed."""
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
        creator=signer.identity,
        nonce=nonce or secrets.token_bytes(NONCE_BYTES),
        timestamp_ms=now_ms,
        args=arguments,
        transient=private,
    )
    return Prepared(proposal, signed_proposal(proposal, signer.sign(proposal.raw)), arguments)


def agree(answers: Sequence[Answer], tx_id: str) -> Agreed:
    """The one payload that all endorsers signed.

    Raises EndorsementMismatch naming who deviates from the largest group, Rejected when all refuse alike,
    Unavailable when the chaincode itself failed everywhere.
    """
    groups: dict[tuple[int, str, bytes], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.status, answer.message, answer.payload), []).append(answer)
    largest = max(groups.values(), key=len)
    if len(groups) > 1:
        raise _mismatch([answer for answer in answers if answer not in largest], largest[0], tx_id)
    if largest[0].changes is None:
        raise refusal(largest[0], tx_id)
    return Agreed(
        largest[0].payload,
        largest[0].result,
        largest[0].changes,
        tuple(answer.endorsement for answer in largest if answer.endorsement is not None),
        tuple(value for answer in largest for value in answer.private),
    )


def refusal(answer: Answer, tx_id: str) -> Rejected | Unavailable:
    """The error that an answer with a status of 400 or more stands for."""
    try:
        problem = cast(dict[str, str], json.loads(answer.message))
        return Rejected(
            problem["code"], problem["detail"], problem["hint"], tx_id=tx_id, organisation=answer.organisation
        )
    except (ValueError, KeyError, TypeError):
        pass
    if answer.status >= STATUS_FAILED:
        return Unavailable(
            f"the chaincode failed at {answer.organisation}: {answer.message}", "look at that endorser's log"
        )
    return Rejected("malformed", answer.message, "", tx_id=tx_id, organisation=answer.organisation)


def seal(signer: FabricSigner, prepared: Prepared, agreed: Agreed) -> bytes:
    """The envelope: proposal without its private part, payload and endorsements, signed by the creator."""
    payload = transaction_payload(prepared.proposal.raw, agreed.payload, agreed.endorsements)
    return envelope(payload, signer.sign(payload))


def _mismatch(deviating: Sequence[Answer], usual: Answer, tx_id: str) -> EndorsementMismatch:
    names = [answer.organisation for answer in deviating]
    found = "; ".join(f"{answer.organisation} answered {_short(answer)}" for answer in deviating)
    return EndorsementMismatch(names, tx_id, f"{found}, while {usual.organisation} answered {_short(usual)}")


def _short(answer: Answer) -> str:
    if answer.status >= STATUS_ERROR:
        return f"{answer.status} {answer.message[:200]}"
    return f"{answer.status} with another read-write set, result or event"
