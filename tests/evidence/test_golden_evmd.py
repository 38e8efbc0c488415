"""Blocks that four real validators decided (golden/README.md says how they were made)."""

import copy
import json
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wuxin_evidence.bundle.trust import Trust, TrustedChain, TrustedValidator
from wuxin_evidence.comet.blocks import validator_address
from wuxin_evidence.comet.proof import CometProof, verify_comet
from wuxin_evidence.comet.rpc import prove
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import attestation_logs

GOLDEN = Path(__file__).parent / "golden"
TRUST = Trust.parse((GOLDEN / "trust.json").read_bytes())
TRANSACTIONS: list[dict[str, Any]] = json.loads((GOLDEN / "evmd" / "transactions.json").read_text())
DONE = [each for each in TRANSACTIONS if each["status"]]
LAST = TRANSACTIONS[-1]


@cache
def recorded(block: int) -> dict[str, Any]:
    return json.loads((GOLDEN / "evmd" / f"block-{block}.json").read_text())


def trusted() -> TrustedChain:
    return TRUST.chains[0]


def proof_of(transaction: dict[str, Any]) -> CometProof:
    answers = recorded(transaction["block"])
    return prove(bytes.fromhex(transaction["hash"]), answers["block"], answers["results"], answers["next_commit"])


@pytest.mark.parametrize("transaction", TRANSACTIONS, ids=lambda each: each["hash"][:8])
def test_each_recorded_transaction_is_proved_with_its_status(transaction: dict[str, Any]) -> None:
    chain = trusted()
    fact = verify_comet(proof_of(transaction), chain.consensus_id, chain.validators)
    assert fact.transaction.tx_hash.hex() == transaction["hash"]
    assert (fact.transaction.chain_id, fact.header.height) == (chain.chain_id, transaction["block"])
    assert fact.outcome.status == transaction["status"]
    assert len(attestation_logs(fact.outcome, chain.feed or b"")) == transaction["status"]


def test_a_refused_transaction_is_proved_as_refused() -> None:
    (refused,) = [each for each in TRANSACTIONS if not each["status"]]
    fact = verify_comet(proof_of(refused), trusted().consensus_id, trusted().validators)
    assert (fact.outcome.status, fact.outcome.logs) == (0, ())


def test_each_sender_is_another_member() -> None:
    facts = [verify_comet(proof_of(each), trusted().consensus_id, trusted().validators) for each in TRANSACTIONS[:3]]
    assert len({fact.transaction.sender for fact in facts}) == 3
    assert {fact.header.height for fact in facts} == {TRANSACTIONS[0]["block"]}


def test_a_block_decided_while_one_validator_was_dead_is_proved_by_three() -> None:
    chain = trusted()
    fact = verify_comet(proof_of(LAST), chain.consensus_id, chain.validators)
    assert (len(fact.votes.signed), fact.votes.power, fact.votes.total) == (3, 3, 4)
    one_less = tuple(each for each in chain.validators if each.public_key != _first_signer(fact.votes.signed))
    strangers = (*one_less, TrustedValidator(b"\x01" * 32, 1))
    with pytest.raises(EvidenceError) as refused:
        verify_comet(proof_of(LAST), chain.consensus_id, strangers)
    assert refused.value.code == "quorum_not_met"


def _first_signer(addresses: tuple[bytes, ...]) -> bytes:
    return next(v.public_key for v in trusted().validators if validator_address(v.public_key) == addresses[0])


@pytest.mark.parametrize("name", ["header", "next_header", "transaction", "result"])
def test_no_byte_of_a_real_proof_can_be_changed(name: str) -> None:
    chain, proof = trusted(), proof_of(TRANSACTIONS[0])
    raw: bytes = getattr(proof, name)
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(EvidenceError):
            verify_comet(replace(proof, **{name: changed}), chain.consensus_id, chain.validators)


