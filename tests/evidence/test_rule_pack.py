"""The rule pack of a bundle is the one that a facility's terms name, or the verdict says that it is not shown.

The attacks are those of a lender who shows an outsider milder rules than those that a line was frozen by.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from network.obligations.jsonrpc.abi import ContractAbi
from tests.evidence.bundle_maker import ACCEPTED_IN, FACILITY, FACILITY_ID, FEED, RULES, SUBJECTS, Consortium
from tests.evidence.comet_maker import Chain
from wuxin_evidence.bundle.members import rule_pack_members
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INCOMPLETE, INVALID, VALID, Verdict, verify_bundle
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.encoding.rlp import encode
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import call_of
from wuxin_evidence.evm.terms import PROPOSE, read_proposal

Members = dict[str, bytes]
MILDER = canonical_json({"name": "warehouse-stock-1", "rules": []})


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


def verdict_on(consortium: Consortium, rules: Members, trust: Trust | None = None) -> Verdict:
    """On a bundle that is complete but for its rules, which are these."""
    given = ("rulepack.json", "terms")
    rest = {name: raw for name, raw in consortium.members.items() if name.split("/")[0] not in given}
    return verify_bundle(consortium.bundle({**rest, **rules}), trust or consortium.trust)


def failure(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.check, each.code) for each in verdict.failed]


def lacking(verdict: Verdict) -> tuple[list[str], int]:
    return [each.check for each in verdict.missing], verdict.exit_status


def test_a_pack_that_the_terms_name_is_shown_with_the_facility_and_its_block(consortium: Consortium) -> None:
    verdict = verdict_on(consortium, consortium.rules())
    shown = next(each.detail for each in verdict.checked if each.check == "rule pack")
    assert verdict.exit_status == VALID
    assert f"the terms of facility {FACILITY_ID.hex()} name it" in shown and f"e1 block {ACCEPTED_IN - 1}" in shown
    assert any("names another pack" in each.detail for each in verdict.assumed if each.check == "rule pack")


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"pack": MILDER, "named": b"\x01" * 32}, "proof_invalid"),
        ({"to": FEED}, "not_found"),
        ({"status": 0}, "not_found"),
        ({"subjects": (bytes(32), *SUBJECTS[1:])}, "not_found"),
        ({"sealer": EvmKey.from_bytes(b"\x07" * 32)}, "bad_signature"),
        ({"chain_id": 4242}, "wrong_aad"),
        ({"number": ACCEPTED_IN + 1}, "implausible"),
    ],
    ids=[
        "swapped",
        "another contract",
        "reverted",
        "other subjects",
        "a stranger seals",
        "another chain",
        "afterwards",
    ],
)
def test_a_pack_that_no_facility_names_is_invalid(consortium: Consortium, rules: dict[str, Any], code: str) -> None:
    verdict = verdict_on(consortium, consortium.rules(**rules))
    assert (failure(verdict), verdict.exit_status) == ([("rule pack", code)], INVALID)


def test_a_swapped_pack_under_the_genuine_terms_is_invalid(consortium: Consortium) -> None:
    verdict = verdict_on(consortium, {**consortium.rules(), "rulepack.json": MILDER})
    assert failure(verdict) == [("rule pack", "proof_invalid")]


def test_a_pack_that_nothing_names_is_missing_its_terms_and_never_valid(consortium: Consortium) -> None:
    assert lacking(verdict_on(consortium, {"rulepack.json": MILDER})) == (["rule pack"], INCOMPLETE)
    told = {"transaction": "00" * 32, "block": 1, "block_hash": "00" * 32, "why": "an engine without proofs"}
    unproven = {"rulepack.json": MILDER, "terms/unproven.json": canonical_json(told)}
    assert lacking(verdict_on(consortium, unproven)) == (["rule pack"], INCOMPLETE)


def test_without_the_facilitys_address_in_the_trust_file_the_pack_is_not_shown(consortium: Consortium) -> None:
    """Anybody can deploy a contract that takes the same call."""
    (chain,) = consortium.trust.chains
    trust = replace(consortium.trust, chains=(replace(chain, facility=None),))
    assert lacking(verdict_on(consortium, consortium.rules(), trust)) == (["rule pack"], INCOMPLETE)
    assert "rule pack" in lacking(verify_bundle(consortium.bundle(), None))[0]


def test_two_kinds_of_proof_of_the_terms_are_refused(consortium: Consortium) -> None:
    both = {**consortium.rules(), "terms/unproven.json": b"{}"}
    assert failure(verdict_on(consortium, both)) == [("rule pack", "malformed")]


def test_terms_under_the_votes_of_validators_are_taken_and_those_of_a_minority_are_not(consortium: Consortium) -> None:
    chain = Chain()
    voted = replace(chain.trusted, name="e2", facility=FACILITY)
    trust = replace(consortium.trust, chains=(*consortium.trust.chains, voted))
    for signers, expected in (((0, 1, 2), []), ((0, 1), [("rule pack", "quorum_not_met")])):
        proof = chain.proposed(RULES, signers=signers)
        assert failure(verdict_on(consortium, rule_pack_members(RULES, proof.members()), trust)) == expected


# How the call is read.


def _abi() -> list[dict[str, Any]]:
    root = Path(__file__).parents[2]
    return json.loads((root / "contracts" / "artifacts" / "CreditFacility.json").read_text())["abi"]


def _terms() -> dict[str, Any]:
    """Of every member another value, so that a wrong place is a wrong answer."""
    (propose,) = [each for each in _abi() if each.get("name") == "propose"]
    values: dict[str, Any] = {}
    for place, member in enumerate(propose["inputs"][2]["components"], start=1):
        size = {"address": 20, "bytes32": 32}.get(member["type"])
        values[member["name"]] = place if size is None else bytes([place]) * size
    return values


def test_the_words_are_where_the_contracts_own_abi_puts_them() -> None:
    terms = _terms()
    read = read_proposal(ContractAbi(_abi()).encode_call("propose", [b"\x01" * 32, b"\x02" * 32, terms]))
    subjects = tuple(terms[name] for name in ("quantitySubject", "lienSubject", "priceSubject"))
    assert read == (b"\x02" * 32, subjects, terms["rulePack"])


@pytest.mark.parametrize(
    "call_data",
    [b"", PROPOSE, PROPOSE + bytes(32 * 24), PROPOSE + bytes(32 * 25 + 1), b"\0\0\0\0" + bytes(32 * 25)],
)
def test_another_call_proposes_nothing(call_data: bytes) -> None:
    with pytest.raises(EvidenceError) as refused:
        read_proposal(call_data)
    assert refused.value.code == "malformed"


CALL = [FACILITY, b"", b"call"]


@pytest.mark.parametrize(
    "transaction",
    [
        encode([b"", b"", b"", *CALL, b"\x25", b"", b""]),
        b"\x01" + encode([b"\x07", b"", b"", b"", *CALL, [], b"", b"", b""]),
        b"\x02" + encode([b"\x07", b"", b"", b"", b"", *CALL, [], b"", b"", b""]),
    ],
    ids=["legacy", "access list", "dynamic fee"],
)
def test_the_call_is_found_in_each_type_of_transaction(transaction: bytes) -> None:
    assert call_of(transaction) == (FACILITY, b"call")


ANOTHER_FORM = {
    "nothing": b"",
    "blobs": b"\x03" + encode([b""] * 14),
    "too short": b"\x02" + encode([b""] * 5),
    "too short, legacy": encode([b""] * 4),
    "a list for an address": encode([b"", b"", b"", [], b"", b""]),
}


@pytest.mark.parametrize("name", ANOTHER_FORM)
def test_a_transaction_of_another_type_or_form_is_malformed(name: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        call_of(ANOTHER_FORM[name])
    assert refused.value.code == "malformed"
