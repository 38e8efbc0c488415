"""`wuxin device`, `wuxin pack`, `wuxin quarantine`: act as a device of this home, and see what the oracle refused.

Device keys lie in `devices/<id>.pem`. That is for homes that simulate their devices; a real device keeps its own key.
"""

import json
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

from network.clock import open_clock
from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.machine.homes import endpoints
from oracle.sources.replay import Device, load_mapping, packs_of, replay
from oracle.storage.quarantine import Quarantine
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import sign_pack
from wuxin_evidence.packs.senml import Reading


def replay_series(home: Path, series: Path, mapping: Path, device_id: str | None, speed: str) -> dict[str, Any]:
    """Publishes a series as a device. `speed` is series seconds per clock second, or `max`: all at once.

    The first pack is moved to now; with `max` the last one is, so that nothing comes from the future. Without a device
    id the mapping's `device` speaks, or the only device that this home has a key of.
    """
    consortium = Consortium.load(home)
    device_id = device_id or _chosen(home, mapping)
    clock = open_clock(consortium, home)
    dues = packs_of(series, load_mapping(mapping))
    if not dues:
        raise EvidenceError("malformed", f"{series} has no rows", "give a series with at least one row")
    at_once = speed == "max"
    factor = 1.0 if at_once else _speed(speed)
    shift_ms = clock.now_ms() - dues[-1 if at_once else 0].at_ms
    dues = packs_of(series, load_mapping(mapping), lambda recorded_ms: recorded_ms + shift_ms)
    begun_ms = dues[0].at_ms
    device = _device(home, device_id)
    started = time.monotonic()
    try:
        sent = replay(
            dues,
            device,
            now_ms=lambda: begun_ms + round((clock.now_ms() - begun_ms) * factor),
            pause=lambda missing_ms: time.sleep(min(0.2, missing_ms / 1000 / factor)),
        )
    finally:
        device.close()
    return {"device": device_id, "packs": sent, "shift_ms": shift_ms, "seconds": round(time.monotonic() - started, 3)}


def sign(home: Path, readings: Path, device_id: str, boot: int, seq: int) -> bytes:
    """One pack over the readings of a JSON file, whose values are integers or decimal text."""
    rows = cast(list[dict[str, Any]], json.loads(readings.read_text(encoding="utf-8"), parse_float=Decimal))
    try:
        parsed = [Reading(r["name"], Decimal(str(r["value"])), r["unit"], int(r["time_ms"])) for r in rows]
    except (KeyError, TypeError, ValueError, InvalidOperation) as problem:
        raise EvidenceError(
            "malformed", f"{readings}: {problem}", 'give a list of {"name", "value", "unit", "time_ms"}'
        ) from None
    return sign_pack(_key(home, device_id), Consortium.load(home).consortium_id, device_id, boot, seq, parsed)


def publish(home: Path, envelope: Path, device_id: str) -> None:
    """Publishes the bytes of a file on a device's topic, whatever they are."""
    device = _device(home, device_id)
    try:
        device.publish_envelope(envelope.read_bytes())
    finally:
        device.close()


def quarantined(home: Path, org: str | None) -> Iterator[dict[str, Any]]:
    """The packs that the members of this home refused, oldest first, one member after the other."""
    for member in Consortium.load(home).oracles:
        if org in (None, member.name):
            for row in Quarantine.read(home_of(home, member.name), member.name):
                yield {"member": member.name, **asdict(row)}


def _chosen(home: Path, mapping: Path) -> str:
    named = tomllib.loads(mapping.read_text(encoding="utf-8")).get("device")
    if isinstance(named, str):
        return named
    keys = sorted((home / "devices").glob("*.pem"))
    if len(keys) != 1:
        known = ", ".join(key.stem for key in keys[:8]) or "none"
        raise EvidenceError("unknown_device", "the mapping names no device", f"give --device; this home has {known}")
    return keys[0].stem


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise EvidenceError("malformed", f"speed {text!r}", "a positive number, or max")
    return speed


def _key(home: Path, device_id: str) -> SigningKey:
    file = home / "devices" / f"{device_id}.pem"
    if "/" in device_id or not file.is_file():
        raise EvidenceError("unknown_device", f"no key {file}", "this home simulates only the devices it has keys of")
    return SigningKey.from_pem(file.read_bytes())


def _device(home: Path, device_id: str) -> Device:
    host, _, port = str(endpoints(home)["mqtt"]).rpartition(":")
    key = _key(home, device_id)
    consortium_id = Consortium.load(home).consortium_id
    return Device(consortium_id, device_id, key, int(time.time()), host=host, port=int(port))
