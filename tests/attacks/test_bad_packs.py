"""Bad packs through the real broker: each lies in every member's quarantine under its code, and attests nothing.

Four bins get the same good readings. `attacked` also gets everything bad there is; `control` gets nothing else, and
both are attested alike. The device of `suspended` is suspended; that of `torn` says two things under one number.
Every forged reading is of an empty bin, so that one that got through would raise an alarm.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest
from cbor2 import CBORTag

from node.demo.stock import Stock
from node.demo.story import FIRST_WINDOW_S, WAIT_S
from oracle.sources.replay import Device
from tests.plays import WINDOW_S, Play, consortium, until
from wuxin_client import TransactionFailed
from wuxin_evidence.attestation import ALARM, MISSING, Attestation
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.ids import indicator_id
from wuxin_evidence.packs.pack import external_aad, parse1, sign1, sign_pack
from wuxin_evidence.packs.senml import Reading

MEMBERS = {"bank", "insurer", "inspector"}
SM2_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
EMPTY, FULL_KG = 1, 80_000
MINUTE_MS = 60_000
BOOT = 7

ATTACKED, CONTROL, SUSPENDED, TORN = (Stock(name, receipt_t=60, draw_minor=1) for name in "ABCD")
UNKNOWN = Stock("Z", receipt_t=1, draw_minor=1)

EXPECTED = {
    "forged with another key": "bad_signature",
    "altered payload": "bad_signature",
    "another algorithm than the enrolled one": "bad_signature",
    "signature of zeros": "bad_signature",
    "signature with r of zero": "bad_signature",
    "signature out of range": "bad_signature",
    "signature with r + s = n": "bad_signature",
    "signature cut short": "bad_signature",
    "signed for another consortium": "bad_signature",
    "signed for another device": "wrong_aad",
    "on another device's topic": "wrong_aad",
    "unknown device": "unknown_device",
    "suspended device": "forbidden",
    "same sequence with other bytes": "pack_equivocation",
    "from the future": "clock_skew",
    "no CBOR at all": "malformed",
    "deeply nested envelope": "malformed",
    "deeply nested payload": "malformed",
    "envelope not canonical": "malformed",
    "payload not canonical": "malformed",
    "NaN": "malformed",
    "infinite": "malformed",
    "2 MiB": "too_large",
    "negative mass": "implausible",
    "wrong unit": "implausible",
    "mass beyond the scale": "implausible",
    "sequence beyond 2^63": "implausible",
}


class Attacker:
    """Who can publish on any topic, and holds device keys where the case is about a device that lies."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.consortium_id = play.world.consortium.consortium_id
        self.keys: dict[str, SigningKey] = {}
        self.sent: dict[str, bytes] = {}

    def enrol(self, stock: Stock) -> None:
        self.play.organisations.enrol(stock)
        self.learn(stock)

    def learn(self, stock: Stock) -> None:
        file = self.play.world.home / "devices" / f"{stock.device_id}.pem"
        self.keys[stock.device_id] = SigningKey.from_pem(file.read_bytes())

    def device(self, stock: Stock) -> Device:
        return self.play.world.device(stock)

    def reading(self, kg: object = EMPTY, *, at_ms: int | None = None, unit: str = "kg") -> Reading:
        return Reading("mass_kg", kg, unit, self.play.now_ms if at_ms is None else at_ms)  # pyright: ignore[reportArgumentType] -- some cases are about wrong values

    def pack(self, seq: int, reading: Reading | None = None, stock: Stock = ATTACKED) -> bytes:
        key = self.keys[stock.device_id]
        return sign_pack(key, self.consortium_id, stock.device_id, BOOT, seq, [reading or self.reading()])

    def signed(self, seq: int, payload: bytes, aad_device: str = ATTACKED.device_id) -> bytes:
        """The attacked device's own signature over any payload, bound to any device."""
        header = {3: 112, 4: ATTACKED.device_id.encode(), "boot": BOOT, "seq": seq}
        return sign1(self.keys[ATTACKED.device_id], header, payload, external_aad(self.consortium_id, aad_device))

    def send(self, case: str, envelope: bytes, over: Stock = ATTACKED) -> None:
        self.device(over).publish_envelope(envelope)
        self.sent[case] = envelope


def with_signature(envelope: bytes, signature: bytes) -> bytes:
    protected, unprotected, payload, _ = cbor2.loads(envelope).value
    return cbor.encode(CBORTag(18, [protected, dict(unprotected), payload, signature]))


