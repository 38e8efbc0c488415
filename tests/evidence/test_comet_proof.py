"""Commits of a chain decided by vote, attacked by somebody who holds one validator's key and the wire."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.evidence.comet_maker import CHAIN_ID, CONSENSUS_ID, FEED, Chain, envelope, result, with_commit, wrapped
from wuxin_evidence.bundle.trust import TrustedValidator
from wuxin_evidence.comet import evm as comet_evm
from wuxin_evidence.comet.blocks import COMMIT_MESSAGE, NIL, Commit, Header, time_text, verify_commit
from wuxin_evidence.comet.evm import read_outcome, read_transaction
from wuxin_evidence.comet.proof import PLACE, CometFact, CometProof, verify_comet
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding.protobuf import write
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import Log

LOG = Log(FEED, (b"\x0a" * 32, b"\x0b" * 32), b"data")


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def verified(chain: Chain, proof: CometProof) -> CometFact:
    return verify_comet(proof, CONSENSUS_ID, chain.validators)


def refusal(chain: Chain, proof: CometProof) -> str:
    with pytest.raises(EvidenceError) as refused:
        verified(chain, proof)
    return refused.value.code


@pytest.mark.parametrize(("index", "total"), [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5), (6, 7)])
def test_votes_of_all_prove_transaction_status_and_logs(chain: Chain, index: int, total: int) -> None:
    fact = verified(chain, chain.proof([LOG], index, total))
    assert (fact.outcome.status, fact.outcome.logs, fact.header.height) == (1, (LOG,), 8)
    assert (fact.transaction.sender, fact.transaction.chain_id) == (chain.sender.address, CHAIN_ID)
    assert (fact.votes.power, fact.votes.total, len(fact.votes.signed)) == (4, 4, 4)


def test_three_of_four_suffice_and_two_do_not(chain: Chain) -> None:
    assert verified(chain, chain.proof(signers=(0, 2, 3))).votes.power == 3
    assert refusal(chain, chain.proof(signers=(1, 2))) == "quorum_not_met"


def test_two_thirds_of_the_power_are_not_more_than_two_thirds() -> None:
    heavy = Chain(powers=(3, 2, 1))
    assert refusal(heavy, heavy.proof(signers=(0, 2))) == "quorum_not_met"
    assert verified(heavy, heavy.proof(signers=(0, 1))).votes.power == 5


def test_power_beyond_64_bits_is_still_added_up_exactly() -> None:
    heavy = Chain(powers=(2**63, 2**63, 2**63, 2**63 - 1))
    assert refusal(heavy, heavy.proof(signers=(0, 1))) == "quorum_not_met"
    assert verified(heavy, heavy.proof(signers=(0, 1, 2))).votes.power == 3 * 2**63


def test_a_stranger_votes_in_vain(chain: Chain) -> None:
    known = (*chain.validators[:2], TrustedValidator(b"\x09" * 32, 1), TrustedValidator(b"\x08" * 32, 1))
    with pytest.raises(EvidenceError) as refused:
        verify_comet(chain.proof(), CONSENSUS_ID, known)
    assert refused.value.code == "quorum_not_met"


def test_a_failed_transaction_proves_its_failure_and_no_logs(chain: Chain) -> None:
    fact = verified(chain, chain.proof([LOG], vm_error="execution reverted"))
    assert (fact.outcome.status, fact.outcome.logs) == (0, ())


def test_a_transaction_that_the_engine_refused_is_none(chain: Chain) -> None:
    assert refusal(chain, chain.proof(code=5)) == "not_found"


def test_votes_for_another_chain_do_not_count(chain: Chain) -> None:
    assert refusal(chain, chain.proof(chain_id="wuxin-other")) == "quorum_not_met"
    with pytest.raises(EvidenceError) as refused:
        verify_comet(chain.proof(), "wuxin-other", chain.validators)
    assert refused.value.code == "wrong_aad"


def test_votes_for_nil_do_not_count_though_they_are_signed(chain: Chain) -> None:
    assert refusal(chain, chain.proof(flag=NIL)) == "quorum_not_met"


def test_a_commit_of_another_block_is_refused(chain: Chain) -> None:
    assert refusal(chain, chain.proof(block_hash=b"\x77" * 32)) == "malformed"
    assert refusal(chain, replace(chain.proof(), commit=Chain().proof([LOG]).commit)) == "malformed"


def test_a_validator_listed_twice_is_refused(chain: Chain) -> None:
    proof = chain.proof(signers=(0, 1))
    commit = Commit.read(proof.commit)
    first, second, *_ = commit.values["signatures"]
    assert refusal(chain, with_commit(proof, commit, signatures=[first, second, first])) == "malformed"


def _later(vote: dict[str, Any]) -> dict[str, Any]:
    return {**vote, "timestamp": {"seconds": vote["timestamp"]["seconds"] + 1, "nanos": 0}}


def _another(vote: dict[str, Any]) -> dict[str, Any]:
    return {**vote, "signature": bytes(64)}


def _short(vote: dict[str, Any]) -> dict[str, Any]:
    return {**vote, "signature": vote["signature"][:63]}


@pytest.mark.parametrize("change", [_later, _another, _short])
def test_one_altered_vote_is_passed_over_and_two_cost_the_quorum(
    chain: Chain, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    proof = chain.proof()
    commit = Commit.read(proof.commit)
    a, b, c, d = commit.values["signatures"]
    assert verified(chain, with_commit(proof, commit, signatures=[change(a), b, c, d])).votes.power == 3
    assert refusal(chain, with_commit(proof, commit, signatures=[change(a), change(b), c, d])) == "quorum_not_met"


def test_an_altered_round_costs_every_vote(chain: Chain) -> None:
    proof = chain.proof()
    assert refusal(chain, with_commit(proof, Commit.read(proof.commit), round=1)) == "quorum_not_met"


def test_a_swapped_header_is_refused(chain: Chain) -> None:
    proof, other = chain.proof([LOG]), chain.proof(vm_error="execution reverted")
    assert refusal(chain, replace(proof, header=proof.next_header)) == "proof_invalid"
    assert refusal(chain, replace(proof, next_header=other.next_header)) == "proof_invalid"
    assert refusal(chain, replace(proof, next_header=other.next_header, commit=other.commit)) == "proof_invalid"


def test_the_result_of_another_transaction_is_refused(chain: Chain) -> None:
    one, two = chain.proof([LOG], index=0), chain.proof([LOG], index=1)
    moved = replace(two, result=one.result, result_path=one.result_path)
    assert refusal(chain, moved) == "proof_invalid"
    named = result(read_transaction(two.transaction).tx_hash, [LOG])
    assert refusal(chain, replace(chain.proof(index=1), result=named)) == "proof_invalid"


def test_two_places_of_one_block_cannot_be_mixed_by_another_size(chain: Chain) -> None:
    """The last of three and the second of two have paths of one shape; the results' path must fit both."""
    last = chain.proof([LOG], index=2, total=3)
    claimed = replace(last, index=1, total=2)
    assert verified(chain, claimed).transaction == verified(chain, last).transaction
    other = chain.proof([LOG], index=1, total=3)
    assert refusal(chain, replace(claimed, result=other.result, result_path=other.result_path)) == "proof_invalid"


