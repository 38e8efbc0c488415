"""The client's half of a transaction: propose, compare the answers, sign the envelope.

    prepared = prepare(signer, facts, function, args, …)     one signed proposal for all endorsers (facts.proposal)
    agreed = agree(answers, prepared.tx_id)                  or Rejected, EndorsementMismatch
    envelope = seal(signer, prepared, agreed)                what is ordered

The client trusts no single endorser: every payload must equal every other, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from network.facts.embedded.endorser import STATUS_ERROR, STATUS_FAILED, Answer
from network.facts.embedded.state import PrivateValue
from network.facts.proposal import Prepared
from network.membership.identities import FabricSigner
from network.ports import EndorsementMismatch, Rejected, Unavailable
from wuxin_evidence.fabric import Endorsement, NamespaceChanges, envelope, transaction_payload


@dataclass(frozen=True)
class Agreed:
    """What all endorsers computed, with their signatures and the private values they sealed."""

    payload: bytes
    result: bytes
    changes: NamespaceChanges
    endorsements: tuple[Endorsement, ...]
    private: tuple[PrivateValue, ...]


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
