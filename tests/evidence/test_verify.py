"""Verification of whole bundles, by somebody who assumes that whoever made them lies."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.evidence.bundle_maker import DEVICE, NOON_S, PROFILE, SLOT, WINDOW_S, Authority, Consortium
from wuxin_evidence.attestation import LIEN, MemberSignature, SignedAttestation
from wuxin_evidence.bundle import verify
from wuxin_evidence.bundle.archive import write_bundle
from wuxin_evidence.bundle.members import (
    DeviceKey,
    attestation_members,
    enrolment_members,
    facts_members,
    pack_members,
)
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import Verdict, verify_bundle
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import BlockSigner
from wuxin_evidence.ids import subject
from wuxin_evidence.log.tree import EMPTY_ROOT

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture(scope="module")
def trust(consortium: Consortium) -> Trust:
    return consortium.trust


def failures(verdict: Verdict) -> list[tuple[str, str]]:
    return [(finding.check, finding.code) for finding in verdict.failed]


def lacking(verdict: Verdict) -> set[str]:
    return {finding.check for finding in verdict.missing}


def test_a_complete_bundle_is_valid_and_says_what_it_rests_on(consortium: Consortium, trust: Trust) -> None:
    verdict = verify_bundle(consortium.bundle(), trust)
    assert (verdict.exit_status, verdict.failed, verdict.missing) == (0, (), ())
    assert verdict
    shown = {finding.check for finding in verdict.checked}
    assert shown == {name for name, _ in verify.CHECKS}
    assert any("no orderer signs it" in finding.detail for finding in verdict.assumed)
    assert json.loads(json.dumps(verdict.to_json()))["exit_status"] == 0


def test_without_a_trust_file_the_answer_is_2(consortium: Consortium) -> None:
    verdict = verify_bundle(consortium.bundle(), None)
    assert verdict.exit_status == 2
    assert {"trust", "signatures", "log", "facts", "obligations"} <= lacking(verdict)


def test_every_byte_flipped_in_turn_is_never_valid(consortium: Consortium, trust: Trust) -> None:
    raw = bytearray(consortium.bundle())
    for at in range(len(raw)):
        raw[at] ^= 1
        assert verify_bundle(bytes(raw), trust).exit_status in (1, 3), f"byte {at}"
        raw[at] ^= 1


def test_a_byte_changed_in_a_member_with_the_manifest_made_anew_is_never_valid(
    consortium: Consortium, trust: Trust
) -> None:
    """The block holds the one transaction only, because the validation codes of its neighbours are nobody's
    business.
    """
    chosen = random.Random(20220102)
    recorded = consortium.members["facts/envelope.pb"]
    members = {**consortium.members, "facts/block.pb": consortium.block(recorded)}
    for name, data in members.items():
        for at in chosen.sample(range(len(data)), min(len(data), 24)):
            changed = bytearray(data)
            changed[at] ^= chosen.randrange(1, 256)
            raw = consortium.bundle({**members, name: bytes(changed)})
            assert verify_bundle(raw, trust).exit_status in (1, 2, 3), f"{name} byte {at}"


def test_a_bundle_signed_again_under_other_roots_fails_under_the_original_trust(
    consortium: Consortium, trust: Trust
) -> None:
    forger = Consortium()
    verdict = verify_bundle(forger.bundle(), trust)
    assert verdict.exit_status == 1
    failed = {check for check, _ in failures(verdict)}
    assert {"signatures", "log", "facts", "devices", "obligations"} <= failed
    assert verify_bundle(forger.bundle(), forger.trust).exit_status == 0


@pytest.mark.parametrize("raw", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_unreadable(trust: Trust, raw: bytes) -> None:
    assert verify_bundle(raw, trust).exit_status == 3


@pytest.mark.parametrize(
    ("dropped", "check"),
    [
        ("facts/block.pb", "facts"),
        ("obligations/proof.json", "obligations"),
        ("terms/receipt.rlp", "rule pack"),
        ("rulepack.json", "rule pack"),
        ("log/checkpoint", "log"),
        ("log/inclusion.json", "log"),
        ("log/consistency.json", "log"),
        ("attestation.json", "attestation"),
        ("profile.json", "profile"),
        ("packs/devices.json", "packs"),
    ],
)
def test_a_part_left_out_is_missing_and_the_answer_2(
    consortium: Consortium, trust: Trust, dropped: str, check: str
) -> None:
    members = {name: data for name, data in consortium.members.items() if name != dropped}
    verdict = verify_bundle(consortium.bundle(members), trust)
    if dropped == "packs/devices.json":
        assert failures(verdict) == [("devices", "bad_signature")]
    else:
        assert (verdict.exit_status, lacking(verdict)) == (2, {check})


def test_without_its_enrolment_a_device_key_is_not_believed(consortium: Consortium, trust: Trust) -> None:
    members = {name: data for name, data in consortium.members.items() if not name.startswith("facts/devices/")}
    verdict = verify_bundle(consortium.bundle(members), trust)
    assert (verdict.exit_status, lacking(verdict)) == (2, {"devices"})


def test_all_packs_left_out_is_incomplete_and_some_left_out_invalid(consortium: Consortium, trust: Trust) -> None:
    names = [name for name in consortium.members if name.endswith(".cose")]
    none = {name: data for name, data in consortium.members.items() if name not in names}
    none.pop("log/inclusion.json")
    assert failures(verify_bundle(consortium.bundle(none), trust)) == [("nothing else", "malformed")], "keys of nobody"
    of_packs = ("packs/", "facts/devices/", "log/")
    none = {name: data for name, data in consortium.members.items() if not name.startswith(of_packs)}
    assert verify_bundle(consortium.bundle(none), trust).exit_status == 2
    some = {name: data for name, data in consortium.members.items() if name != names[0]}
    assert ("pack set", "malformed") in failures(verify_bundle(consortium.bundle(some), trust))


def test_the_empty_window_of_a_silent_device_needs_no_packs(consortium: Consortium, trust: Trust) -> None:
    empty = consortium.attestation(pack_root=EMPTY_ROOT, pack_count=0)
    recorded = consortium.record(empty)
    members = {
        **attestation_members(consortium.sign(empty), PROFILE),
        **consortium.rules(),
        **facts_members(recorded, consortium.block(recorded)),
        **consortium.obligations(empty),
    }
    assert verify_bundle(consortium.bundle(members), trust).exit_status == 0


Change = Callable[[Consortium], Members]


def signed_by(*names: str) -> Change:
    return lambda c: c.members_of(c.sign(c.attestation(), *names))


def attested(**changes: object) -> Change:
    return lambda c: c.members_of(c.sign(c.attestation(**changes)))


def _doubled(c: Consortium) -> Members:
    once = c.sign(c.attestation(), "bank")
    return c.members_of(SignedAttestation(once.attestation, once.signatures * 2))


def _evm_by_another(c: Consortium) -> Members:
    signed = c.sign(c.attestation())
    first, second = signed.signatures
    forged = MemberSignature(second.organisation, second.sm2, EvmKey.generate().sign_digest(b"\1" * 32))
    return c.members_of(SignedAttestation(signed.attestation, (first, forged)))


def _other_json(c: Consortium) -> Members:
    other = c.sign(c.attestation(late_count=1)).to_json()
    return {**c.members, "attestation.json": canonical_json(other)}


def _facts_of(another: object) -> Change:
    def change(c: Consortium) -> Members:
        recorded = c.record(c.attestation(sequence=another))
        return {**c.members, **facts_members(recorded, c.block(recorded))}

    return change


def _facts_block(**options: object) -> Change:
    def change(c: Consortium) -> Members:
        recorded = c.members["facts/envelope.pb"]
        return {**c.members, **facts_members(recorded, c.block(recorded, **options))}  # type: ignore[arg-type]

    return change


def _two_endorsers(c: Consortium) -> Members:
    recorded = c.record(c.attestation(), endorsers=("BankMSP", "InsurerMSP"))
    return {**c.members, **facts_members(recorded, c.block(recorded))}


def _another_function(c: Consortium) -> Members:
    sent = c.transaction("anchor_checkpoint", {"attestation": c.attestation().to_cbor().hex()}, {})
    return {**c.members, **facts_members(sent, c.block(sent))}


def _unwritten(c: Consortium) -> Members:
    attestation = c.attestation()
    argument = {"subject_kind": "slot", "subject_id": SLOT, "attestation": attestation.to_cbor().hex()}
    sent = c.transaction("record_attestation", argument, {})
    return {**c.members, **facts_members(sent, c.block(sent))}


def _other_block(c: Consortium) -> Members:
    return {**c.members, "facts/block.pb": c.block(c.enrolment())}


def _stowaway(c: Consortium) -> Members:
    return {**c.members, "facts/block.pb": c.members["facts/block.pb"] + b"\x7a\x05hello"}


def _strange_orderer(c: Consortium) -> Members:
    recorded = c.members["facts/envelope.pb"]
    orderer = Authority("RegulatorMSP").issue("orderer")
    return {**c.members, **facts_members(recorded, c.block(recorded, signer=orderer))}


def enrolled(**changes: object) -> Change:
    def change(c: Consortium) -> Members:
        sent = c.enrolment(**changes)
        return {**c.members, **enrolment_members(DEVICE, sent, c.block(sent))}

    return change


def _stolen_key(c: Consortium) -> Members:
    thief = SigningKey.generate("sm2-sm3")
    packs = [c.pack(seq, at, thief) for seq, at in ((1, NOON_S - 60), (2, NOON_S + 60), (3, NOON_S + 600))]
    rest = {name: data for name, data in c.members.items() if not name.startswith("packs/")}
    return {**rest, **pack_members(packs, {DEVICE: DeviceKey("sm2-sm3", thief.public_key)})}


def _misnamed_pack(c: Consortium) -> Members:
    first, second, *_ = (name for name in c.members if name.endswith(".cose"))
    return {**c.members, first: c.members[second]}


def _strange_sealer(c: Consortium) -> Members:
    return {**c.members, **c.obligations(c.attestation(), sealer=EvmKey.generate())}


def _reverted(c: Consortium) -> Members:
    return {**c.members, **c.obligations(c.attestation(), status=0)}


def _accepted_another(c: Consortium) -> Members:
    return {**c.members, **c.obligations(c.attestation(late_count=7))}


def _swapped_checkpoint(c: Consortium) -> Members:
    other = Consortium()
    other.oracle = c.oracle
    other.packs = [*c.packs[:2], c.pack(9, NOON_S)]  # type: ignore[misc]  # a log that holds another pack
    return {**c.members, "log/checkpoint": other.log()["log/checkpoint"]}


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (signed_by("bank"), ("signatures", "quorum_not_met")),
        (_doubled, ("signatures", "quorum_not_met")),
        (_evm_by_another, ("signatures", "quorum_not_met")),
        (_other_json, ("attestation", "malformed")),
        (attested(profile=bytes(32)), ("profile", "profile_mismatch")),
        (attested(pack_root=bytes(32)), ("pack set", "proof_invalid")),
        (attested(pack_count=4), ("pack set", "malformed")),
        (attested(window_start=NOON_S + WINDOW_S - 1), ("pack set", "implausible")),
        (attested(window_end=NOON_S + 300), ("pack set", "implausible")),
        (attested(subject=subject("slot", "another")), ("facts", "malformed")),
        (_misnamed_pack, ("packs", "malformed")),
        (_stolen_key, ("devices", "bad_signature")),
        (enrolled(status="suspended"), ("devices", "unknown_device")),
        (enrolled(public_key="04" + "11" * 64), ("devices", "bad_signature")),
        (_swapped_checkpoint, ("log", "proof_invalid")),
        (_facts_of(7), ("facts", "not_found")),
        (_facts_block(codes=(11,)), ("facts", "not_found")),
        (_two_endorsers, ("facts", "quorum_not_met")),
        (_another_function, ("facts", "not_found")),
        (_unwritten, ("facts", "not_found")),
        (_other_block, ("facts", "not_found")),
        (_stowaway, ("facts", "malformed")),
        (_strange_orderer, ("facts", "quorum_not_met")),
        (_strange_sealer, ("obligations", "bad_signature")),
        (_reverted, ("obligations", "not_found")),
        (_accepted_another, ("obligations", "not_found")),
    ],
)
def test_a_lie_fails_in_its_own_check(
    consortium: Consortium, trust: Trust, change: Change, failure: tuple[str, str]
) -> None:
    verdict = verify_bundle(consortium.bundle(change(consortium)), trust)
    assert verdict.exit_status == 1
    assert failure in failures(verdict)


def test_a_device_bound_to_another_slot_leaves_the_bundle_incomplete(consortium: Consortium, trust: Trust) -> None:
    verdict = verify_bundle(consortium.bundle(enrolled(slots=["other/A-1"])(consortium)), trust)
    assert (verdict.exit_status, lacking(verdict)) == (2, {"devices"})


def test_an_epoch_the_trust_file_does_not_know_is_missing(consortium: Consortium, trust: Trust) -> None:
    verdict = verify_bundle(consortium.bundle(attested(epoch=2)(consortium)), trust)
    assert (verdict.exit_status, lacking(verdict)) == (2, {"signatures"})


def test_a_committee_that_was_replaced_cannot_attest_later_windows(consortium: Consortium, trust: Trust) -> None:
    later = replace(trust.committees[0], epoch=2, active_from_s=NOON_S)
    verdict = verify_bundle(consortium.bundle(), replace(trust, committees=(*trust.committees, later)))
    assert failures(verdict) == [("signatures", "wrong_epoch")]


def test_a_window_that_ends_where_the_next_epoch_begins_is_the_old_ones(consortium: Consortium, trust: Trust) -> None:
    """The same edge as OracleCommittee.epochAt: active_from < window end <= next active_from."""
    first, border_s = trust.committees[0], consortium.attestation().window_end
    later = replace(first, epoch=2, active_from_s=border_s)
    assert verify_bundle(consortium.bundle(), replace(trust, committees=(first, later))).exit_status == 0
    begun = replace(trust, committees=(replace(first, active_from_s=border_s),))
    assert failures(verify_bundle(consortium.bundle(), begun)) == [("signatures", "wrong_epoch")]


def test_a_log_key_counts_for_its_own_origin_only(consortium: Consortium, trust: Trust) -> None:
    moved = tuple(replace(log, origin="wuxin/elsewhere") for log in trust.logs)
    verdict = verify_bundle(consortium.bundle(), replace(trust, logs=moved))
    assert (verdict.exit_status, lacking(verdict)) == (2, {"log"})


def test_a_feed_not_yet_in_the_trust_file_is_missing(consortium: Consortium, trust: Trust) -> None:
    chain = replace(trust.chains[0], feed=None)
    verdict = verify_bundle(consortium.bundle(), replace(trust, chains=(chain,)))
    assert (verdict.exit_status, lacking(verdict)) == (2, {"obligations"})


def test_no_block_signer_in_the_trust_file_is_missing(consortium: Consortium, trust: Trust) -> None:
    facts = replace(trust.facts, block_signers=())
    assert lacking(verify_bundle(consortium.bundle(), replace(trust, facts=facts))) == {"devices", "facts"}


def test_a_bigger_block_quorum_is_asked_for(consortium: Consortium, trust: Trust) -> None:
    second = BlockSigner(consortium.authorities["BankMSP"].issue("orderer").pem)
    facts = replace(trust.facts, block_signers=(*trust.facts.block_signers, second), block_quorum=2)
    verdict = verify_bundle(consortium.bundle(), replace(trust, facts=facts))
    assert ("facts", "quorum_not_met") in failures(verdict)


def test_a_bundle_of_another_consortium_or_clock_fails(consortium: Consortium, trust: Trust) -> None:
    other = write_bundle(consortium.members, consortium_id=bytes(32), clock=trust.clock)
    assert failures(verify_bundle(other, trust)) == [("attestation", "malformed")]
    strange = verify_bundle(consortium.bundle(), replace(trust, consortium_id=bytes(32)))
    assert failures(strange) == [("attestation", "wrong_aad")]
    scenario = {"kind": "scenario", "start_ms": 1, "factor": 60}
    moved = write_bundle(consortium.members, consortium_id=consortium.consortium_id, clock=scenario)
    assert failures(verify_bundle(moved, trust)) == [("clock", "clock_skew")]


def test_in_a_scenario_the_dates_of_certificates_say_nothing(consortium: Consortium, trust: Trust) -> None:
    scenario = {"kind": "scenario", "start_ms": 1, "factor": 60}
    raw = write_bundle(consortium.members, consortium_id=consortium.consortium_id, clock=scenario)
    assert verify_bundle(raw, replace(trust, clock=scenario)).exit_status == 0


def test_a_lien_rests_on_no_packs_and_no_log(consortium: Consortium, trust: Trust) -> None:
    lien = consortium.attestation(kind=LIEN, pack_root=EMPTY_ROOT, pack_count=0)
    members = {**attestation_members(consortium.sign(lien), PROFILE), **consortium.rules()}
    verdict = verify_bundle(consortium.bundle(members), trust)
    assert (verdict.exit_status, lacking(verdict)) == (2, {"facts", "obligations"})


def test_a_finding_reads_as_one_line(consortium: Consortium, trust: Trust) -> None:
    verdict = verify_bundle(consortium.bundle(signed_by("bank")(consortium)), trust)
    (failed,) = verdict.failed
    assert str(failed).startswith("signatures: 1 of 2 signed (bank)") and "[quorum_not_met]" in str(failed)
    assert "[" not in str(verdict.checked[0])


def test_documents_of_any_shape_give_a_verdict_and_no_crash(consortium: Consortium, trust: Trust) -> None:
    documents = (b"[]", b"{}", b"null", b"7", b'{"proofs":7}', b'{"from":7,"path":[]}', b"\xff", b"")
    for name in (each for each in consortium.members if each.endswith((".json", ".pb", ".rlp", ".cbor", "checkpoint"))):
        for document in documents:
            try:
                raw = consortium.bundle({**consortium.members, name: document})
            except EvidenceError:
                continue
            verdict = verify_bundle(raw, trust)
            assert verdict.exit_status != 0, (name, document)
