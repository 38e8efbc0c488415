"""A complete bundle from both real engines (golden/README.md says how it was made), in the hands of an attacker."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from wuxin_evidence.bundle.archive import read_bundle, write_bundle
from wuxin_evidence.bundle.trust import Trust, TrustedValidator
from wuxin_evidence.bundle.verify import Verdict, verify_bundle
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.fabric import COMMON, BlockSigner, parse, serialize

GOLDEN = Path(__file__).parent / "golden"
TRUST = Trust.parse((GOLDEN / "trust.json").read_bytes())
RAW = (GOLDEN / "bundle.zip").read_bytes()
MEMBERS = dict(read_bundle(RAW).members)
FACTS, CHAIN = TRUST.facts, TRUST.chains[0]
SPARE = {"obligations/comet/commit.pb", "terms/comet/commit.pb"}
"""Of four votes one may be spoilt, as test_golden_evmd shows."""


def remade(name: str, raw: bytes) -> bytes:
    return write_bundle({**MEMBERS, name: raw}, consortium_id=TRUST.consortium_id, clock=TRUST.clock)


def shown(verdict: Verdict, check: str) -> str:
    return " ".join(finding.detail for finding in verdict.checked if finding.check == check)


def test_it_is_valid_and_says_who_decided_both_blocks() -> None:
    verdict = verify_bundle(RAW, TRUST)
    assert (verdict.exit_status, verdict.failed, verdict.missing) == (0, (), ())
    assert "endorsed by" in shown(verdict, "facts")
    assert "votes of 4 of 4 validators" in shown(verdict, "obligations")


def test_it_is_in_the_one_form_that_a_bundle_has() -> None:
    assert write_bundle(MEMBERS, consortium_id=TRUST.consortium_id, clock=TRUST.clock) == RAW


@pytest.mark.parametrize("name", sorted(set(MEMBERS) - SPARE))
def test_no_member_can_be_changed_even_with_a_manifest_that_fits(name: str) -> None:
    raw, places = MEMBERS[name], range(len(MEMBERS[name]))
    if name == "facts/block.pb":
        signatures = parse(COMMON.Block, raw).metadata.metadata[0]
        places = range(raw.rindex(signatures) + len(signatures))
    for at in random.Random(11).sample(places, min(60, len(places))):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        verdict = verify_bundle(remade(name, changed), TRUST)
        assert verdict.exit_status != 0, f"{name}, byte {at}"


def test_an_orderer_less_in_the_block_is_found() -> None:
    block = parse(COMMON.Block, MEMBERS["facts/block.pb"])
    metadata = parse(COMMON.Metadata, block.metadata.metadata[0])
    while len(metadata.signatures) >= FACTS.block_quorum:
        metadata.signatures.pop()
    block.metadata.metadata[0] = serialize(metadata)
    verdict = verify_bundle(remade("facts/block.pb", serialize(block)), TRUST)
    assert [(each.check, each.code) for each in verdict.failed] == [("facts", "quorum_not_met")]


def test_other_orderers_or_validators_in_the_trust_file_do_not_take_it() -> None:
    first, second, *rest = FACTS.block_signers
    swapped = (BlockSigner(first.certificate_pem, second.identifier), BlockSigner(second.certificate_pem, 1), *rest)
    facts = replace(TRUST, facts=replace(FACTS, block_signers=swapped, block_quorum=4))
    assert [each.check for each in verify_bundle(RAW, facts).failed] == ["facts"]
    strangers = tuple(TrustedValidator(bytes([n]) * 32, 1) for n in range(1, 3)) + CHAIN.validators[:2]
    votes = replace(TRUST, chains=(replace(CHAIN, validators=strangers),))
    failed = [(each.check, each.code) for each in verify_bundle(RAW, votes).failed]
    assert failed == [("rule pack", "quorum_not_met"), ("obligations", "quorum_not_met")]


def test_without_the_proof_of_one_ledger_it_is_incomplete() -> None:
    for prefix, check in (("facts/", "facts"), ("obligations/", "obligations"), ("terms/", "rule pack")):
        left = {name: raw for name, raw in MEMBERS.items() if not name.startswith(prefix)}
        raw = write_bundle(left, consortium_id=TRUST.consortium_id, clock=TRUST.clock)
        verdict = verify_bundle(raw, TRUST)
        assert (verdict.exit_status, [each.check for each in verdict.missing]) == (2, [check])


def test_another_rule_pack_than_the_recorded_facility_names_is_found() -> None:
    milder = canonical_json({**parse_canonical_json(MEMBERS["rulepack.json"]), "rules": []})
    verdict = verify_bundle(remade("rulepack.json", milder), TRUST)
    assert [(each.check, each.code) for each in verdict.failed] == [("rule pack", "proof_invalid")]
