"""Checks of what devices and oracle said: attestation, committee signatures, packs, profile, evidence log.

None of them recomputes an indicator: that the integers follow from the packs is what the committee signs, and
``wuxin audit`` recomputes it from the profile.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from wuxin_evidence.attestation import (
    KIND_NAMES,
    Committee,
    SignedAttestation,
    check_quorum,
    check_quorum_evm,
)
from wuxin_evidence.bundle.case import Assumed, Case, Checked, Missing, Note, json_object
from wuxin_evidence.bundle.inclusion import path_hashes, require_included
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint, Verifier, open_checkpoint
from wuxin_evidence.log.tree import pack_root, verify_consistency
from wuxin_evidence.packs.pack import Pack, verify_pack


def check_members(case: Case) -> Iterator[Note]:
    """Every member is byte for byte what the manifest says."""
    if case.bundle.altered:
        raise EvidenceError(
            "malformed",
            f"changed after the bundle was made: {', '.join(case.bundle.altered)}",
            "fetch the bundle again; do not repair it",
        )
    yield Checked(f"{len(case.bundle.members)} members have the SHA-256 of the manifest")


def check_attestation(case: Case) -> Iterator[Note]:
    """The attestation reads, its two forms agree, and it belongs to this consortium."""
    attestation = case.attestation
    if case.bundle.consortium_id != attestation.consortium_id.hex():
        raise EvidenceError("malformed", "manifest and attestation name two consortia", "make the bundle again")
    if case.trust is not None and case.trust.consortium_id != attestation.consortium_id:
        raise EvidenceError("wrong_aad", "the attestation is of another consortium", "use its own trust file")
    told = case.json("attestation.json")
    if told is None:
        yield Missing("attestation.json: the statement in the form that people and stock tools read")
    elif SignedAttestation.from_json(told) != case.signed:
        raise EvidenceError("malformed", "attestation.json and attestation.cbor differ", "believe neither")
    kind = KIND_NAMES[attestation.kind]
    yield Checked(f"{kind} attestation {attestation.digest().hex()}, sequence {attestation.sequence}")


def check_clock(case: Case) -> Iterator[Note]:
    """The bundle's statement about time is the consortium's own."""
    clock = case.bundle.manifest["clock"]
    if case.trust is None:
        yield Missing("whether times are real or a scenario's: no trust file")
    elif clock != case.trust.clock:
        raise EvidenceError("clock_skew", f"the bundle claims the clock {clock}", "compare with the trust file")
    else:
        yield Checked(f"clock: {clock['kind']}")


def check_signatures(case: Case) -> Iterator[Note]:
    """Enough members of that epoch's committee signed the digest, with SM2 and with secp256k1."""
    if case.trust is None:
        yield Missing("who may sign: no trust file")
        return
    committee = case.trust.committee(case.attestation.epoch)
    if committee is None:
        yield Missing(f"the committee of epoch {case.attestation.epoch} is not in the trust file")
        return
    _require_in_force(case, case.trust, committee)
    digest = case.attestation.digest()
    # one forged scheme must not do: the contracts count secp256k1 and the chaincode counts SM2, each by itself
    nobody: frozenset[str] = frozenset()
    for scheme, check in (("SM2", check_quorum), ("secp256k1", check_quorum_evm)):
        result = check(digest, case.signed.signatures, committee, nobody)
        result.require()
        text = f"{scheme}: {len(result.signed)} of {result.required} needed signed: {', '.join(result.signed)}"
        refused = ", ".join(f"{who} ({why})" for who, why in result.rejected)
        yield Checked(f"{text}; not counted: {refused}" if refused else text)
    yield Assumed("the indicators follow from the packs: each signer computed them for itself, by the profile")
    yield Assumed("no signer had an interest in the subject: chaincode and contracts refuse such signatures")


def _require_in_force(case: Case, trust: Trust, committee: Committee) -> None:
    """As on both ledgers: a window that ends exactly at the next epoch's beginning is still the old one's."""
    end = case.attestation.window_end
    later = [each for each in trust.committees if each.epoch > committee.epoch and each.active_from_s < end]
    if later or committee.active_from_s >= end:
        raise EvidenceError(
            "wrong_epoch",
            f"epoch {committee.epoch} was not in force when the window closed",
            "ask the committee in force to attest",
        )


def check_packs(case: Case) -> Iterator[Note]:
    """Every pack is signed by the key claimed for its device, for this consortium."""
    if not case.packs:
        if case.attestation.pack_count:
            yield Missing(f"the {case.attestation.pack_count} packs that the attestation counts")
        return
    strangers = set(case.device_keys) - {pack.device_id for pack in case.packs.values()}
    if strangers:
        raise EvidenceError(
            "malformed",
            f"packs/devices.json names {min(strangers)[:80]!r}, of which there is no pack",
            "name the devices of the packs and no other",
        )
    for pack in case.packs.values():
        key = case.device_keys.get(pack.device_id)
        if key is None:
            yield Missing(f"the key of device {pack.device_id}")
            return
        verify_pack(pack, case.attestation.consortium_id, key.public_key, key.suite)
    yield Checked(f"{len(case.packs)} packs are signed by their devices")


