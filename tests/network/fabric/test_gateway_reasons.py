"""Why a transaction is invalid, as the caller is told."""

import pytest

from network.facts.fabric.deliver import CommittedBlock
from wuxin_evidence.fabric import (
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    VALID,
    MetadataWrite,
    NamespaceChanges,
    Outcome,
    Read,
    Version,
    Write,
    assemble_block,
    block_header,
    encode_rwset,
    envelope,
    propose,
    response_payload,
    serialized_identity,
    transaction_payload,
)

CREATOR = serialized_identity("BankMSP", b"certificate")
BEFORE = Version(3, 0)


def transaction(number: int, changes: NamespaceChanges) -> bytes:
    proposal = propose(
        channel="wuxin", chaincode="facts", creator=CREATOR, nonce=bytes([number]) * 24, timestamp_ms=1, args=[b"f"]
    )
    outcome = Outcome(encode_rwset([changes]), 200, "", b"")
    payload = response_payload(proposal.raw, "facts", proposal.tx_id, outcome)
    return envelope(transaction_payload(proposal.raw, payload, ()), b"signature")


def reason(first: NamespaceChanges, first_code: int, second_code: int = ENDORSEMENT_POLICY_FAILURE) -> str:
    """Of the second transaction, which reads and writes the key "hot"."""
    second = NamespaceChanges("facts", (Read("hot", BEFORE),), (Write("hot", b"v", False),))
    envelopes = [transaction(1, first), transaction(2, second)]
    raw = assemble_block(
        block_header(4, b"before", envelopes),
        envelopes,
        orderer=CREATOR,
        nonce=b"n",
        sign=lambda message: b"signature",
        validation_codes=[first_code, second_code],
    )
    block = CommittedBlock.read(raw)
    view = block.transaction(list(block.places)[1])
    assert view is not None and view.index == 1
    return block.reason(view)


GUARDED = NamespaceChanges("facts", (), (), (MetadataWrite("hot", (("VALIDATION_PARAMETER", b"p"),)),))
WRITTEN = NamespaceChanges("facts", (), (Write("hot", b"w", False),))
ELSEWHERE = NamespaceChanges("facts", (), (Write("cold", b"w", False),))


@pytest.mark.parametrize("first", [GUARDED, WRITTEN])
def test_who_lost_against_an_earlier_transaction_of_the_block_lost_a_race(first: NamespaceChanges) -> None:
    assert reason(first, VALID) == "MVCC_READ_CONFLICT"


@pytest.mark.parametrize(("first", "code"), [(ELSEWHERE, VALID), (GUARDED, MVCC_READ_CONFLICT)])
def test_who_lost_against_nobody_lacked_endorsements(first: NamespaceChanges, code: int) -> None:
    assert reason(first, code) == "ENDORSEMENT_POLICY_FAILURE"


def test_every_other_reason_keeps_fabrics_name() -> None:
    assert reason(WRITTEN, VALID, 12) == "PHANTOM_READ_CONFLICT"
