"""Signed ingest: a member takes what the broker kept for it, through admission, into its log on disk, and acknowledges.

    queue N packs at the broker for a member that is away ─▶ start the member ─▶ until its log holds all N

The member is the real one (broker session, admission, evidence log, alarms, acknowledgement by hand), alone with its
broker: no publisher and no peers compete for the two cores. Its limits stand beside it: the SM2 verification of the
same packs and nothing else, and a session that acknowledges the same packs and does nothing else.
"""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from network.clock import SystemClock
from node.products import product
from oracle.agreement.context import Keys
from oracle.member import Identity
from oracle.process import Process
from oracle.profile import Profile
from oracle.sources.broker import LOOPBACK, free_port
from oracle.sources.prices import PriceSource
from oracle.sources.session import INFLIGHT_MAX, Broker, Message, Session
from tests.bench.rows import LeftOut, Row, Show
from wuxin_evidence.attestation import Committee, CommitteeMember
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey, sm2_providers, suite
from wuxin_evidence.packs.pack import parse_pack, sign_pack, topic
from wuxin_evidence.packs.senml import Reading

CONSORTIUM = bytes(range(32))
DEVICE = "scale-1"
PACKS_BY_READINGS = {100: 150, 10: 900, 1: 900}
"""Within what a member takes of one slot and window: 1000 packs, 768 KiB."""
WAIT_S = 120.0
POLL_S = 0.005


