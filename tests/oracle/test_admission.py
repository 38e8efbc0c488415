"""Every pack that is not evidence gets its code, changes nothing, and is kept apart."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest
from cbor2 import CBORTag

from oracle.member import PARKED_MAX, PARKED_PER_DEVICE_MAX, PARKED_S, NodeSnapshot
from oracle.sources.session import Message
from oracle.storage.quarantine import Quarantine
from tests.oracle.trio import (
    CONSORTIUM,
    DEVICE,
    SLOT,
    WINDOW,
    TestDevice,
    Trio,
    at,
    mass,
    withdrawal,
)
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.packs.pack import external_aad, parse1, parse_pack, sign1, sign_pack, topic

SM2_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


@pytest.fixture
def bank(trio: Trio):
    trio.clock.ms = at(200)
    trio.member = trio.members["bank"]
    return trio


def receive(trio: Trio, envelope: bytes, device_id: str = DEVICE) -> list:
    """The bank's verdict: its quarantine's codes, newest first, after one more message; it must be acknowledged."""
    trio.publish(envelope, to=("bank",), device_id=device_id)
    batch = list(trio.queues["bank"])
    trio.queues["bank"].clear()
    acknowledged = trio.member.receive(batch)
    if not acknowledged:
        trio.look("bank")
        trio.clock.real_s += PARKED_S
        trio.look("bank")
    return [each.code for each in trio.member.quarantine.newest()]


def stored(trio: Trio) -> int:
    return len(trio.member.store.tree)


def resigned(device: TestDevice, header: dict, payload: bytes, device_id: str = DEVICE) -> bytes:
    return sign1(device.key, header, payload, external_aad(CONSORTIUM, device_id))


def header_of(device: TestDevice, seq: int = 1) -> dict:
    return {3: 112, 4: DEVICE.encode(), "boot": 1, "seq": seq}


def with_signature(envelope: bytes, signature: bytes) -> bytes:
    protected, unprotected, payload, _ = cbor2.loads(envelope).value
    return cbor.encode(CBORTag(18, [protected, dict(unprotected), payload, signature]))


def refused_with(trio: Trio, code: str, envelope: bytes, device_id: str = DEVICE) -> None:
    before = stored(trio)
    assert receive(trio, envelope, device_id) == [code]
    assert stored(trio) == before


def test_a_good_pack_is_admitted_once_and_a_repeat_has_no_effect(bank: Trio):
    envelope = bank.device.pack(mass(80_000, 100))
    assert receive(bank, envelope) == []
    assert receive(bank, envelope) == []
    assert stored(bank) == 1


def test_a_forged_signature(bank: Trio):
    envelope = sign_pack(SigningKey.generate("sm2-sm3"), CONSORTIUM, DEVICE, 1, 1, [mass(1, 100)])
    refused_with(bank, "bad_signature", envelope)


def test_an_altered_payload(bank: Trio):
    message = parse1(bank.device.pack(mass(80_000, 100)))
    other = parse1(bank.device.pack(mass(90_000, 100)))
    forged = cbor.encode(CBORTag(18, [message.protected_bytes, {}, other.payload, message.signature]))
    refused_with(bank, "bad_signature", forged)


@pytest.mark.parametrize(
    "signature",
    [bytes(64), bytes(32) + b"\x01" * 32, b"\xff" * 64, (1).to_bytes(32, "big") + (SM2_N - 1).to_bytes(32, "big")],
    ids=["zero", "r of zero", "out of range", "r + s = n"],
)
def test_a_signature_that_no_key_could_have_made(bank: Trio, signature: bytes):
    refused_with(bank, "bad_signature", with_signature(bank.device.pack(mass(80_000, 100)), signature))


def test_a_device_whose_key_is_off_the_curve(bank: Trio):
    bank.devices = [replace(bank.device.enrolled(), public_key=b"\x04" + b"\x01" * 64)]
    bank.look("bank")
    refused_with(bank, "malformed", bank.device.pack(mass(80_000, 100)))


def test_another_algorithm_than_the_enrolled_one(bank: Trio):
    envelope = sign_pack(SigningKey.generate("es256"), CONSORTIUM, DEVICE, 1, 1, [mass(1, 100)])
    refused_with(bank, "bad_signature", envelope)


def test_a_second_valid_signature_over_the_same_content_is_the_same_pack(bank: Trio):
    for _ in range(2):
        receive(bank, sign_pack(bank.device.key, CONSORTIUM, DEVICE, 1, 1, [mass(80_000, 100)]))
    assert (stored(bank), bank.member.quarantine.newest()) == (1, [])


def test_the_same_sequence_with_other_bytes_and_both_are_kept(bank: Trio):
    receive(bank, sign_pack(bank.device.key, CONSORTIUM, DEVICE, 1, 1, [mass(80_000, 100)]))
    refused_with(bank, "pack_equivocation", sign_pack(bank.device.key, CONSORTIUM, DEVICE, 1, 1, [mass(9, 100)]))
    assert bank.member.store.positions([DEVICE], WINDOW, None) == []


def test_a_late_pack_is_admitted(bank: Trio):
    bank.clock.ms = at(5000)
    assert receive(bank, bank.device.pack(mass(80_000, 100))) == []
    row = bank.member.store._db.execute("SELECT late FROM packs").fetchone()
    assert row == (1,)


def test_a_pack_from_the_future(bank: Trio):
    assert receive(bank, bank.device.pack(mass(80_000, 209))) == []
    refused_with(bank, "clock_skew", bank.device.pack(mass(80_000, 211)))


def test_an_unknown_device_after_the_node_was_asked(bank: Trio):
    refused_with(bank, "unknown_device", TestDevice("scale-9").pack(mass(1, 100)), "scale-9")


def test_a_device_enrolled_a_moment_ago_is_not_refused(bank: Trio):
    new = TestDevice("scale-9")
    bank.devices = [bank.device.enrolled(), new.enrolled()]
    assert receive(bank, new.pack(mass(1, 100)), "scale-9") == []
    assert stored(bank) == 1


@pytest.mark.parametrize("status", ["suspended", "registered"])
def test_a_device_bound_or_resumed_a_moment_ago_is_not_refused(bank: Trio, status: str):
    bank.devices = [bank.device.enrolled(status)]
    bank.look("bank")
    bank.devices = [bank.device.enrolled()]
    assert receive(bank, bank.device.pack(mass(1, 100))) == []
    assert stored(bank) == 1


def test_a_look_that_began_before_the_pack_came_does_not_refuse_it(bank: Trio):
    """Under load a look takes a second, and misses the binding that its answer's reader has just been told of."""
    new, began_s = TestDevice("scale-9"), bank.clock.real_s
    stale = NodeSnapshot(began_s, bank.devices, [bank.committee], [])
    bank.clock.real_s += PARKED_S - 0.1
    message = message_of(new, new.pack(mass(1, 100)))
    assert bank.member.receive([message]) == []
    assert bank.member.on_node_snapshot(stale) == []
    bank.devices = [bank.device.enrolled(), new.enrolled()]
    bank.clock.real_s += 0.1
    assert bank.member.on_node_snapshot(snapshot(bank)) == [message]
    assert (stored(bank), bank.member.quarantine.newest()) == (1, [])