def check_pack_set(case: Case) -> Iterator[Note]:
    """The packs are exactly those the attestation rests on, each said once and within its window."""
    if not case.packs and case.attestation.pack_count:
        yield Missing("the packs under packRoot")
        return
    packs = list(case.packs.values())
    if len(packs) != case.attestation.pack_count:
        raise EvidenceError(
            "malformed", f"{len(packs)} packs where {case.attestation.pack_count} are attested", "carry all of them"
        )
    if pack_root(pack.digest for pack in packs) != case.attestation.pack_root:
        raise EvidenceError("proof_invalid", "packRoot is of other packs", "carry the packs that were attested")
    # a device that signs two packs under one (boot, seq) could show one to each reader
    if len({(pack.device_id, pack.boot, pack.seq) for pack in packs}) != len(packs):
        raise EvidenceError("pack_equivocation", "one device said two things under one number", "see quarantine")
    before = _require_of_window(case, packs)
    yield Checked(f"packRoot is the tree head over these {len(packs)} packs, {before} of them from before the window")


def _require_of_window(case: Case, packs: list[Pack]) -> int:
    """How many packs are from before the window; a pack belongs where its last reading is.

    None may be from after the window. Earlier ones are the pack that each device's window starts from, and
    late packs with the one before them; more would be chosen to please.
    """
    start_ms, after_ms = case.attestation.window_start * 1000, (case.attestation.window_end + 1) * 1000
    last_ms = [max((reading.time_ms for reading in pack.readings), default=after_ms) for pack in packs]
    before = sum(last < start_ms for last in last_ms)
    allowed = len({pack.device_id for pack in packs}) + 2 * case.attestation.late_count
    if before > allowed or any(last >= after_ms for last in last_ms):
        raise EvidenceError("implausible", "packs from outside the attested window", "carry what was attested")
    return before


def check_profile(case: Case) -> Iterator[Note]:
    """The profile is the one whose hash the members signed."""
    raw = case.member("profile.json")
    if raw is None:
        yield Missing("profile.json: what the indicators mean")
        return
    json_object(raw, "profile.json")
    if sha256(raw).digest() != case.attestation.profile:
        raise EvidenceError("profile_mismatch", "profile.json is not the attested profile", "carry the attested one")
    yield Checked(f"profile {case.attestation.profile.hex()}")


def check_log(case: Case) -> Iterator[Note]:
    """Every pack is in an evidence log whose checkpoint a trusted log key signed, and that log only grew."""
    if not case.attestation.pack_count:
        return  # what rests on no pack has no place in a log: whatever lies in log/ stays unread, and is refused
    note, inclusion = case.member("log/checkpoint"), case.json("log/inclusion.json")
    consistency = case.json("log/consistency.json")
    if note is None or inclusion is None:
        yield Missing("checkpoint and inclusion proofs of the evidence log")
        return
    if case.trust is None:
        yield Missing("whose checkpoint it is: no trust file")
        return
    # the origin is the first line of a C2SP checkpoint; it only chooses the keys, `open_checkpoint` reads it again
    origin = note.partition(b"\n")[0].decode(errors="replace")[:256]
    verifiers = _verifiers(origin, case.trust)
    if not verifiers:
        yield Missing(f"the key of the log {origin} is not in the trust file")
        return
    checkpoint = open_checkpoint(note, verifiers)
    require_included(inclusion, case.packs, checkpoint)
    yield Checked(f"all packs are in the log {checkpoint.origin} at size {checkpoint.size}")
    if consistency is None:
        yield Missing("log/consistency.json: that the log kept what it held at an earlier checkpoint")
    else:
        yield from _grown(consistency, case.trust, checkpoint)


def _grown(consistency: dict[str, Any], trust: Trust, checkpoint: Checkpoint) -> Iterator[Note]:
    if set(consistency) != {"from", "path"} or not isinstance(consistency["from"], str):
        raise EvidenceError("malformed", "log/consistency.json is not {from, path}", "ask the log again")
    earlier = open_checkpoint(consistency["from"].encode(), _verifiers(checkpoint.origin, trust))
    if earlier.origin != checkpoint.origin:
        raise EvidenceError("proof_invalid", "the earlier checkpoint is of another log", "ask the same log")
    path = path_hashes(consistency["path"])
    verify_consistency(earlier.size, checkpoint.size, path, earlier.root, checkpoint.root)
    yield Checked(f"the log grew from size {earlier.size} to {checkpoint.size} without changing what it held")
    yield Assumed(
        f"the checkpoint at size {earlier.size} is anchored, and with it all before it: compare with the anchored "
        "checkpoints in the ledger of facts (GET /v1/anchors)"
    )


def check_nothing_else(case: Case) -> Iterator[Note]:
    """Every member was asked for by a check: what nobody has read must not travel under the word valid."""
    unread = sorted(set(case.bundle.members) - case.read)
    if unread:
        more = f" and {len(unread) - 3} more" if len(unread) > 3 else ""
        raise EvidenceError(
            "malformed",
            f"no check reads {', '.join(unread[:3])}{more}",
            "leave out what this attestation does not rest on, or carry the parts that it belongs to",
        )
    yield Checked(f"each of the {len(case.bundle.members)} members was read by a check")


def _verifiers(origin: str, trust: Trust) -> list[Verifier]:
    """Who may sign checkpoints of this log; a log's key counts for its own origin only."""
    return [Verifier(log.signer, log.suite, log.public_key) for log in trust.logs if log.origin == origin]
