"""Adding to a bundle never improves what is said of it, and nothing that no check reads travels under the word valid.

The attacks add, replace and take away whole members, each time with a manifest that fits.
"""

from hashlib import sha256

import pytest

from tests.evidence.bundle_maker import PROFILE, Consortium
from wuxin_evidence.attestation import LIEN, PRICE, Attestation
from wuxin_evidence.bundle.archive import MEMBER_NAME
from wuxin_evidence.bundle.members import attestation_members, facts_members
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INCOMPLETE, INVALID, VALID, Verdict, verify_bundle
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import EMPTY_ROOT

Members = dict[str, bytes]
NOBODY = sha256(b"a device without a pack").hexdigest()
EVERY_NAME = (
    *("attestation.cbor", "attestation.json", "profile.json", "rulepack.json"),
    *(f"packs/{NOBODY}.cose", "packs/devices.json"),
    *("log/checkpoint", "log/inclusion.json", "log/consistency.json"),
    *("facts/envelope.pb", "facts/block.pb"),
    *(f"facts/devices/{NOBODY}.envelope.pb", f"facts/devices/{NOBODY}.block.pb"),
    *(
        f"{folder}/{name}"
        for folder in ("obligations", "terms")
        for name in ("header.rlp", "receipt.rlp", "proof.json", "unproven.json", "comet/place.json")
    ),
    *(
        f"{folder}/comet/{name}.pb"
        for folder in ("obligations", "terms")
        for name in ("header", "next", "commit", "transaction", "result")
    ),
)
RUBBISH = {"nothing": b"", "an object": b"{}", "a list": b"[]", "escapes": b"\x1b[2J", "a name": b'{"a":{}}'}


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture(scope="module")
def trust(consortium: Consortium) -> Trust:
    return consortium.trust


def without_packs(consortium: Consortium, attestation: Attestation) -> Members:
    """Everything that an attestation without packs rests on."""
    recorded = consortium.record(attestation)
    return {
        **attestation_members(consortium.sign(attestation), PROFILE),
        **consortium.rules(),
        **facts_members(recorded, consortium.block(recorded)),
        **consortium.obligations(attestation),
    }


@pytest.fixture(scope="module")
def of_each_kind(consortium: Consortium) -> dict[str, Members]:
    """Valid bundles of a window with packs, a lien and a price, and one from before there was a facility."""
    lien, price = (consortium.attestation(kind=kind, pack_root=EMPTY_ROOT, pack_count=0) for kind in (LIEN, PRICE))
    full = consortium.members
    before = {name: raw for name, raw in full.items() if name != "rulepack.json" and not name.startswith("terms/")}
    return {
        "scheduled": full,
        "lien": without_packs(consortium, lien),
        "price": without_packs(consortium, price),
        "before a facility": before,
    }


KINDS = ("scheduled", "lien", "price", "before a facility")
BETTER_BY_LESS = {VALID: 0, INCOMPLETE: 1, INVALID: 2}
"""Exit statuses from the best to the worst."""


def verdict_on(consortium: Consortium, members: Members, trust: Trust | None) -> Verdict | None:
    try:
        return verify_bundle(consortium.bundle(members), trust)
    except EvidenceError:
        return None  # not even a bundle


def test_the_names_tried_are_all_that_a_bundle_may_hold() -> None:
    assert all(MEMBER_NAME.fullmatch(name) for name in EVERY_NAME)
    assert len(set(EVERY_NAME)) == len(EVERY_NAME) == 33


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundle_itself_is_as_good_as_its_parts(
    consortium: Consortium, trust: Trust, of_each_kind: dict[str, Members], kind: str
) -> None:
    verdict = verify_bundle(consortium.bundle(of_each_kind[kind]), trust)
    assert verdict.exit_status == (INCOMPLETE if kind == "before a facility" else VALID), verdict.to_json()


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_added_is_never_valid_and_never_better(
    consortium: Consortium, trust: Trust, of_each_kind: dict[str, Members], kind: str, rubbish: str
) -> None:
    members = of_each_kind[kind]
    before = verify_bundle(consortium.bundle(members), trust).exit_status
    for name in (each for each in EVERY_NAME if each not in members):
        verdict = verdict_on(consortium, {**members, name: RUBBISH[rubbish]}, trust)
        assert verdict is not None and verdict.exit_status in (INVALID, INCOMPLETE), name
        assert BETTER_BY_LESS[verdict.exit_status] >= BETTER_BY_LESS[before], name


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_in_the_place_of_any_member_is_never_valid(
    consortium: Consortium, trust: Trust, of_each_kind: dict[str, Members], kind: str
) -> None:
    members = of_each_kind[kind]
    for name in members:
        for rubbish in RUBBISH.values():
            verdict = verdict_on(consortium, {**members, name: rubbish}, trust)
            assert verdict is not None and verdict.exit_status != VALID, name


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_member_is_taken_away_the_bundle_is_not_valid(
    consortium: Consortium, trust: Trust, of_each_kind: dict[str, Members], kind: str
) -> None:
    members = of_each_kind[kind]
    for dropped in members:
        left = {name: raw for name, raw in members.items() if name != dropped}
        verdict = verdict_on(consortium, left, trust)
        assert verdict is not None and verdict.exit_status in (INVALID, INCOMPLETE), dropped


@pytest.mark.parametrize("kind", ["lien", "price"])
def test_the_log_of_others_does_not_travel_with_what_rests_on_no_pack(
    consortium: Consortium, trust: Trust, of_each_kind: dict[str, Members], kind: str
) -> None:
    """Real files of a real log: nobody would look at them, so that they could be swapped or spoilt."""
    verdict = verify_bundle(consortium.bundle({**of_each_kind[kind], **consortium.log()}), trust)
    (failed,) = verdict.failed
    assert (failed.check, failed.code) == ("nothing else", "malformed")
    assert "log/checkpoint" in failed.detail and "log/inclusion.json" in failed.detail


def test_a_device_without_a_pack_is_not_named(consortium: Consortium, trust: Trust) -> None:
    one = {"suite": "sm2-sm3", "public_key": "04" + "11" * 64}
    listed = parse_canonical_json(consortium.members["packs/devices.json"])
    strange = canonical_json({**listed, "a": one})
    verdict = verify_bundle(consortium.bundle({**consortium.members, "packs/devices.json": strange}), trust)
    (failed,) = verdict.failed
    assert (failed.check, failed.code) == ("packs", "malformed") and "'a'" in failed.detail


def test_enrolments_of_other_devices_are_refused_by_name(consortium: Consortium, trust: Trust) -> None:
    stem = f"facts/devices/{NOBODY}."
    enrolled = consortium.enrolment()
    more = {f"{stem}envelope.pb": enrolled, f"{stem}block.pb": consortium.block(enrolled)}
    (failed,) = verify_bundle(consortium.bundle({**consortium.members, **more}), trust).failed
    assert failed.check == "nothing else" and f"{stem}block.pb, {stem}envelope.pb" in failed.detail


def test_of_many_unread_members_three_are_named_and_the_others_counted(consortium: Consortium, trust: Trust) -> None:
    more = {f"facts/devices/{number:064x}.block.pb": b"" for number in range(40)}
    (failed,) = verify_bundle(consortium.bundle({**consortium.members, **more}), trust).failed
    assert "and 37 more" in failed.detail and len(failed.detail) < 400


def test_without_a_trust_file_what_a_check_would_read_is_not_called_unread(
    consortium: Consortium, of_each_kind: dict[str, Members]
) -> None:
    for kind, members in of_each_kind.items():
        assert verify_bundle(consortium.bundle(members), None).exit_status == INCOMPLETE, kind