def test_a_node_that_reads_its_blocks_later_than_the_others_is_waited_for(bank: Trio):
    new = TestDevice("scale-9")
    message = message_of(new, new.pack(mass(1, 100)))
    bank.member.receive([message])
    bank.clock.real_s += PARKED_S - 0.1
    assert bank.member.on_node_snapshot(snapshot(bank)) == []
    bank.clock.real_s += 0.1
    assert bank.member.on_node_snapshot(snapshot(bank)) == [message]
    assert [each.code for each in bank.member.quarantine.newest()] == ["unknown_device"]


def test_a_suspended_device_that_floods_its_topic_leaves_room_for_a_new_one_to_wait(bank: Trio):
    new = TestDevice("scale-9")
    bank.devices = [bank.device.enrolled("suspended")]
    bank.look("bank")
    flood = [Message(topic(CONSORTIUM, DEVICE), bank.device.pack(mass(1, 100))) for _ in range(PARKED_MAX + 1)]
    acknowledged = bank.member.receive([*flood, message_of(new, new.pack(mass(1, 100)))])
    assert len(acknowledged) == len(flood) - PARKED_PER_DEVICE_MAX
    bank.devices = [new.enrolled()]
    bank.member.on_node_snapshot(snapshot(bank))
    assert stored(bank) == 1


def message_of(device: TestDevice, envelope: bytes) -> Message:
    return Message(topic(CONSORTIUM, device.device_id), envelope)


def snapshot(trio: Trio) -> NodeSnapshot:
    return NodeSnapshot(trio.clock.real_s, trio.devices, [trio.committee], [])


@pytest.mark.parametrize("status", ["suspended", "retired", "registered"])
def test_a_device_that_is_not_active(bank: Trio, status: str):
    bank.devices = [bank.device.enrolled(status)]
    bank.look("bank")
    refused_with(bank, "forbidden", bank.device.pack(mass(80_000, 100)))


def test_a_pack_on_another_devices_topic(bank: Trio):
    other = TestDevice("scale-2")
    bank.devices = [bank.device.enrolled(), other.enrolled()]
    bank.look("bank")
    refused_with(bank, "wrong_aad", bank.device.pack(mass(80_000, 100)), "scale-2")


def test_a_pack_signed_for_another_device(bank: Trio):
    other = TestDevice("scale-2")
    bank.devices = [bank.device.enrolled(), other.enrolled()]
    bank.look("bank")
    payload = parse_pack(bank.device.pack(mass(80_000, 100)), CONSORTIUM).payload
    refused_with(bank, "wrong_aad", resigned(bank.device, header_of(bank.device), payload, "scale-2"))


