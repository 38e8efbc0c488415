"""Three processes, three homes, one broker: the whole way from a published pack to attestations that were posted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from node.products import product
from oracle.sources.broker import broker_thread
from tests.oracle.brokers import Certificates, client_context, mosquitto
from tests.oracle.trio import CONSORTIUM, DEVICE, NAMES, SLOT, TestDevice, Trio
from wuxin_evidence.attestation import ALARM, SCHEDULED, SignedAttestation, check_quorum, check_quorum_evm
from wuxin_evidence.packs.pack import topic
from wuxin_evidence.packs.senml import Reading

ROOT = Path(__file__).parents[2]
PROFILE = {**json.loads(product("weighed-stock").profile().read_text()), "window_s": 4, "grace_s": 1}


class Consortium:
    """Members as processes over one broker."""

    def __init__(self, home: Path, port: int, version: int, certificates: Certificates | None) -> None:
        self.home = home
        trio = Trio(home / "unused")
        trio.close()
        self.device: TestDevice = trio.device
        self.committee = trio.committee
        self._identities = trio.identities
        self._certificates = certificates
        self._address = {"host": "127.0.0.1", "port": port, "version": version}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        answers = home / "answers"
        answers.mkdir()
        (answers / "devices.json").write_text(json.dumps([self._row()]))
        (answers / "committee.json").write_text(json.dumps(self.committee.to_json()))
        (answers / "profile.json").write_text(json.dumps(PROFILE))
        self.publisher = self._publisher(port)

    def _row(self) -> dict[str, object]:
        key = self.device.key
        return {
            "device_id": DEVICE, "suite": key.suite, "public_key": key.public_key.hex(),
            "status": "active", "slots": [SLOT],
        }  # fmt: skip

    def _publisher(self, port: int) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device")
        if self._certificates is not None:
            client.tls_set_context(client_context(self._certificates.issue("device")))
        client.connect("127.0.0.1", port)
        client.loop_start()
        return client

    def start(self, name: str) -> None:
        identity = self._identities[name]
        posted = self.home / name / "posted"
        posted.mkdir(parents=True, exist_ok=True)
        spec = {
            "organisation": name,
            "consortium_id": CONSORTIUM.hex(),
            "sm2": identity.keys.sm2.to_pem().decode(),
            "evm": identity.keys.evm.private_bytes.hex(),
            "home": str(self.home / name / "oracle"),
            "answers": str(self.home / "answers"),
            "posted": str(posted),
            "profile": str(self.home / "answers" / "profile.json"),
            "tls": self._certificates.issue(name) if self._certificates else None,
            **self._address,
        }
        path = self.home / f"{name}.json"
        path.write_text(json.dumps(spec))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client_sdk")])}
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.oracle.member_process", str(path)],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def wait_ready(self, *names: str) -> None:
        wait(lambda: all("session: Success" in (self.home / f"{n}.log").read_text() for n in names or NAMES))
        time.sleep(0.3)

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def publish(self, kg: int) -> float:
        """Publish one mass reading; the moment before."""
        reading = Reading("mass_kg", Decimal(kg), "kg", time.time_ns() // 1_000_000)
        envelope = self.device.pack(reading)
        began = time.monotonic()
        self.publisher.publish(topic(CONSORTIUM, DEVICE), envelope, qos=1).wait_for_publish(5)
        return began

    def posted(self, name: str, kind: int) -> list[SignedAttestation]:
        found = [json.loads(path.read_text()) for path in sorted((self.home / name / "posted").glob("*.json"))]
        signed = [SignedAttestation.from_json(each["attestation"]) for each in found]
        return sorted(
            (each for each in signed if each.attestation.kind == kind), key=lambda each: each.attestation.sequence
        )

    def stop(self) -> None:
        self.publisher.disconnect()
        self.publisher.loop_stop()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def wait(condition, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.01)


@pytest.fixture
def over_mosquitto(tmp_path: Path) -> Generator[Consortium]:
    """MQTT 5, TLS 1.3, client certificates."""
    certificates = Certificates.create(tmp_path)
    with mosquitto(tmp_path, certificates) as port, ExitStack() as stack:
        made = Consortium(tmp_path, port, 5, certificates)
        stack.callback(made.stop)
        yield made


@pytest.fixture
def over_the_embedded_broker(tmp_path: Path) -> Generator[Consortium]:
    with broker_thread() as port, ExitStack() as stack:
        made = Consortium(tmp_path, port, 3, None)
        stack.callback(made.stop)
        yield made


def tell_the_story(consortium: Consortium) -> None:
    for name in NAMES:
        consortium.start(name)
    consortium.wait_ready()
    consortium.publish(80_000)
    began = consortium.publish(75_000)
    wait(lambda: consortium.posted("bank", ALARM) != [])
    took_s = time.monotonic() - began
    print(f"published to posted: {took_s * 1000:.0f} ms")
    wait(lambda: all(len(consortium.posted(name, SCHEDULED)) >= 2 for name in NAMES))
    for signed in [*consortium.posted("bank", ALARM), *consortium.posted("bank", SCHEDULED)]:
        digest = signed.attestation.digest()
        assert check_quorum(digest, signed.signatures, consortium.committee, frozenset())
        assert check_quorum_evm(digest, signed.signatures, consortium.committee, frozenset())
    sequences = {name: consortium.posted(name, SCHEDULED)[0].attestation.digest() for name in NAMES}
    assert len(set(sequences.values())) == 1


@pytest.mark.engine("mosquitto")
def test_three_processes_attest_over_tls_1_3_with_client_certificates(over_mosquitto: Consortium):
    tell_the_story(over_mosquitto)


def test_three_processes_attest_over_the_embedded_broker(over_the_embedded_broker: Consortium):
    tell_the_story(over_the_embedded_broker)


@pytest.mark.engine("mosquitto")
def test_what_came_while_a_member_was_killed_is_in_its_log_afterwards(over_mosquitto: Consortium):
    consortium = over_mosquitto
    for name in NAMES:
        consortium.start(name)
    consortium.wait_ready()
    consortium.publish(80_000)
    wait(lambda: consortium.posted("inspector", SCHEDULED) != [])
    consortium.kill("inspector")
    consortium.publish(75_000)
    wait(lambda: consortium.posted("bank", ALARM) != [])
    assert consortium.posted("inspector", ALARM) == []
    consortium.start("inspector")
    wait(lambda: consortium.posted("inspector", ALARM) != [])
    assert (
        consortium.posted("inspector", ALARM)[0].attestation.digest()
        == consortium.posted("bank", ALARM)[0].attestation.digest()
    )


@pytest.mark.engine("mosquitto")
def test_a_client_without_a_certificate_is_refused(over_mosquitto: Consortium, tmp_path: Path):
    import ssl

    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="stranger")
    client.tls_set_context(context)
    connected: list[object] = []
    client.on_connect = lambda *args: connected.append(args)
    port = over_mosquitto._address["port"]
    try:
        client.connect("127.0.0.1", port)
        client.loop_start()
        time.sleep(0.5)
    except OSError:
        pass
    finally:
        client.loop_stop()
    assert connected == []
