"""`wuxin serve` on a machine that has nothing yet: a consortium is up, a device signs at the command line, all ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from network.membership.consortium import Consortium
from node.machine.homes import client, endpoints
from tests.plays import until, wuxin
from wuxin_evidence.crypto.suites import SigningKey

DEVICE = "scale-by-hand"
UP_S, DOWN_S, WAIT_S = 60.0, 30.0, 30.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "home"


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "node.cli.main", "serve", "--home", str(home), "--port", "0", "--dev-rpc"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        until((home / "run" / "endpoints.json").exists, "endpoints.json", timeout_s=UP_S)
        yield endpoints(home)
        pids = list(endpoints(home)["pids"].values())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DOWN_S)
    assert process.returncode == 0
    assert not [pid for pid in pids if alive(pid)], "a child outlived it"
    assert not (home / "run" / "endpoints.json").exists()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_api_its_page_and_the_chains_rpc_answer(home: Path, running: dict[str, Any]) -> None:
    assert httpx.get(running["api"] + "/docs").status_code == 200
    assert "/v1/collateral/{receipt_id}" in httpx.get(running["api"] + "/openapi.json").json()["paths"]
    assert httpx.get(running["api"] + "/v1/receipts").json()["code"] == "unauthenticated"
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    assert int(httpx.post(running["rpc"], json=asked).json()["result"], 16) == 262144
    assert set(running["pids"]) == {"broker", "node", "oracle-bank", "oracle-insurer", "oracle-inspector"}


def test_a_doctor_finds_nothing_wrong(home: Path, running: dict[str, Any]) -> None:
    examined = wuxin("doctor", "--home", home)
    assert examined.returncode == 0, examined.stdout + examined.stderr


def test_a_pack_signed_at_the_command_line_is_admitted_and_a_changed_one_quarantined(
    home: Path, running: dict[str, Any], tmp_path: Path
) -> None:
    enrol(home)
    readings, envelope = tmp_path / "readings.json", tmp_path / "pack.cose"
    now_ms = time.time_ns() // 1_000_000
    readings.write_text(json.dumps([{"name": "mass_kg", "value": "80000", "unit": "kg", "time_ms": now_ms}]))
    where = ["--device", DEVICE, "--home", str(home)]
    signed = wuxin("pack", "sign", readings, "--boot", "1", "--seq", "1", "--out", envelope, *where)
    assert signed.returncode == 0, signed.stderr
    assert wuxin("pack", "publish", envelope, *where).returncode == 0
    changed = bytearray(envelope.read_bytes())
    changed[-1] ^= 1
    envelope.write_bytes(changed)
    assert wuxin("pack", "publish", envelope, *where).returncode == 0

    def refused() -> list[dict[str, Any]]:
        rows = [json.loads(line) for line in wuxin("quarantine", "ls", "--home", home, "--json").stdout.splitlines()]
        return rows if len(rows) == 3 else []

    rows = until(refused, "three quarantines")
    assert {(row["member"], row["code"]) for row in rows} == {
        (member, "bad_signature") for member in ("bank", "insurer", "inspector")
    }


def enrol(home: Path) -> None:
    """A device of the warehouse on a slot; its key lies where the command looks for it."""
    key = SigningKey.generate("sm2-sm3")
    folder = home / "devices"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{DEVICE}.pem").write_bytes(key.to_pem())
    (folder / f"{DEVICE}.pem").chmod(0o600)
    slot_id = f"{Consortium.load(home).organisation('warehouse').uscc}/HAND-1"
    with client(home, "warehouse") as warehouse:
        warehouse.register_slot(slot_id=slot_id, wait_s=WAIT_S)
        warehouse.enrol_device(
            device_id=DEVICE,
            suite="sm2-sm3",
            public_key=key.public_key.hex(),
            firmware_hash="11" * 32,
            wait_s=WAIT_S,
        )
        warehouse.bind_device(DEVICE, slot_id=slot_id, wait_s=WAIT_S)
