"""The devices a member knows, as its own organisation's node tells it, and which slots each one weighs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEVICES_MAX = 100_000


@dataclass(frozen=True)
class Device:
    """An enrolled device; only an `active` one is listened to."""

    device_id: str
    suite: str
    public_key: bytes
    status: str
    slots: tuple[str, ...]


class Registry:
    """What the node last said. Replaced whole, by `replace`."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._devices: dict[str, Device] = {}
        self.replace(devices)

    def replace(self, devices: Iterable[Device]) -> None:
        """Take these devices for all there are."""
        self._devices = {each.device_id: each for each in devices}
        self._by_slot: dict[str, list[str]] = {}
        for device_id in sorted(self._devices):
            for slot_id in set(self._devices[device_id].slots):
                self._by_slot.setdefault(slot_id, []).append(device_id)

    def find(self, device_id: str) -> Device | None:
        """The device of that id; None when it is not enrolled."""
        return self._devices.get(device_id)

    def others(self, device_id: str, limit: int) -> list[str]:
        """Ids of up to `limit` other devices."""
        found = (each for each in self._devices if each != device_id)
        return [each for each, _ in zip(found, range(limit), strict=False)]

    def slots(self) -> list[str]:
        """Slots that at least one device weighs or weighed, sorted."""
        return sorted(self._by_slot)

    def has_slot(self, slot_id: str) -> bool:
        """Whether a device weighs or weighed that slot."""
        return slot_id in self._by_slot

    def devices_of(self, slot_id: str) -> list[str]:
        """Ids of the devices of a slot, sorted."""
        return list(self._by_slot.get(slot_id, ()))


def read_devices(rows: Iterable[Mapping[str, Any]]) -> list[Device]:
    """The node's answer as devices; at most DEVICES_MAX."""
    return [
        Device(
            str(row["device_id"] if "device_id" in row else row["id"]),
            str(row["suite"]),
            bytes.fromhex(row["public_key"]),
            str(row["status"]),
            tuple(str(slot) for slot in row.get("slots") or ()),
        )
        for row, _ in zip(rows, range(DEVICES_MAX), strict=False)
    ]
