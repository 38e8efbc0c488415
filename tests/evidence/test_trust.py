"""The trust file: read back as written, and refused whole when any part is not what it must be."""

import copy
import json
from typing import Any

import pytest

from tests.evidence.bundle_maker import FEED, Consortium
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError


@pytest.fixture(scope="module")
def trust() -> Trust:
    return Consortium().trust


def test_a_trust_file_reads_back_in_any_layout(trust: Trust) -> None:
    assert Trust.parse(json.dumps(trust.to_json(), indent=2, ensure_ascii=False).encode()) == trust
    assert Trust.parse(canonical_json(trust.to_json())) == trust


def test_it_answers_what_a_verifier_asks(trust: Trust) -> None:
    assert trust.committee(1) == trust.committees[0] and trust.committee(2) is None
    assert set(trust.roots) == {each.msp_id for each in trust.organisations}
    assert trust.facts.policy.describe().startswith("3 of (BankMSP.PEER")
    assert not trust.is_scenario
    assert trust.chains[0].feed == FEED


def _set(*path: Any) -> Any:
    *steps, last, value = path

    def change(tree: dict[str, Any]) -> None:
        place: Any = tree
        for step in steps:
            place = place[step]
        place[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("version", 2),
        _set("more", 1),
        _set("consortium_id", "00"),
        _set("consortium_id", "0X" * 32),
        _set("clock", {}),
        _set("clock", []),
        _set("clock", {"kind": "system"}),
        _set("clock", {"kind": "system", "start_ms": 1, "factor": 1}),
        _set("clock", {"kind": "scenario", "start_ms": 1, "factor": 0}),
        _set("clock", {"kind": "scenario", "start_ms": 1, "factor": 60, "speed": 1}),
        _set("organisations", 0, "certificates", []),
        _set("organisations", 0, "certificates", ["not PEM"]),
        _set("organisations", 0, "msp_id", "InsurerMSP"),
        _set("facts", "policy", "n", 6),
        _set("facts", "policy", "n", 0),
        _set("facts", "policy", "n", True),
        _set("facts", "block_quorum", 2),
        _set("facts", "block_quorum", 0),
        _set("facts", "block_signers", 0, "certificate", 7),
        _set("chains", 0, "sealers", ["00"]),
        _set("chains", 0, "feed", "fe" * 21),
        _set("committees", 0, "threshold", 1),
        _set("logs", 0, "suite", "rot13"),
        _set("logs", 0, "public_key", "04" + "11" * 64),
        _set("name", ""),
    ],
)
def test_one_wrong_part_refuses_the_whole_file(trust: Trust, change: Any) -> None:
    tree = copy.deepcopy(trust.to_json())
    change(tree)
    with pytest.raises(EvidenceError) as refusal:
        Trust.parse(json.dumps(tree).encode())
    assert refusal.value.code == "malformed"


def test_an_epoch_is_listed_once(trust: Trust) -> None:
    tree = trust.to_json()
    tree["committees"] *= 2
    with pytest.raises(EvidenceError, match="twice"):
        Trust.from_json(tree)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b'{"version":1,"version":1}', b"[" * 100_000])
def test_what_is_not_a_trust_file_is_malformed(raw: bytes) -> None:
    with pytest.raises(EvidenceError) as refusal:
        Trust.parse(raw)
    assert refusal.value.code == "malformed"


def test_a_file_of_megabytes_is_too_large() -> None:
    with pytest.raises(EvidenceError) as refusal:
        Trust.parse(b" " * (1024 * 1024 + 1))
    assert refusal.value.code == "too_large"
