"""fabric-sdk-py, unchanged and in an environment of its own, as a client of our chaincode on the BFT network."""

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from node.cli.network import profile
from tests.engines import FABRIC, Ledgers, on
from tests.network.fabric import hfc_environment

SESSION = Path(__file__).with_name("hfc_session.py")
SESSION_TIMEOUT_S = 90


@on(FABRIC)
@pytest.mark.timeout(400)
def test_the_stock_client_queries_invokes_and_receives_an_event(ledgers: Ledgers, tmp_path: Path) -> None:
    warehouse = ledgers.consortium.organisation("warehouse")
    slots = [f"{warehouse.uscc}/HFC-{secrets.token_hex(4).upper()}" for _ in range(2)]

    seen = _session(ledgers, tmp_path, slots)

    assert len(seen["peers"]) == len(ledgers.consortium.endorsers)
    assert seen["committee"]["threshold"] == ledgers.consortium.committee.threshold
    assert seen["registered"]["slot_id"] == slots[0] == seen["found"]["slot_id"]
    assert seen["event"]["status"] == "VALID"
    assert slots[0] in seen["event"]["payload"]
    assert "ENDORSEMENT_POLICY_FAILURE" in seen["too_few"]
    assert json.loads(seen["refused"])["code"] == "conflict"
    assert seen["event"]["tx_id"] in seen["transactions"]
    assert seen["validation_code"] == 0
    assert seen["height"] > seen["event"]["block"]


def _session(ledgers: Ledgers, folder: Path, slots: list[str]) -> dict[str, object]:
    facts = ledgers.consortium.facts
    profile(ledgers.network_home, "warehouse", folder / "profile.json")
    command = [hfc_environment.python(), SESSION, folder / "profile.json", "warehouse", facts.channel, facts.chaincode]
    done = subprocess.run(
        [*command, *slots], check=False, capture_output=True, text=True, timeout=SESSION_TIMEOUT_S, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
