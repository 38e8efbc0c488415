"""Admission of one pack: admitted, a repeat, or refused with a named reason. Nothing is written here.

    1  structure        too_large, malformed, bad_signature (length)
    2  its own topic    wrong_aad
    3  a known device   unknown_device, forbidden (suspended, retired, not bound)
    4  its signature    bad_signature, wrong_aad (good, but made for another device)
    5  seen before      a repeat (no effect), pack_equivocation (another content at the same boot and seq)
    6  its readings     malformed, implausible, clock_skew (from the future)
    7  its share        too_large: what a window's statement may cite is shared evenly by the devices of a slot, so that
                        no device can crowd out another one's loss

A pack that comes late is admitted and marked. The digest is over what was signed, so a second good signature over the
same content is the same pack.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from oracle.operators.weighed_stock import MeasuredPack
from oracle.profile import Profile
from oracle.registry import Device, Registry
from oracle.storage.store import Store
from wuxin_evidence.crypto.suites import suite
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import Pack, check_topic, external_aad, parse1, parse_pack, verify_pack

OTHER_DEVICES_TRIED = 8
"""How many other devices a bad signature is tried for, to tell `wrong_aad` apart; each try costs a verification."""
GUESSES_PER_S_MAX = 16
"""Packs for which that is tried. It only makes a refusal clearer; a flood of forged packs must not be helped by it."""
PACKS_PER_WINDOW_MAX = 1000
"""Of one slot, so that with carry-in and late packs a statement stays below what a node takes and notes can name."""
BYTES_PER_WINDOW_MAX = 768 * 1024
"""Of one slot; in base64 and with a proof for each pack this fits into a node's request of 4 MiB."""
COUNTER_MAX = 2**63 - 1
"""A device that counts a billion packs a second reaches this in 292 years; the log keeps signed 64-bit integers."""


@dataclass(frozen=True)
class Admitted:
    """A pack to be stored: its measurements, its window, and whether the window's grace was over."""

    pack: Pack
    measured: MeasuredPack
    late: bool


@dataclass(frozen=True)
class Repeat:
    """The same pack again; acknowledged, no effect."""

    digest: bytes


@dataclass(frozen=True)
class Refused:
    """Not evidence. `pack` is there when it could at least be parsed."""

    code: str
    detail: str
    pack: Pack | None = None


@dataclass
class Guesses:
    """How often in this second it was tried whom a bad signature was meant for."""

    second: int = 0
    made: int = 0

    def may_try(self, now_ms: int) -> bool:
        """Whether one more forged pack may be tried for other devices in this second; counts the try."""
        if now_ms // 1000 != self.second:
            self.second, self.made = now_ms // 1000, 0
        self.made += 1
        return self.made <= GUESSES_PER_S_MAX


@dataclass(frozen=True)
class AdmissionContext:
    """What admission asks: whose consortium, which devices, which profile, what is stored."""

    consortium_id: bytes
    profile: Profile
    registry: Registry
    store: Store
    guesses: Guesses = field(default_factory=Guesses)


def admit(envelope: bytes, topic: str | None, now_ms: int, context: AdmissionContext) -> Admitted | Repeat | Refused:
    """Judge one envelope. `topic` is None for a pack that a peer supplied."""
    try:
        pack = parse_pack(envelope, context.consortium_id)
        _require_countable(pack)
    except EvidenceError as error:
        return Refused(error.code, error.detail)
    try:
        if topic is not None:
            check_topic(pack, context.consortium_id, topic)
        device = _require_active(pack, context.registry)
        _require_signed(pack, device, context, None if topic is None else now_ms)
        if context.store.holds(pack.digest):
            return Repeat(pack.digest)
        _require_first(pack, context.store)
        admitted = _measured(pack, now_ms, context.profile)
        _require_room(pack, admitted.measured.window, context)
        return admitted
    except EvidenceError as error:
        return Refused(error.code, error.detail, pack)


def _require_countable(pack: Pack) -> None:
    if max(pack.boot, pack.seq) > COUNTER_MAX:
        raise EvidenceError("implausible", f"boot {pack.boot} seq {pack.seq}", f"count from 0; at most {COUNTER_MAX}")


def _require_active(pack: Pack, registry: Registry) -> Device:
    device = registry.find(pack.device_id)
    if device is None:
        raise EvidenceError("unknown_device", f"no device {pack.device_id} is enrolled", "enrol and bind it first")
    if device.status != "active":
        raise EvidenceError("forbidden", f"device {pack.device_id} is {device.status}", "bind or resume it")
    return device


def _require_signed(pack: Pack, device: Device, context: AdmissionContext, now_ms: int | None) -> None:
    """`now_ms` is None for a pack whose sender is not told what is wrong with it."""
    try:
        verify_pack(pack, context.consortium_id, device.public_key, device.suite)
    except EvidenceError as error:
        may_guess = error.code == "bad_signature" and now_ms is not None and context.guesses.may_try(now_ms)
        if may_guess and (meant := _signed_for(pack, device, context)):
            raise EvidenceError("wrong_aad", f"signed for {meant}, sent as {pack.device_id}") from error
        raise


def _signed_for(pack: Pack, device: Device, context: AdmissionContext) -> str | None:
    """The other device that this device's key signed the pack for, if it is one of a few."""
    message = parse1(pack.envelope)
    # Of the devices known here only: before a member has read the other one's enrolment it says `bad_signature`.
    for other in context.registry.others(device.device_id, OTHER_DEVICES_TRIED):
        try:
            signed = message.sig_structure(external_aad(context.consortium_id, other))
            suite(device.suite).verify(device.public_key, signed, pack.signature)
        except EvidenceError:
            continue
        return other
    return None


def _require_first(pack: Pack, store: Store) -> None:
    held = store.digest_at(pack.device_id, pack.boot, pack.seq)
    if held is not None:
        raise EvidenceError(
            "pack_equivocation",
            f"{pack.device_id} signed {held.hex()[:16]} and {pack.digest.hex()[:16]}"
            f" as boot {pack.boot} seq {pack.seq}",
            "find out who else holds the device's key",
        )


def _require_room(pack: Pack, window: int, context: AdmissionContext) -> None:
    device = _require_active(pack, context.registry)
    sharing = max((len(context.registry.devices_of(slot_id)) for slot_id in device.slots), default=0)
    if not sharing:
        return
    packs, size = context.store.load(pack.device_id, window)
    packs_max, bytes_max = PACKS_PER_WINDOW_MAX // sharing, BYTES_PER_WINDOW_MAX // sharing
    if packs >= packs_max or size + len(pack.envelope) > bytes_max:
        raise EvidenceError(
            "too_large",
            f"{pack.device_id} has {packs} packs of {size} bytes in window {window}; its share of the slot is"
            f" {packs_max} packs and {bytes_max} bytes",
            "put more readings into a pack, or measure less often",
        )


def _measured(pack: Pack, now_ms: int, profile: Profile) -> Admitted:
    measurements = profile.scale(pack)
    newest_ms = max(each.time_ms for each in measurements)
    if newest_ms > now_ms + profile.clock_skew_s * 1000:
        raise EvidenceError(
            "clock_skew", f"a reading {newest_ms - now_ms} ms ahead of this member's clock", "set the device's clock"
        )
    window = profile.windows.index(newest_ms // 1000)
    measured = MeasuredPack(pack.device_id, pack.boot, pack.seq, window, measurements)
    return Admitted(pack, measured, late=now_ms > profile.windows.due_ms(window))
