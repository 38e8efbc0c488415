"""A device made of a file: rows of a series become packs, signed and published as a device would.

    mapping.toml + series.csv ──packs_of──▶ (due time, readings) ──Device.publish──▶ broker

A mapping says which packs a row gives and which columns their readings come from; values stay decimal text from the
file to the pack. `moved` gives a recorded time its place on the clock: all times by one constant, and, where a story is
paced, all intervals by another. Nothing is published before its time has come on that clock, unless the speed is `max`.
"""

import csv
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from oracle.sources.session import send_at_once
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import sign_pack, topic
from wuxin_evidence.packs.senml import Reading

ROWS_MAX = 5_000_000
PUBACK_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class ReadingRule:
    """One reading of a pack: its SenML name and unit, the column it is read from, and a whole factor."""

    name: str
    column: str
    unit: str
    multiply: int


@dataclass(frozen=True)
class PackRule:
    """One pack of a row: the column that holds its time, and its readings."""

    time: str
    readings: tuple[ReadingRule, ...]


@dataclass(frozen=True)
class Due:
    """A pack's readings and the clock time, in milliseconds, at which a device would have sent them."""

    at_ms: int
    readings: tuple[Reading, ...]


def load_mapping(path: Path) -> tuple[PackRule, ...]:
    """The pack rules of a mapping file; `malformed` names the entry that cannot be read."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    packs = cast(list[dict[str, Any]], document.get("pack", []))
    if not packs:
        raise EvidenceError("malformed", f"{path} has no [[pack]]", "give at least one pack with a time and readings")
    try:
        return tuple(
            PackRule(
                str(pack["time"]),
                tuple(
                    ReadingRule(str(r["name"]), str(r["column"]), str(r["unit"]), int(r.get("multiply", 1)))
                    for r in pack["readings"]
                ),
            )
            for pack in packs
        )
    except KeyError as missing:
        raise EvidenceError("malformed", f"{path}: a [[pack]] lacks {missing}", "see node/demo_data/bin.toml") from None


def as_recorded(recorded_ms: int) -> int:
    return recorded_ms


def packs_of(series: Path, rules: tuple[PackRule, ...], moved: Callable[[int], int] = as_recorded) -> list[Due]:
    """Every pack of a series in order of time; at most ROWS_MAX rows. `moved` is in milliseconds since 1970."""
    with series.open(newline="", encoding="utf-8") as file:
        dues = [due for row in _bounded(csv.DictReader(file), series) for due in _row_packs(row, rules, moved, series)]
    return sorted(dues, key=lambda due: due.at_ms)


def _bounded(rows: Iterator[Mapping[str, str]], series: Path) -> Iterator[Mapping[str, str]]:
    for number, row in enumerate(rows):
        if number >= ROWS_MAX:
            raise EvidenceError("too_large", f"{series} has more than {ROWS_MAX} rows", "split the series")
        yield row


def _row_packs(
    row: Mapping[str, str], rules: tuple[PackRule, ...], moved: Callable[[int], int], series: Path
) -> Iterator[Due]:
    for rule in rules:
        try:
            at_ms = moved(_milliseconds(row[rule.time]))
            readings = tuple(Reading(r.name, Decimal(row[r.column]) * r.multiply, r.unit, at_ms) for r in rule.readings)
        except (KeyError, ValueError, InvalidOperation) as problem:
            raise EvidenceError(
                "malformed",
                f"{series}: row {dict(row)} does not fit the mapping: {problem}",
                "check names and values",
            ) from None
        yield Due(at_ms, readings)


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class Device:
    """Signs packs with one device key and publishes them at QoS 1; `publish` returns once the broker has the pack.

    `boot` must be larger than at any earlier start of the same device: members refuse a pack that goes back.
    """

    def __init__(
        self, consortium_id: bytes, device_id: str, key: SigningKey, boot: int, *, host: str, port: int
    ) -> None:
        self.device_id = device_id
        self._consortium_id = consortium_id
        self._key = key
        self._boot = boot
        self._next_seq = 0
        self._topic = topic(consortium_id, device_id)
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"device-{device_id}", protocol=mqtt.MQTTv311)
        self._mqtt.on_socket_open = send_at_once
        self._mqtt.connect(host, port)
        self._mqtt.loop_start()

    def sign(self, readings: tuple[Reading, ...]) -> bytes:
        """The next pack, signed but not sent."""
        seq = self._next_seq
        self._next_seq += 1
        return sign_pack(self._key, self._consortium_id, self.device_id, self._boot, seq, list(readings))

    def publish(self, readings: tuple[Reading, ...]) -> bytes:
        """Signs and publishes one pack; its envelope."""
        envelope = self.sign(readings)
        self.publish_envelope(envelope)
        return envelope

    def publish_envelope(self, envelope: bytes) -> None:
        """Publishes any bytes on the device's topic and waits for the broker's acknowledgement."""
        message = self._mqtt.publish(self._topic, envelope, qos=1)
        message.wait_for_publish(PUBACK_TIMEOUT_S)
        if not message.is_published():
            raise EvidenceError(
                "unavailable",
                "the broker did not acknowledge the pack",
                "check the broker, then publish again",
            )

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


def replay(dues: list[Due], device: Device, now_ms: Callable[[], int], pause: Callable[[int], object]) -> int:
    """Publishes each pack when its time has come; how many were sent. `pause` is given the clock milliseconds that
    are missing and may return early."""
    for due in dues:
        while (missing_ms := due.at_ms - now_ms()) > 0:
            pause(missing_ms)
        device.publish(due.readings)
    return len(dues)