def test_a_block_without_transactions_proves_none(chain: Chain) -> None:
    proof = chain.proof()
    empty = chain.header(8)
    last = {"hash": empty.hash(), "parts": {"total": 1, "hash": b"\x06" * 32}}
    following = chain.header(9, last_block_id=last)
    commit = chain.commit(following)
    assert refusal(chain, replace(proof, header=empty.raw(), next_header=following.raw(), commit=commit.raw())) == (
        "proof_invalid"
    )


def test_a_log_or_an_answer_of_another_transaction_is_refused() -> None:
    sent = read_transaction(envelope(0, EvmKey.generate())).tx_hash
    log = {"address": "0x" + FEED.hex(), "tx_hash": "0x" + "11" * 32}
    answer = write(comet_evm._ANSWER, {"hash": "0x" + sent.hex(), "logs": [log]})
    told = [{"type": comet_evm._ANSWER_TYPE, "value": answer}]
    for responses in (told, told * 2, [{"type": "/other", "value": answer}], []):
        data = write(comet_evm._ANSWERS, {"responses": responses})
        with pytest.raises(EvidenceError) as refused:
            read_outcome(write(comet_evm.RESULT, {"data": data}))
        assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nonce": 9}, "malformed"),
        ({"value": "1"}, "malformed"),
        ({"value": "01e"}, "malformed"),
        ({"value": "9" * 79}, "malformed"),
        ({"to": "0x12"}, "malformed"),
        ({"to": ""}, "malformed"),
        ({"v": b"\x1b"}, "bad_signature"),
        ({"s": b"\xff" * 32}, "bad_signature"),
        ({"r": b"\x01" + bytes(32)}, "bad_signature"),
    ],
)
def test_an_envelope_whose_fields_are_not_those_of_the_hash_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_transaction(envelope(0, EvmKey.generate(), **changes))
    assert refused.value.code == code


