"""Attestations: k good signatures of members without a stake, in order, and nothing less."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaincode.facts_world import (
    CONSORTIUM_ID,
    START_S,
    TERMS,
    World,
    other_value,
    pledge,
    receipt,
    slot,
    statement,
)
from wuxin_evidence import attestation as evidence
from wuxin_evidence import ids
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor

SLOT_SUBJECT = ids.subject("slot", slot()).hex()
HEAD_KEY = f"attestation-head/{SLOT_SUBJECT}/0"


def record(world: World, said: evidence.Attestation, *signers: str, **about: Any) -> Any:
    return world.call("warehouse", "record_attestation", **world.signed(said, *signers, **about))


def refused(world: World, said: evidence.Attestation, *signers: str, **about: Any) -> str:
    return world.refused("warehouse", "record_attestation", **world.signed(said, *signers, **about))


def test_k_signatures_make_a_fact_whoever_relays_it(receipted: World) -> None:
    said = statement()
    answer = record(receipted, said, "insurer", "bank")
    assert answer == {"digest": said.digest().hex(), "sequence": said.sequence, "recorded": True}
    written = receipted.record(f"attestation/{SLOT_SUBJECT}/0/{said.sequence:016d}")
    assert evidence.Attestation.from_cbor(bytes.fromhex(written["attestation"])) == said
    assert [one["organisation"] for one in written["signatures"]] == ["bank", "insurer"]
    assert receipted.record(HEAD_KEY)["sequence"] == said.sequence
    assert receipted.events()[0]["signed_by"] == ["bank", "insurer"]


def test_a_good_signature_too_many_counts_and_a_bad_one_is_left_out(receipted: World) -> None:
    said = statement()
    arguments = receipted.signed(said, "bank", "insurer", "inspector")
    arguments["signatures"][2]["sm2"] = arguments["signatures"][1]["sm2"]
    receipted.call("bank", "record_attestation", **arguments)
    written = receipted.record(f"attestation/{SLOT_SUBJECT}/0/{said.sequence:016d}")
    assert [one["organisation"] for one in written["signatures"]] == ["bank", "insurer"]


def test_the_same_attestation_again_has_no_effect(receipted: World) -> None:
    record(receipted, statement(), "bank", "insurer")
    again = record(receipted, statement(), "inspector", "insurer")
    assert again["recorded"] is False
    assert receipted.last is not None
    assert not receipted.last.writes
    assert not receipted.last.events


def test_k_minus_one_is_no_quorum(receipted: World) -> None:
    assert refused(receipted, statement(), "bank") == "quorum_not_met"


def test_a_duplicate_signer_is_one_signer(receipted: World) -> None:
    arguments = receipted.signed(statement(), "bank", "bank")
    assert receipted.refused("bank", "record_attestation", **arguments) == "quorum_not_met"


def test_a_stranger_to_the_committee_does_not_count(receipted: World) -> None:
    receipted.keys["regulator"] = SigningKey.generate("sm2-sm3")
    assert refused(receipted, statement(), "bank", "regulator") == "quorum_not_met"


@pytest.mark.parametrize("damage", ["00" * 64, "ff" * 64, "another statement"])
def test_a_bad_signature_does_not_count(receipted: World, damage: str) -> None:
    arguments = receipted.signed(statement(), "bank", "insurer")
    other = receipted.signature("insurer", statement(2))["sm2"]
    arguments["signatures"][1]["sm2"] = other if damage == "another statement" else damage
    assert receipted.refused("bank", "record_attestation", **arguments) == "quorum_not_met"


@pytest.mark.parametrize("sm2", ["", "00" * 63, "00" * 65, "zz" * 64])
def test_a_signature_of_another_length_is_malformed(receipted: World, sm2: str) -> None:
    arguments = receipted.signed(statement(), "bank", "insurer")
    arguments["signatures"][0]["sm2"] = sm2
    assert receipted.refused("bank", "record_attestation", **arguments) == "malformed"


def test_the_owner_of_the_claiming_receipt_is_conflicted_on_the_slot(world: World) -> None:
    record(world, statement(1), "bank", "insurer")
    world.call("warehouse", "issue_receipt", **receipt(owner="bank"))
    assert refused(world, statement(2), "bank", "insurer") == "conflicted_signer"
    record(world, statement(2), "inspector", "insurer", "bank")
    assert [one["organisation"] for one in written(world, statement(2))["signatures"]] == ["inspector", "insurer"]


def written(world: World, said: evidence.Attestation) -> Any:
    return world.record(f"attestation/{said.subject.hex()}/{said.kind}/{said.sequence:016d}")


def test_the_pledgee_may_sign_the_lien_and_the_pledgor_may_not(world: World) -> None:
    world.call("warehouse", "issue_receipt", **receipt(owner="insurer", beneficiary="insurer"))
    world.call("insurer", "propose_pledge", terms=TERMS, **pledge())
    said = statement(1, kind=evidence.LIEN, subject=ids.subject("pledge", "pledge-1"))
    about = {"kind": "pledge", "ident": "pledge-1"}
    assert refused(world, said, "insurer", "inspector", **about) == "conflicted_signer"
    assert record(world, said, "bank", "inspector", **about)["recorded"]


def test_the_warehouse_is_conflicted_on_its_slots_and_on_pledges_of_their_receipts(proposed: World) -> None:
    proposed.keys["warehouse"] = SigningKey.generate("sm2-sm3")
    with_warehouse = proposed.committee(epoch=2, active_from_s=START_S + 900)
    with_warehouse["members"][1] |= {
        "organisation": "warehouse",
        "sm2_public_key": proposed.keys["warehouse"].public_key.hex(),
    }
    proposed.call("regulator", "set_committee", **with_warehouse)
    proposed.now_s += 7200
    window = {"epoch": 2, "window_start": START_S + 900, "window_end": START_S + 1800}
    lien = replace(statement(1, kind=evidence.LIEN, subject=ids.subject("pledge", "pledge-1")), **window)
    assert refused(proposed, lien, "bank", "warehouse", kind="pledge", ident="pledge-1") == "conflicted_signer"
    assert refused(proposed, replace(statement(), **window), "bank", "warehouse") == "conflicted_signer"
    assert record(proposed, lien, "bank", "inspector", kind="pledge", ident="pledge-1")["recorded"]


def test_nobody_is_conflicted_on_a_price(world: World) -> None:
    said = statement(1, kind=evidence.PRICE, subject=ids.subject("commodity", "copper-cathode"))
    assert record(world, said, "bank", "insurer", kind="commodity", ident="copper-cathode")["recorded"]


def test_another_statement_for_the_same_sequence_is_equivocation(receipted: World) -> None:
    record(receipted, statement(), "bank", "insurer")
    assert refused(receipted, other_value(statement()), "inspector", "insurer") == "equivocation"
    assert refused(receipted, other_value(statement()), "insurer") == "quorum_not_met"


def test_sequences_rise_per_subject_and_kind(receipted: World) -> None:
    record(receipted, statement(3), "bank", "insurer")
    assert refused(receipted, statement(2), "bank", "insurer") == "sequence_regressed"
    record(receipted, statement(2, kind=evidence.ALARM), "bank", "insurer")
    elsewhere = statement(1, subject=ids.subject("slot", slot(2)))
    record(receipted, elsewhere, "bank", "insurer", ident=slot(2))
    record(receipted, statement(4), "bank", "insurer")


@pytest.mark.parametrize("epoch", [0, 2, 2**53])
def test_an_epoch_that_does_not_exist_is_wrong(receipted: World, epoch: int) -> None:
    code = refused(receipted, replace(statement(), epoch=epoch), "bank", "insurer")
    assert code == ("malformed" if epoch == 2**53 else "wrong_epoch")


def test_each_epoch_answers_for_its_own_windows(receipted: World) -> None:
    active_from_s = START_S + 900
    receipted.call("regulator", "set_committee", **receipted.committee(epoch=2, active_from_s=active_from_s))
    receipted.now_s += 7200
    last = replace(statement(1), window_start=active_from_s - 900, window_end=active_from_s)
    following = replace(statement(2), window_start=active_from_s, window_end=active_from_s + 900)
    assert refused(receipted, replace(last, epoch=2), "bank", "insurer") == "wrong_epoch"
    record(receipted, last, "bank", "insurer")
    assert refused(receipted, following, "bank", "insurer") == "wrong_epoch"
    record(receipted, replace(following, epoch=2), "bank", "insurer")


def test_a_profile_changes_only_with_the_epoch(receipted: World) -> None:
    active_from_s = START_S + 900
    record(receipted, statement(1), "bank", "insurer")
    other_profile = replace(statement(2), profile=bytes(32))
    assert refused(receipted, other_profile, "bank", "insurer") == "profile_mismatch"
    receipted.call("regulator", "set_committee", **receipted.committee(epoch=2, active_from_s=active_from_s))
    receipted.now_s += 7200
    later = replace(other_profile, epoch=2, window_start=active_from_s, window_end=active_from_s + 900)
    record(receipted, later, "bank", "insurer")


def test_a_window_of_the_future_is_clock_skew(receipted: World) -> None:
    said = replace(statement(), window_end=START_S + 901)
    assert refused(receipted, said, "bank", "insurer") == "clock_skew"


def test_another_consortium_is_malformed_here(receipted: World) -> None:
    said = replace(statement(), consortium_id=bytes(reversed(CONSORTIUM_ID)))
    assert refused(receipted, said, "bank", "insurer") == "malformed"


@pytest.mark.parametrize(
    ("kind", "ident", "code"),
    [
        ("slot", slot(2), "malformed"),
        ("pledge", slot(), "malformed"),
        ("facility", slot(), "malformed"),
        ("slot", "", "malformed"),
    ],
)
def test_a_subject_that_the_members_did_not_sign_is_malformed(
    receipted: World, kind: str, ident: str, code: str
) -> None:
    arguments = receipted.signed(statement(), "bank", "insurer") | {"subject_kind": kind, "subject_id": ident}
    assert receipted.refused("bank", "record_attestation", **arguments) == code


def test_a_subject_that_does_not_exist_is_not_found(receipted: World) -> None:
    nowhere = statement(1, subject=ids.subject("slot", slot(9)))
    assert refused(receipted, nowhere, "bank", "insurer", ident=slot(9)) == "not_found"
    unpledged = statement(1, kind=evidence.LIEN, subject=ids.subject("pledge", "ghost"))
    assert refused(receipted, unpledged, "bank", "insurer", kind="pledge", ident="ghost") == "not_found"


def test_a_kind_that_does_not_fit_the_subject_is_malformed(receipted: World) -> None:
    assert refused(receipted, statement(1, kind=evidence.LIEN), "bank", "insurer") == "malformed"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80",
        b"\xff",
        statement().to_cbor() + b"\x00",
        cbor.encode([1, 2, 3]),
        b"\x81" * 40,
        statement().to_cbor()[:-1],
        b"\x98\x0c" + statement().to_cbor()[1:],
    ],
)
def test_bytes_that_are_not_the_canonical_cbor_of_an_attestation_are_malformed(receipted: World, raw: bytes) -> None:
    arguments = receipted.signed(statement(), "bank", "insurer") | {"attestation": raw.hex()}
    assert receipted.refused("bank", "record_attestation", **arguments) == "malformed"


def test_no_signatures_and_too_many_are_malformed(receipted: World) -> None:
    arguments = receipted.signed(statement(), "bank")
    assert receipted.refused("bank", "record_attestation", **arguments | {"signatures": []}) == "malformed"
    many = arguments["signatures"] * 17
    assert receipted.refused("bank", "record_attestation", **arguments | {"signatures": many}) == "malformed"


def test_a_sequence_beyond_json_is_malformed(receipted: World) -> None:
    assert refused(receipted, replace(statement(), sequence=2**53), "bank", "insurer") == "malformed"


@pytest.mark.parametrize("ahead", [2**53 - 1, ((START_S // 900) << 16) + 2**32 + 65_535])
def test_a_sequence_ahead_of_its_window_leaves_room_for_the_honest_ones(receipted: World, ahead: int) -> None:
    assert refused(receipted, replace(statement(), sequence=ahead), "bank", "insurer") == "malformed"


def test_the_sequence_of_the_window_itself_is_recorded(receipted: World) -> None:
    said = statement()
    index = evidence.window_index(said.window_start, 900, 28_800)
    true = replace(said, sequence=(index << 16) + 65_535)
    assert receipted.call("bank", "record_attestation", **receipted.signed(true, "bank", "insurer"))["recorded"]


def test_a_scheduled_statement_ends_in_its_own_number(receipted: World) -> None:
    assert refused(receipted, replace(statement(), sequence=(1 << 16) + 7), "bank", "insurer") == "malformed"