def number_payload(number: bytes, at_s: int) -> bytes:
    """One SenML record with `number` as its value, byte for byte."""
    return b"\x81\xa4\x00\x67mass_kg\x01\x62kg\x02" + number + b"\x22" + cbor.encode(at_s)


def attack(attacker: Attacker) -> None:
    play, now_s = attacker.play, attacker.play.now_ms // 1000
    stranger = SigningKey.generate("sm2-sm3")
    good = attacker.pack(50)
    message, other = parse1(good), parse1(attacker.pack(50, attacker.reading(2)))

    def own(reading: Reading, seq: int = 51) -> bytes:
        return attacker.pack(seq, reading)

    for case, envelope in {
        "forged with another key": sign_pack(
            stranger, attacker.consortium_id, ATTACKED.device_id, BOOT, 50, [attacker.reading()]
        ),
        "altered payload": cbor.encode(CBORTag(18, [message.protected_bytes, {}, other.payload, message.signature])),
        "another algorithm than the enrolled one": sign_pack(
            SigningKey.generate("es256"), attacker.consortium_id, ATTACKED.device_id, BOOT, 50, [attacker.reading()]
        ),
        "signature of zeros": with_signature(good, bytes(64)),
        "signature with r of zero": with_signature(good, bytes(32) + b"\x01" * 32),
        "signature out of range": with_signature(good, b"\xff" * 64),
        "signature with r + s = n": with_signature(good, (1).to_bytes(32, "big") + (SM2_N - 1).to_bytes(32, "big")),
        "signature cut short": with_signature(good, message.signature[:-1]),
        "signed for another consortium": sign_pack(
            attacker.keys[ATTACKED.device_id], b"\x07" * 32, ATTACKED.device_id, BOOT, 50, [attacker.reading()]
        ),
        "signed for another device": attacker.signed(50, message.payload, CONTROL.device_id),
        "from the future": own(attacker.reading(at_ms=play.now_ms + 10 * MINUTE_MS)),
        "no CBOR at all": b"mass_kg=1",
        "deeply nested envelope": b"\xd2" + b"\x81" * 5000 + b"\x00",
        "deeply nested payload": attacker.signed(52, b"\x81" * 500 + b"\x00"),
        "envelope not canonical": b"\xd2\x98\x04" + good[2:],
        "payload not canonical": attacker.signed(
            53, b"\x98" + bytes([message.payload[0] & 0x1F]) + message.payload[1:]
        ),
        "NaN": attacker.signed(54, number_payload(b"\xf9\x7e\x00", now_s)),
        "infinite": attacker.signed(55, number_payload(b"\xf9\x7c\x00", now_s)),
        "2 MiB": bytes(2 * 1024 * 1024),
        "negative mass": own(attacker.reading(-1), 56),
        "wrong unit": own(attacker.reading(unit="g"), 57),
        "mass beyond the scale": own(attacker.reading(1_000_000_001), 58),
        "sequence beyond 2^63": own(attacker.reading(), 2**63),
    }.items():
        attacker.send(case, envelope)
    attacker.send("on another device's topic", good, over=CONTROL)
    attacker.send("suspended device", attacker.pack(1, stock=SUSPENDED), over=SUSPENDED)
    attacker.send("same sequence with other bytes", attacker.pack(1, stock=TORN), over=TORN)


def wait_for_the_members_to_know(attacker: Attacker) -> None:
    """Each member's registry is as old as its last look at its node, and its verdicts are of that age: whom a signature
    was made for is only told of devices it knows. A pack of an unknown device is refused after a later look."""
    attacker.play.world.make_device(UNKNOWN.device_id)
    attacker.learn(UNKNOWN)
    attacker.send("unknown device", attacker.pack(1, stock=UNKNOWN), over=UNKNOWN)
    wait_refused(attacker, ["unknown device"])


def wait_refused(attacker: Attacker, cases: list[str]) -> dict[str, dict[str, str]]:
    wanted = {hashlib.sha256(attacker.sent[case]).hexdigest() for case in cases}

    def all_members_listed_all() -> dict[str, dict[str, str]] | None:
        listed = attacker.play.quarantine()
        return listed if all(set(listed.get(each, {})) == MEMBERS for each in wanted) else None

    try:
        return until(all_members_listed_all, "the members' quarantines")
    except AssertionError:
        return attacker.play.quarantine()