def test_an_envelope_of_two_transactions_or_of_another_kind_is_refused() -> None:
    told = comet_evm.read(comet_evm._BODY, comet_evm.read(comet_evm._ENVELOPE, envelope(0, EvmKey.generate()))["body"])
    (message,) = told["messages"]
    for messages in ([message, message], [], [{**message, "type": "/cosmos.bank.v1beta1.MsgSend"}]):
        with pytest.raises(EvidenceError) as refused:
            read_transaction(wrapped(messages))
        assert refused.value.code == "malformed"


def test_members_carry_the_proof_and_a_missing_one_is_seen(chain: Chain) -> None:
    proof = chain.proof([LOG])
    members = proof.members()
    assert CometProof.from_members(members) == proof
    for name in members:
        assert CometProof.from_members({each: raw for each, raw in members.items() if each != name}) is None


@pytest.mark.parametrize(
    "place",
    [
        b"[]",
        b"{}",
        b'{"index":"1","result_path":[],"total":1,"transaction_path":[]}',
        b'{"index":1,"result_path":["AA"],"total":1,"transaction_path":[]}',
        b'{"index":1,"result_path":["zz"],"total":1,"transaction_path":[]}',
        b'{"index":1,"result_path":[1],"total":1,"transaction_path":[]}',
        b'{"index":1,"result_path":"","total":1,"transaction_path":[]}',
        b'{"index":1, "result_path":[],"total":1,"transaction_path":[]}',
    ],
)
def test_a_place_in_another_form_is_refused(chain: Chain, place: bytes) -> None:
    with pytest.raises(EvidenceError) as refused:
        CometProof.from_members({**chain.proof().members(), f"obligations/{PLACE}": place})
    assert refused.value.code == "malformed"


def test_a_header_with_a_short_hash_or_of_no_validators_is_refused(chain: Chain) -> None:
    for changes in ({"data_hash": b"short"}, {"validators_hash": b""}):
        with pytest.raises(EvidenceError) as refused:
            chain.header(1, **changes)
        assert refused.value.code == "malformed"


def test_a_commit_of_too_many_signatures_is_refused(chain: Chain) -> None:
    commit = chain.commit(chain.header(1))
    many = [commit.values["signatures"][0]] * 1025
    with pytest.raises(EvidenceError) as refused:
        Commit.read(write(COMMIT_MESSAGE, {**commit.values, "signatures": many}))
    assert refused.value.code == "too_large"


def test_the_votes_counted_name_their_validators(chain: Chain) -> None:
    header = chain.header(1)
    counted = verify_commit(header, chain.commit(header, (0, 1)), chain.validators)
    assert (len(counted.signed), bool(counted)) == (2, False)
    assert Header.read(header.raw()) == header


def test_a_time_beyond_the_calendar_is_told_as_a_number() -> None:
    assert (time_text(0), time_text(2**62)) == ("1970-01-01T00:00:00Z", str(2**62))