def test_whom_a_pack_was_signed_for_is_told_of_known_devices_only(bank: Trio):
    """A member that has not yet read the other device's enrolment says `bad_signature`, as of any stranger's pack."""
    payload = parse_pack(bank.device.pack(mass(80_000, 100)), CONSORTIUM).payload
    envelope = resigned(bank.device, header_of(bank.device), payload, "scale-2")
    assert receive(bank, envelope) == ["bad_signature"]
    bank.devices = [bank.device.enrolled(), TestDevice("scale-2").enrolled()]
    bank.look("bank")
    assert receive(bank, envelope)[0] == "wrong_aad"


def test_a_pack_signed_for_another_consortium(bank: Trio):
    envelope = sign_pack(bank.device.key, b"\x07" * 32, DEVICE, 1, 1, [mass(80_000, 100)])
    refused_with(bank, "bad_signature", envelope)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"not cbor", b"\xd2\x84\x40\xa0\x40\x40", b"\x80" * 100])
def test_bytes_that_are_no_pack(bank: Trio, raw: bytes):
    assert receive(bank, raw)[0] in ("malformed", "bad_signature")
    assert stored(bank) == 0


def test_two_mebibytes(bank: Trio):
    refused_with(bank, "too_large", bytes(2 * 1024 * 1024))


def test_a_deeply_nested_payload(bank: Trio):
    refused_with(bank, "malformed", resigned(bank.device, header_of(bank.device), b"\x81" * 500 + b"\x00"))


def test_a_deeply_nested_envelope(bank: Trio):
    refused_with(bank, "malformed", b"\xd2" + b"\x81" * 5000 + b"\x00")


def test_an_envelope_that_is_not_canonical(bank: Trio):
    envelope = bank.device.pack(mass(80_000, 100))
    assert envelope[:2] == b"\xd2\x84"
    refused_with(bank, "malformed", b"\xd2\x98\x04" + envelope[2:])


def test_a_payload_that_is_not_canonical(bank: Trio):
    payload = parse_pack(bank.device.pack(mass(80_000, 100)), CONSORTIUM).payload
    longer = b"\x98" + bytes([payload[0] & 0x1F]) + payload[1:]
    refused_with(bank, "malformed", resigned(bank.device, header_of(bank.device), longer))


@pytest.mark.parametrize("number", [b"\xf9\x7e\x00", b"\xf9\x7c\x00", b"\xf9\xfc\x00"], ids=["NaN", "inf", "-inf"])
def test_a_value_that_is_not_a_number(bank: Trio, number: bytes):
    name = b"\x00\x67mass_kg"
    payload = b"\x81\xa4" + name + b"\x01\x62kg" + b"\x02" + number + b"\x22" + cbor.encode(at(100) // 1000)
    refused_with(bank, "malformed", resigned(bank.device, header_of(bank.device), payload))


@pytest.mark.parametrize(
    "reading",
    [
        mass(-1, 100),
        mass("1e20", 100),
        mass(1_000_000_001, 100),
        withdrawal("-1e20", 100),
        replace(mass(1, 100), unit="g"),
        replace(mass(1, 100), name="mass_lb"),
    ],
    ids=["negative", "overflow", "above the bound", "below the bound", "wrong unit", "unknown name"],
)
def test_a_reading_out_of_the_profiles_bounds(bank: Trio, reading):
    refused_with(bank, "implausible", bank.device.pack(reading))


def test_counters_beyond_what_the_log_can_order(bank: Trio):
    envelope = sign_pack(bank.device.key, CONSORTIUM, DEVICE, 1, 2**63, [mass(1, 100)])
    refused_with(bank, "implausible", envelope)


def test_one_refused_pack_of_a_batch_leaves_the_others_admitted(bank: Trio):
    bank.publish(bank.device.pack(mass(80_000, 100)), to=("bank",))
    bank.publish(b"rubbish", to=("bank",))
    assert receive(bank, bank.device.pack(mass(79_900, 110))) == ["malformed"]
    assert stored(bank) == 2


def test_quarantine_is_listed_without_a_key_and_shows_no_reading(bank: Trio):
    receive(bank, b"rubbish")
    where = bank.home / "orgs" / "bank" / "oracle"
    where.parent.mkdir(parents=True)
    where.symlink_to(bank.home / "bank")
    assert [(each.code, each.size) for each in Quarantine.read(bank.home, "bank")] == [("malformed", 7)]
    assert Quarantine.read(bank.home, "nobody") == []


def test_the_stored_envelope_is_encrypted_and_comes_back_as_it_came(bank: Trio):
    envelope = bank.device.pack(mass(80_000, 100))
    receive(bank, envelope)
    digest = parse_pack(envelope, CONSORTIUM).digest
    blob = bank.member.store._db.execute("SELECT envelope FROM packs").fetchone()[0]
    assert b"mass_kg" not in blob
    assert bank.member.store.envelope(digest) == envelope
    assert bank.member.registry.devices_of(SLOT) == [DEVICE]
