"""One pack at the door: admitted, a repeat, or refused with a named reason. Nothing is written here.

    1  structure        too_large, malformed, bad_signature (length)
    2  its own topic    wrong_aad
    3  a known device   unknown_device, forbidden (suspended, retired, not bound)
    4  its signature    bad_signature, wrong_aad (good, but made for another device)
    5  seen before      a repeat (no effect), pack_equivocation (another content at the same boot and seq)
    6  its readings     malformed, implausible, clock_skew (from the future)

A pack that comes late is admitted and marked. The digest is over what was signed, so a second good signature over the
same content is the same pack.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.indicators import MeasuredPack
from oracle.profile import Profile
from oracle.registry import Device, Registry
from oracle.store import Store
from wuxin_evidence.cose import Pack, check_topic, external_aad, parse1, parse_pack, verify_pack
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.suites import suite

OTHER_DEVICES_TRIED = 8
"""How many other devices a bad signature is tried for, to tell `wrong_aad` apart; each try costs a verification."""
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


@dataclass(frozen=True)
class Door:
    """What admission asks: whose consortium, which devices, which profile, what is stored."""

    consortium_id: bytes
    profile: Profile
    registry: Registry
    store: Store


def admit(envelope: bytes, topic: str | None, now_ms: int, door: Door) -> Admitted | Repeat | Refused:
    """Judge one envelope. `topic` is None for a pack that a peer supplied."""
    try:
        pack = parse_pack(envelope, door.consortium_id)
        _require_countable(pack)
    except EvidenceError as error:
        return Refused(error.code, error.detail)
    try:
        if topic is not None:
            check_topic(pack, door.consortium_id, topic)
        _require_signed(pack, _require_active(pack, door.registry), door)
        if door.store.holds(pack.digest):
            return Repeat(pack.digest)
        _require_first(pack, door.store)
        return _measured(pack, now_ms, door.profile)
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


def _require_signed(pack: Pack, device: Device, door: Door) -> None:
    try:
        verify_pack(pack, door.consortium_id, device.public_key, device.suite)
    except EvidenceError as error:
        if error.code == "bad_signature" and (meant := _signed_for(pack, device, door)):
            raise EvidenceError("wrong_aad", f"signed for {meant}, sent as {pack.device_id}") from error
        raise


def _signed_for(pack: Pack, device: Device, door: Door) -> str | None:
    """The other device that this device's key signed the pack for, if it is one of a few."""
    message = parse1(pack.envelope)
    for other in door.registry.others(device.device_id, OTHER_DEVICES_TRIED):
        try:
            signed = message.sig_structure(external_aad(door.consortium_id, other))
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
