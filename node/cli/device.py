"""`wuxin device`, `wuxin pack`, `wuxin quarantine`: act as a device of this home, and see what the oracle refused.

Device keys lie in `devices/<id>.pem`. That is for homes that simulate their devices; a real device keeps its own key.
`wuxin device replay` is in `node/cli/replay.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from contracts.documents import DocumentError, json_of
from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.machine.homes import endpoints
from oracle.sources.replay import Device, require_single
from oracle.sources.series import read_number
from oracle.sources.times import CellError
from oracle.storage.quarantine import Quarantine
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.packs.pack import sign_pack
from wuxin_evidence.packs.senml import Reading

READING_FIELDS = frozenset({"name", "value", "unit", "time_ms"})
READINGS_HINT = 'a JSON list of {"name", "value", "unit", "time_ms"}'
READINGS_BYTES_MAX = 4 * 1024 * 1024


def sign(home: Path, readings: Path, device_id: str, boot: int, seq: int) -> bytes:
    """One pack over the readings of a JSON file. Raises `malformed` naming the reading and its field."""
    raw = readings.read_bytes()
    if len(raw) > READINGS_BYTES_MAX:
        raise EvidenceError("too_large", f"{readings}: {len(raw)} bytes", f"at most {READINGS_BYTES_MAX}")
    try:
        rows = json_of(raw, parse_float=Decimal)
    except DocumentError as wrong:
        raise malformed(f"{readings}: {wrong}", f"{READINGS_HINT}, each field once") from None
    if not isinstance(rows, list):
        raise malformed(f"{readings} is no list", READINGS_HINT)
    parsed = [_reading(number, row) for number, row in enumerate(cast(list[object], rows))]
    require_single(parsed)
    return sign_pack(_key(home, device_id), Consortium.load(home).consortium_id, device_id, boot, seq, parsed)


def publish(home: Path, envelope: Path, device_id: str) -> None:
    """Publish the bytes of a file on a device's topic, whatever they are. Raises `unavailable`."""
    device = device_of(home, device_id)
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


def only_device(home: Path) -> str:
    """The one device whose key this home has. Raises `unknown_device` when there are none or several."""
    keys = sorted((home / "devices").glob("*.pem"))
    if len(keys) != 1:
        known = ", ".join(key.stem for key in keys[:8]) or "none"
        raise EvidenceError("unknown_device", "the mapping names no device", f"give --device; this home has {known}")
    return keys[0].stem


def device_of(home: Path, device_id: str) -> Device:
    """A device of this home, connected to the broker. Raises `unknown_device`, `unavailable`."""
    key, consortium_id = _key(home, device_id), Consortium.load(home).consortium_id
    host, _, port = str(endpoints(home)["mqtt"]).rpartition(":")
    return Device(consortium_id, device_id, key, int(time.time()), host=host, port=int(port))


def _reading(number: int, row: object) -> Reading:
    """One reading of the file. A value is a number or its text in ASCII digits, a time a whole number of ms."""
    fields = cast(dict[str, object], row) if isinstance(row, dict) else {}
    if fields.keys() != READING_FIELDS:
        raise malformed(f"reading {number}: its fields are {', '.join(sorted(fields))[:200] or 'none'}", READINGS_HINT)
    value, time_ms = fields["value"], fields["time_ms"]
    if type(time_ms) is not int:
        raise malformed(
            f"reading {number}: time_ms {str(time_ms)[:40]!r}", "whole milliseconds since 1970, as a number"
        )
    if not isinstance(fields["name"], str) or not isinstance(fields["unit"], str):
        raise malformed(f"reading {number}: name or unit is no text", READINGS_HINT)
    if type(value) not in (int, Decimal, str):
        raise malformed(f"reading {number}: value {str(value)[:40]!r}", "an integer, a decimal, or one of them as text")
    try:
        return Reading(fields["name"], read_number(str(value)), fields["unit"], time_ms)
    except CellError as error:
        raise malformed(f"reading {number}: value: {error.reason}", "ASCII digits with a decimal point") from None


def _key(home: Path, device_id: str) -> SigningKey:
    file = home / "devices" / f"{device_id}.pem"
    if "/" in device_id or not file.is_file():
        raise EvidenceError("unknown_device", f"no key {file}", "this home simulates only the devices it has keys of")
    return SigningKey.from_pem(file.read_bytes())