def test_a_changed_byte_in_a_commit_of_three_costs_the_quorum() -> None:
    chain, proof = trusted(), proof_of(LAST)
    survived = [at for at in range(len(proof.commit)) if _verifies(proof, at, chain)]
    absent = proof.commit.rindex(b"\x08\x01\x1a")
    assert all(at > absent for at in survived), "only the absent validator's empty entry is nobody's word"


def _verifies(proof: CometProof, at: int, chain: TrustedChain) -> bool:
    raw = proof.commit
    changed = replace(proof, commit=raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    try:
        return bool(verify_comet(changed, chain.consensus_id, chain.validators).votes)
    except EvidenceError:
        return False


def test_another_transactions_result_from_the_same_real_block_is_refused() -> None:
    chain = trusted()
    one, two = (proof_of(each) for each in DONE[:2])
    for names in (("result",), ("result", "result_path"), ("transaction", "transaction_path"), ("index",)):
        with pytest.raises(EvidenceError):
            mixed = replace(one, **{name: getattr(two, name) for name in names})
            verify_comet(mixed, chain.consensus_id, chain.validators)


def test_the_members_of_a_real_proof_are_read_back() -> None:
    proof = proof_of(TRANSACTIONS[2])
    assert CometProof.from_members(proof.members()) == proof
    assert len(fields(proof)) == 9


def _other_block(answers: dict[str, Any]) -> None:
    answers["next_commit"] = recorded(LAST["block"])["next_commit"]


def _lost_transaction(answers: dict[str, Any]) -> None:
    answers["block"]["block"]["data"]["txs"].pop()


def _lost_result(answers: dict[str, Any]) -> None:
    answers["results"]["txs_results"].pop()


def _other_status(answers: dict[str, Any]) -> None:
    answers["results"]["txs_results"][0]["code"] = 1


def _other_gas(answers: dict[str, Any]) -> None:
    answers["results"]["txs_results"][1]["gas_used"] = "1"


def _other_time(answers: dict[str, Any]) -> None:
    answers["block"]["block"]["header"]["time"] = "2026-11-22T00:00:00Z"


def _no_time(answers: dict[str, Any]) -> None:
    answers["block"]["block"]["header"]["time"] = "yesterday"


def _no_header(answers: dict[str, Any]) -> None:
    del answers["block"]["block"]["header"]


def _null(answers: dict[str, Any]) -> None:
    answers["next_commit"] = None


def _not_base64(answers: dict[str, Any]) -> None:
    answers["block"]["block"]["data"]["txs"][0] = "?"


def _huge(answers: dict[str, Any]) -> None:
    answers["results"]["txs_results"][0]["gas_used"] = "9" * 5000


@pytest.mark.parametrize(
    ("lie", "codes"),
    [
        (_other_block, {"proof_invalid"}),
        (_lost_transaction, {"malformed"}),
        (_lost_result, {"malformed"}),
        (_other_status, {"proof_invalid"}),
        (_other_gas, {"proof_invalid"}),
        (_other_time, {"proof_invalid"}),
        (_no_time, {"malformed"}),
        (_no_header, {"malformed"}),
        (_null, {"malformed"}),
        (_not_base64, {"malformed"}),
        (_huge, {"malformed"}),
    ],
)
def test_a_node_that_lies_is_found_when_the_proof_is_made(
    lie: Callable[[dict[str, Any]], None], codes: set[str]
) -> None:
    answers = copy.deepcopy(recorded(TRANSACTIONS[0]["block"]))
    lie(answers)
    with pytest.raises(EvidenceError) as refused:
        prove(bytes.fromhex(TRANSACTIONS[0]["hash"]), answers["block"], answers["results"], answers["next_commit"])
    assert refused.value.code in codes


def test_a_transaction_of_another_block_is_not_found() -> None:
    answers = recorded(TRANSACTIONS[0]["block"])
    with pytest.raises(EvidenceError) as refused:
        prove(b"\x01" * 32, answers["block"], answers["results"], answers["next_commit"])
    assert refused.value.code == "not_found"