@dataclass
class Quiet:
    """A node with one device and no pledges; what is posted to it is let go."""

    identity: Identity
    device: SigningKey = field(default_factory=lambda: SigningKey.generate("sm2-sm3"))

    def devices(self) -> Sequence[Mapping[str, Any]]:
        key = self.device.public_key.hex()
        return [{"device_id": DEVICE, "suite": "sm2-sm3", "public_key": key, "status": "active", "slots": ["A-01"]}]

    def committee(self) -> Mapping[str, Any]:
        keys = self.identity.keys
        member = CommitteeMember(self.identity.organisation, keys.sm2.public_key, keys.evm.address)
        return Committee(1, 1, (member,), 0).to_json()

    def pledges(self) -> Sequence[Mapping[str, Any]]:
        return []

    def receipt(self, receipt_id: str) -> Mapping[str, Any]:
        raise KeyError(receipt_id)

    def post_attestation(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        pass

    def newest_anchor(self, origin: str) -> Mapping[str, Any] | None:
        return None

    def post_anchor(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        pass


def measure(show: Show) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, _broker(Path(folder)) as (name, broker):
        rows: list[Row] = []
        for readings, packs in PACKS_BY_READINGS.items():
            show(f"{packs} packs of {readings} readings")
            rows.append(_row(Path(folder) / str(readings), name, broker, readings))
        return rows


def _row(folder: Path, name: str, broker: Broker, readings: int) -> Row:
    keys = Keys(SigningKey.generate("sm2-sm3"), EvmKey.generate())
    node = Quiet(Identity("bank", CONSORTIUM, keys, b"the storage secret of a benchmark"))
    envelopes = [_pack(node.device, seq, readings) for seq in range(PACKS_BY_READINGS[readings])]
    with _member(folder, node, broker):
        pass  # one life, so that the broker keeps a session for it
    with _taker(broker, f"taker-{readings}") as _:
        pass
    _queue(broker, envelopes)
    started = time.perf_counter()
    with _taker(broker, f"taker-{readings}") as taken:
        _until(lambda: len(taken) >= len(envelopes))
        received = len(envelopes) / (time.perf_counter() - started)
    started = time.perf_counter()
    with _member(folder, node, broker) as process:
        _until(lambda: len(process.member.store.tree) >= len(envelopes))
        stored = len(envelopes) / (time.perf_counter() - started)
    verified = _verified_per_s(node.device, envelopes)
    size = len(envelopes[0])
    return Row(
        f"signed ingest, packs of {readings}",
        f"{stored * readings:.0f} readings/s, {stored:.0f} packs/s",
        f"SM2 verification alone: {verified:.0f} packs/s; receiving and acknowledging alone: {received:.0f} packs/s",
        "fsync per batch (≤ 500 packs), then acknowledged",
        f"1 member; {name}",
        f"{len(envelopes)} packs of {size} bytes, SM2 ({sm2_providers()[0]})",
    )


def _pack(key: SigningKey, seq: int, count: int) -> bytes:
    """A level that does not change, one reading a millisecond."""
    now_ms = time.time_ns() // 1_000_000
    readings = [Reading("mass_kg", Decimal("39100.5"), "kg", now_ms - count + n) for n in range(count)]
    return sign_pack(key, CONSORTIUM, DEVICE, 1, seq, readings)


def _verified_per_s(key: SigningKey, envelopes: Sequence[bytes]) -> float:
    packs = [parse_pack(raw, CONSORTIUM) for raw in envelopes]
    verify = suite("sm2-sm3").verify
    started = time.perf_counter()
    for pack in packs:
        verify(key.public_key, pack.sig_structure, pack.signature)
    return len(packs) / (time.perf_counter() - started)


@contextmanager
def _member(folder: Path, node: Quiet, broker: Broker) -> Iterator[Process]:
    """A member in a thread, subscribed."""
    ready = threading.Event()
    identity = Identity(f"bank{folder.name}", CONSORTIUM, node.identity.keys, node.identity.storage_secret)
    profile = Profile.load(product("weighed-stock").profile())
    clock = SystemClock()
    prices = PriceSource(folder, (), clock, profile.clock_skew_s)
    process = Process(identity, folder, clock, node, prices, broker, profile, ready.set)
    thread = threading.Thread(target=process.run, daemon=True)
    thread.start()
    try:
        if not ready.wait(WAIT_S):
            raise TimeoutError("the member did not subscribe")
        yield process
    finally:
        process.stop()
        thread.join(WAIT_S)


@contextmanager
def _taker(broker: Broker, client_id: str) -> Iterator[list[None]]:
    """A member's session without the member: every message is acknowledged as it comes."""
    taken: list[None] = []
    ready = threading.Event()

    def deliver(message: Message) -> None:
        session.ack([message])
        taken.append(None)

    session = Session(broker, client_id, [f"wuxin/1/{CONSORTIUM.hex()}/+/packs"], deliver, ready.set)
    session.start()
    try:
        if not ready.wait(WAIT_S):
            raise TimeoutError("the session did not begin")
        yield taken
    finally:
        session.stop()


def _queue(broker: Broker, envelopes: Sequence[bytes]) -> None:
    """Publishes all packs, and returns when the broker has the last."""
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device", protocol=mqtt.MQTTv311)
    device.max_inflight_messages_set(INFLIGHT_MAX)
    device.connect(broker.host, broker.port)
    device.loop_start()
    sent = [device.publish(topic(CONSORTIUM, DEVICE), envelope, qos=1) for envelope in envelopes]
    for message in sent:
        message.wait_for_publish(WAIT_S)
    device.disconnect()
    device.loop_stop()


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("the packs did not all arrive")
        time.sleep(POLL_S)


@contextmanager
def _broker(folder: Path) -> Iterator[tuple[str, Broker]]:
    """mosquitto. The embedded broker keeps no packs for a member that is away, so that nothing could be measured."""
    program = shutil.which("mosquitto")
    if program is None:
        raise LeftOut("mosquitto", "apt-get install mosquitto")
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} {LOOPBACK}\nallow_anonymous true\nmax_queued_messages 0\n"
        f"max_inflight_messages {INFLIGHT_MAX}\nset_tcp_nodelay true\nuser root\n"
    )
    process = subprocess.Popen([program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield "mosquitto", Broker(LOOPBACK, port)
    finally:
        process.kill()
        process.wait(5)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("mosquitto does not answer")