@pytest.fixture(scope="module")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacker]:
    """After the attack, with two windows attested; the second holds one late pack of the first."""
    with consortium(tmp_path_factory.mktemp("packs") / "home") as play:
        attacker = Attacker(play)
        for stock in (ATTACKED, CONTROL, SUSPENDED, TORN):
            attacker.enrol(stock)
        warehouse = play.world.node("warehouse")
        warehouse.suspend_device(SUSPENDED.device_id, reason="found open", wait_s=WAIT_S)
        play.pass_time_until(90)
        wait_for_the_members_to_know(attacker)
        first_ms = play.now_ms
        full = attacker.reading(FULL_KG, at_ms=first_ms)
        for stock in (ATTACKED, CONTROL, TORN):
            attacker.device(stock).publish_envelope(attacker.pack(1, full, stock))
        attack(attacker)
        for _ in range(3):
            attacker.device(ATTACKED).publish_envelope(attacker.pack(1, full))
        repeated = attacker.pack(2, attacker.reading(FULL_KG, at_ms=first_ms + 1))
        for stock, envelope in ((ATTACKED, repeated), (CONTROL, None)):
            again = envelope or attacker.pack(2, attacker.reading(FULL_KG, at_ms=first_ms + 1), stock)
            for _ in range(3):
                attacker.device(stock).publish_envelope(again)
        wait_refused(attacker, list(EXPECTED))
        play.pass_time_until(FIRST_WINDOW_S)
        for stock in (ATTACKED, CONTROL, TORN):
            play.wait_attested(stock, 1)
        late = attacker.reading(FULL_KG, at_ms=first_ms + 2)
        for stock in (ATTACKED, CONTROL):
            attacker.device(stock).publish_envelope(attacker.pack(3, late, stock))
        play.pass_time_until(FIRST_WINDOW_S + WINDOW_S)
        for stock in (ATTACKED, CONTROL):
            play.wait_attested(stock, 2)
        yield attacker


@pytest.fixture(scope="module")
def refused(attacker: Attacker) -> dict[str, dict[str, str]]:
    return attacker.play.quarantine()


@pytest.mark.parametrize("case", EXPECTED)
def test_every_member_refuses_it_with_its_code(
    attacker: Attacker, refused: dict[str, dict[str, str]], case: str
) -> None:
    codes = refused.get(hashlib.sha256(attacker.sent[case]).hexdigest())
    assert codes == dict.fromkeys(MEMBERS, EXPECTED[case])


def test_nothing_else_was_refused(attacker: Attacker, refused: dict[str, dict[str, str]]) -> None:
    assert set(refused) == {hashlib.sha256(each).hexdigest() for each in attacker.sent.values()}


def said(attestation: Attestation) -> tuple[object, ...]:
    return (attestation.sequence, attestation.pack_count, attestation.late_count, attestation.indicators)


def test_the_attacked_bin_is_attested_like_the_one_left_alone(attacker: Attacker) -> None:
    attacked, control = attacker.play.attested(ATTACKED), attacker.play.attested(CONTROL)
    assert list(map(said, attacked[:2])) == list(map(said, control[:2]))
    assert attacked[0].pack_count == 2, "repeats and a second signature over the same content count once"
    quantity = {each.id: each for each in attacked[0].indicators}[indicator_id("quantity_g")]
    assert quantity.value == FULL_KG * 1_000_000 // 1000


def test_a_late_pack_is_counted_as_late_in_the_next_window(attacker: Attacker) -> None:
    assert [each.late_count for each in attacker.play.attested(ATTACKED)[:2]] == [0, 1]


def test_no_alarm_was_raised(attacker: Attacker) -> None:
    for stock in (ATTACKED, CONTROL, SUSPENDED, TORN):
        assert attacker.play.attested(stock, ALARM) == []


def test_a_device_that_says_two_things_under_one_number_is_believed_in_neither(attacker: Attacker) -> None:
    torn = attacker.play.attested(TORN)[0]
    assert torn.pack_count == 0
    assert {each.id: each.status for each in torn.indicators}[indicator_id("quantity_g")] == MISSING


def test_a_key_off_the_curve_is_never_enrolled(attacker: Attacker) -> None:
    with pytest.raises(TransactionFailed) as refused:
        attacker.play.world.node("warehouse").enrol_device(
            device_id="off-the-curve",
            suite="sm2-sm3",
            public_key="04" + "01" * 64,
            firmware_hash="11" * 32,
            wait_s=WAIT_S,
        )
    assert refused.value.code in {"malformed", "bad_signature"}


def test_the_home_is_still_sound(attacker: Attacker, tmp_path: Path) -> None:
    states = attacker.play.world.processes.states
    assert [name for name, each in states.items() if each.restarts or not each.running] == [], states
