"""Two processes issue over one slot at once, a hundred times: one receipt is valid each time, and no look-up did that.

Both are the warehouse itself, so nothing but the ledger's validation stands between it and goods pledged twice.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from network.clock import open_clock
from network.facts.embedded.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from node.demo.founding import found
from wuxin_evidence.fabric import parse_block

ROUNDS = 100
ANSWER_S = 60.0
DAY_S = 86_400


class Issuer:
    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "tests.attacks.issuer", str(home)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout

    def ask(self, receipt: dict[str, Any]) -> None:
        self.input.write(json.dumps(receipt) + "\n")
        self.input.flush()

    async def answer(self) -> str:
        return await asyncio.wait_for(asyncio.to_thread(self.output.readline), ANSWER_S)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def issuers(home: Path) -> Iterator[list[Issuer]]:
    started = [Issuer(home), Issuer(home)]
    yield started
    for each in started:
        each.process.kill()
        each.process.wait(20)


def receipt(receipt_id: str, slot: str, now_s: int) -> dict[str, Any]:
    return {
        "receipt_id": receipt_id,
        "slots": [slot],
        "owner": "manufacturer",
        "beneficiary": "manufacturer",
        "commodity": "copper-cathode",
        "quantity_g": 20_000_000,
        "depositor": {"name": "Maker", "address": "Wuxi"},
        "goods": {"name": "阴极铜", "quality": "A", "packaging": "bundle", "pieces": 12, "marks": "W"},
        "loss_standard_bp": 5,
        "storage_place": "hall 3",
        "storage_until_s": now_s + 90 * DAY_S,
        "storage_fee_minor": 120_000,
        "storage_fee_currency": "CNY",
        "insurance": {
            "amount_minor": 1,
            "currency": "CNY",
            "from_s": now_s,
            "until_s": now_s + 90 * DAY_S,
            "insurer": "insurer",
        },
        "issued_place": "Wuxi",
        "issued_at_s": now_s,
        "keeper": "Keeper",
    }


async def test_exactly_one_of_two_receipts_is_valid_in_each_of_a_hundred_rounds(
    home: Path, issuers: list[Issuer]
) -> None:
    consortium = Consortium.load(home)
    clock = open_clock(consortium, home)
    ledger = open_ledger(home, consortium, open_seat(home, "warehouse"), clock)
    slots = [f"{consortium.organisation('warehouse').uscc}/RACE-{number}" for number in range(ROUNDS)]
    await asyncio.gather(*(ledger.submit("register_slot", {"slot_id": slot}) for slot in slots))
    for each in issuers:
        assert await each.answer() == "ready\n"
    lost: list[str] = []
    for number, slot in enumerate(slots):
        for who, each in enumerate(issuers):
            each.ask(receipt(f"r-{number}-{who}", slot, clock.now_ms() // 1000))
        outcomes = [json.loads(await each.answer())["outcome"] for each in issuers]
        assert outcomes.count("VALID") == 1, outcomes
        lost += [each for each in outcomes if each != "VALID"]
    assert set(lost) <= {"MVCC_READ_CONFLICT", "slot_claimed"}
    assert "MVCC_READ_CONFLICT" in lost, "the two never met: nothing was shown"
    assert await valid_receipts(ledger) == ROUNDS
    await ledger.aclose()


async def valid_receipts(ledger: Any) -> int:
    """As the blocks say, whatever anybody was told."""
    left, valid = await ledger.height(), 0
    async for raw in ledger.blocks(-1):
        valid += sum(each.is_valid and each.function == "issue_receipt" for each in parse_block(raw).transactions)
        left -= 1
        if left == 0:
            break
    return valid
