"""A consortium small enough for a test: one slot, one device, three members, a clock that is set by hand.

Members are the real ones with real keys and real stores; only the broker is replaced, by queues that this file
empties in turn, and the node, by a list of what was posted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from node.products import product
from oracle.agreement.context import Keys
from oracle.anchors import Offer
from oracle.member import Identity, Member, MemberPorts, NodeSnapshot
from oracle.profile import Profile
from oracle.registry import Device
from oracle.sources.session import Message
from oracle.sources.values import SourceValues
from oracle.storage.status import STATUS_FILE, Status
from wuxin_evidence.attestation import Committee, CommitteeMember, SignedAttestation, check_quorum
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.ids import indicator_id
from wuxin_evidence.packs.pack import parse_pack, sign_pack, topic
from wuxin_evidence.packs.senml import Reading

CONSORTIUM = bytes(range(32))
NAMES = ("bank", "insurer", "inspector")
SLOT = "91310000MA1FL0AB12/A-01"
DEVICE = "scale-1"
PROFILE = Profile.load(product("weighed-stock").profile())
W = PROFILE.windows
WINDOW = 1_800_000
"""Any window index; the tests tell their times from its start."""
T0_S = W.start_s(WINDOW)
AFTER_GRACE_S = W.window_s + W.grace_s + 1


def at(offset_s: float) -> int:
    """Milliseconds of a moment in the story, `offset_s` after the start of WINDOW."""
    return T0_S * 1000 + round(offset_s * 1000)


def mass(kg: int | str, offset_s: float) -> Reading:
    return Reading("mass_kg", Decimal(kg), "kg", at(offset_s))


def withdrawal(kg: int | str, offset_s: float) -> Reading:
    return Reading("withdrawal_kg", Decimal(kg), "kg", at(offset_s))


@dataclass
class HandClock:
    """Clock time and real time, both moved by the test."""

    ms: int = at(0)
    real_s: float = 1000.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.real_s


@dataclass
class NodeDouble:
    """What a member posts to its node."""

    posted: list[dict] = field(default_factory=list)

    def post_attestation(self, body, idempotency_key):
        self.posted.append(body)


@dataclass
class TestDevice:
    """A device with its key and counters."""

    __test__ = False
    device_id: str = DEVICE
    key: SigningKey = field(default_factory=lambda: SigningKey.generate("sm2-sm3"))
    boot: int = 1
    seq: int = 0

    def pack(self, *readings: Reading) -> bytes:
        self.seq += 1
        return sign_pack(self.key, CONSORTIUM, self.device_id, self.boot, self.seq, readings)

    def enrolled(self, status: str = "active", slots: tuple[str, ...] = (SLOT,)) -> Device:
        return Device(self.device_id, self.key.suite, self.key.public_key, status, slots)


class Trio:
    """Three members, their queues, and the hands that move clock and messages."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = HandClock()
        self.device = TestDevice()
        self.devices = [self.device.enrolled()]
        self.reads: dict[str, list[SourceValues]] = {name: [] for name in NAMES}
        self.identities = {
            name: Identity(name, CONSORTIUM, Keys(SigningKey.generate("sm2-sm3"), EvmKey.generate()), name.encode())
            for name in NAMES
        }
        self.committee = Committee(
            1,
            2,
            tuple(
                CommitteeMember(name, each.keys.sm2.public_key, each.keys.evm.address)
                for name, each in self.identities.items()
            ),
            0,
        )
        self.down: set[str] = set()
        self.queues: dict[str, deque[Message]] = {name: deque() for name in NAMES}
        self.said: list[tuple[str, bytes]] = []
        self.offered: dict[str, list[Offer]] = {name: [] for name in NAMES}
        self.members: dict[str, Member] = {}
        for name in NAMES:
            self.start(name)

    def start(self, name: str) -> Member:
        """Start (again) over the same home."""
        offered = self.offered[name].append
        ports = MemberPorts(lambda t, raw: self.broadcast(name, Message(t, raw)), NodeDouble(), lambda: None, offered)
        status = Status(self.home / name / STATUS_FILE, lambda: self.clock.ms // 1000)
        member = Member(
            self.identities[name], self.home / name, PROFILE, self.clock, ports, status, self.clock.monotonic
        )
        self.members[name] = member
        self.look(name)
        return member

    def look(self, *names: str) -> None:
        """Their nodes answer."""
        for name in names or NAMES:
            news = NodeSnapshot(self.clock.real_s, self.devices, [self.committee], self.reads[name])
            self.members[name].on_node_snapshot(news)

    def broadcast(self, sender: str, message: Message) -> None:
        self.said.append((sender, message.payload))
        for name in NAMES:
            if name != sender:
                self.queues[name].append(message)

    def publish(self, envelope: bytes, to: Iterable[str] = NAMES, device_id: str = DEVICE) -> None:
        """A pack reaches the queues of `to`."""
        for name in to:
            self.queues[name].append(Message(topic(CONSORTIUM, device_id), envelope))

    def deliver(self) -> None:
        """Until all queues of members that are up are empty."""
        while any(self.queues[name] for name in NAMES if name not in self.down):
            for name in NAMES:
                if name in self.down or not self.queues[name]:
                    continue
                batch = list(self.queues[name])
                self.queues[name].clear()
                self.members[name].receive(batch)

    def send(self, *readings: Reading, to: Iterable[str] = NAMES) -> bytes:
        """The device signs readings, and the members take them at the time of the last one."""
        envelope = self.device.pack(*readings)
        self.clock.ms = max(self.clock.ms, readings[-1].time_ms)
        self.publish(envelope, to)
        self.deliver()
        return envelope

    def pass_to(self, offset_s: float) -> None:
        """Clock time moves on; every member looks at it, and everything said is heard."""
        self.clock.ms = at(offset_s)
        self.settle()

    def settle(self, real_s: float = 3.0) -> None:
        """Real time passes in small steps until nobody has anything left to say."""
        for _ in range(round(real_s / 0.1)):
            for name in NAMES:
                if name not in self.down:
                    self.members[name].tick()
            self.deliver()
            self.clock.real_s += 0.1

    def attested(self, name: str, kind: int) -> list[SignedAttestation]:
        """What `name` put into its outbox, each digest with its most signatures and a quorum counted again here."""
        bodies = self.members[name].outbox.bodies()
        found = [SignedAttestation.from_json(body["attestation"]) for body in bodies]
        for each in found:
            assert check_quorum(each.attestation.digest(), each.signatures, self.committee, frozenset())
        fullest = {each.attestation.digest(): each for each in found if each.attestation.kind == kind}
        return list(fullest.values())

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(50):
            if condition():
                return
            self.settle(0.2)
        raise AssertionError("it did not come to that")

    def close(self) -> None:
        for member in self.members.values():
            member.close()


def a_visit(trio: Trio, offset_s: float, before: int, after: int, to: Iterable[str] = NAMES) -> None:
    """The scale says `before`, and 20 s later `after` with the difference as a registered withdrawal; in kilograms."""
    trio.send(mass(before, offset_s), to=to)
    trio.send(mass(after, offset_s + 20), withdrawal(before - after, offset_s + 20), to=to)


def digest_of(envelope: bytes) -> bytes:
    return parse_pack(envelope, CONSORTIUM).digest


def values(signed: SignedAttestation) -> dict[str, tuple[int, int]]:
    """Indicator name to (value, status)."""
    names = {indicator_id(n): n for n in (*PROFILE.indicators, "price_minor_per_t", "lien_active", "receipt_status",
                                           "receipt_quantity_g")}  # fmt: skip
    return {names[each.id]: (each.value, each.status) for each in signed.attestation.indicators}
