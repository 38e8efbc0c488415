"""`wuxin device new` and `wuxin device send`: a simulated device of one's own, from its key to a reading.

new     devices/<id>.pem, and what the enrolling organisation needs: id, suite, public key
send    readings of this moment, signed and published as the device's next pack
"""

import fcntl
import time
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from network.clock import open_clock
from network.locks import open_lock
from network.membership.consortium import Consortium
from node.machine.homes import endpoints
from oracle.profile import Profile, profile_file
from oracle.sources.replay import Device
from wuxin_evidence.crypto.suites import SigningKey, suite
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import DEVICE_ID
from wuxin_evidence.packs.senml import Reading


def new(home: Path, device_id: str, suite_name: str) -> dict[str, str]:
    """Make a device's key in this home and tell what its enrolment needs.

    Raises `malformed` for an id or a suite that no device can have, `conflict` where the key is there already.
    """
    if DEVICE_ID.fullmatch(device_id) is None:
        raise EvidenceError("malformed", f"device id {device_id!r}", "1 to 64 of letters, digits and . _ : -")
    suite(suite_name)
    file = key_file(home, device_id)
    if file.exists():
        raise EvidenceError("conflict", f"{file} exists", "take another id; a device's key is never replaced here")
    key = SigningKey.generate(suite_name)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(key.to_pem())
    return {"device_id": device_id, "suite": suite_name, "public_key": key.public_key.hex()}


def send(home: Path, device_id: str, readings: Sequence[str]) -> dict[str, Any]:
    """Sign readings (`name=value`, in the profile's units) at this moment and publish them.

    Raises `malformed` naming a reading that the profile of this home does not know, `unknown_device`, Unavailable.
    """
    profile = Profile.load(profile_file(home))
    consortium = Consortium.load(home)
    now_ms = open_clock(consortium, home).now_ms()
    parsed = tuple(_reading(text, profile, now_ms) for text in readings)
    file = key_file(home, device_id)
    if DEVICE_ID.fullmatch(device_id) is None or not file.is_file():
        raise EvidenceError("unknown_device", f"no key {file}", "make one: wuxin device new ID")
    host, _, port = str(endpoints(home)["mqtt"]).rpartition(":")
    key = SigningKey.from_pem(file.read_bytes())
    boot = _next_boot(home, device_id)
    device = Device(consortium.consortium_id, device_id, key, boot, host=host, port=int(port))
    try:
        device.publish(parsed)
    finally:
        device.close()
    told = [{"name": each.name, "value": str(each.value), "unit": each.unit} for each in parsed]
    return {"device_id": device_id, "boot": boot, "readings": told}


def key_file(home: Path, device_id: str) -> Path:
    """Where the key of a simulated device lies."""
    return home / "devices" / f"{device_id}.pem"


def _next_boot(home: Path, device_id: str) -> int:
    """A start count of this command alone, above that of every command before. The file is kept, like a key.

    Two commands of one second with one count would be two contents under one number, which is equivocation.
    """
    file = key_file(home, device_id).with_suffix(".boot")
    with open_lock(file.with_suffix(".boot.lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = int(file.read_text("utf-8")) if file.exists() else 0
        boot = max(int(time.time()), before + 1)
        beside = file.with_suffix(".boot.tmp")
        beside.write_text(str(boot), "utf-8")
        beside.replace(file)
    return boot


def _reading(text: str, profile: Profile, now_ms: int) -> Reading:
    name, separator, value = text.partition("=")
    scale = profile.scales.get(name)
    if not separator or scale is None:
        known = ", ".join(f"{each} in {of.unit}" for each, of in profile.scales.items())
        raise EvidenceError("malformed", f"reading {text!r}", f"write NAME=VALUE; {profile.name} knows {known}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not value.isascii() or not number.is_finite():
        raise EvidenceError("malformed", f"{name}: {value!r} is no decimal number", f"write it in {scale.unit}")
    return Reading(name, number, scale.unit, now_ms)
