"""A device made of a file: packs of a series, placed on the clock, signed and published as a device would.

    mapping.toml + series.csv ──read_series──▶ packs as recorded ──place──▶ on the clock ──replay──▶ broker

`place` moves the first pack to now, and divides all intervals by the speed; with the speed `max` it moves the last pack
to now, so that nothing comes from the future. Nothing is published before its time has come on that clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from oracle.sources.mapping import SeriesMapping
from oracle.sources.series import Due, read_series
from oracle.sources.session import send_at_once
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import sign_pack, topic
from wuxin_evidence.packs.senml import Reading

PUBACK_TIMEOUT_S = 20.0
WAIT_S_MAX = 24 * 3600
"""Between two packs, on the clock. Who replays a series wants to see it; a longer silence is a wrong time or speed."""


def packs_of(series: Path, mapping: SeriesMapping, moved: Callable[[int], int]) -> list[Due]:
    """Every pack of a series in order of time, at `moved(recorded ms)`. Raises `malformed`, `too_large`."""
    return [due.moved_to(moved(due.at_ms)) for due in read_series(series, mapping).packs]


def place(packs: Sequence[Due], now_ms: int, speed: Fraction | None) -> list[Due]:
    """The packs on a clock that shows `now_ms`; `speed` is series seconds per clock second, None puts all before now.

    Raises `malformed` when the clock would have to wait longer than WAIT_S_MAX for the next pack.
    """
    if speed is None:
        return [due.moved_to(due.at_ms + now_ms - packs[-1].at_ms) for due in packs]
    placed = [due.moved_to(now_ms + int((due.at_ms - packs[0].at_ms) / speed)) for due in packs]
    for before, after in pairwise(placed):
        if after.at_ms - before.at_ms > WAIT_S_MAX * 1000:
            wait_h = (after.at_ms - before.at_ms) // 3_600_000
            detail = f"row {after.row} would be published {wait_h} hours after row {before.row}"
            raise EvidenceError("malformed", detail, f"at most {WAIT_S_MAX // 3600} hours: a higher --speed, or max")
    return placed


def require_single(readings: Sequence[Reading]) -> None:
    """Raise `malformed` where two readings of a pack have one name and one time.

    Members fold the readings of a pack in its order, so which value holds would be a matter of who wrote the list.
    """
    seen: set[tuple[str, int]] = set()
    for number, each in enumerate(readings):
        if (each.name, each.time_ms) in seen:
            detail = f"reading {number}: {each.name} has a value at {each.time_ms} ms already"
            raise EvidenceError("malformed", detail, "keep one value of each name and time in a pack")
        seen.add((each.name, each.time_ms))


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
        try:
            self._mqtt.connect(host, port)
        except OSError as error:
            raise EvidenceError(
                "unavailable", f"no broker at {host}:{port}: {error}", "start it: wuxin serve"
            ) from None
        self._mqtt.loop_start()

    def sign(self, readings: tuple[Reading, ...]) -> bytes:
        """The next pack, signed but not sent. Raises `malformed` where a reading has two values at one time."""
        require_single(readings)
        seq = self._next_seq
        self._next_seq += 1
        return sign_pack(self._key, self._consortium_id, self.device_id, self._boot, seq, list(readings))

    def publish(self, readings: tuple[Reading, ...]) -> bytes:
        """Sign and publish one pack; returns its envelope. Raises `unavailable`."""
        envelope = self.sign(readings)
        self.publish_envelope(envelope)
        return envelope

    def publish_envelope(self, envelope: bytes) -> None:
        """Publish any bytes on the device's topic and wait for the broker's acknowledgement. Raises `unavailable`."""
        message = self._mqtt.publish(self._topic, envelope, qos=1)
        message.wait_for_publish(PUBACK_TIMEOUT_S)
        if not message.is_published():
            raise EvidenceError(
                "unavailable",
                "the broker did not acknowledge the pack",
                "check the broker, then publish again",
            )

    def close(self) -> None:
        """End the connection to the broker."""
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


def replay(
    dues: Sequence[Due],
    device: Device,
    now_ms: Callable[[], int],
    pause: Callable[[int], object],
    on_published: Callable[[bytes], object] = lambda envelope: None,
) -> int:
    """Publish each pack when its time has come; returns how many were sent.

    `pause` is given the clock milliseconds that are missing, and may return early; `on_published` each envelope.
    """
    for due in dues:
        while (missing_ms := due.at_ms - now_ms()) > 0:
            pause(missing_ms)
        on_published(device.publish(due.readings))
    return len(dues)
