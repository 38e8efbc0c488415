"""Acknowledged means durable: storage that fails, a disk that is full, a process that is killed."""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from network.facts.embedded.engine import LocalFacts
from network.facts.embedded.ledger import bind
from network.membership.consortium import Consortium
from network.membership.published import certificate
from network.membership.seats import Seat
from network.ports import Commit, Unavailable
from tests.network.conftest import OpenFacts
from tests.network.faulty_storage import Faults
from tests.network.submitter import nonce
from wuxin_evidence.fabric import BlockSigner, parse_block, verify_block


async def require_sound_chain(facts: LocalFacts, home: Path) -> set[str]:
    """Every block chained and signed; gives the ids of the valid transactions."""
    orderer = BlockSigner(certificate(home, "regulator", "orderer"))
    valid: set[str] = set()
    previous_hash, left = b"", facts.height()
    async for raw in facts.blocks(-1):
        block = parse_block(raw)
        verify_block(block, [orderer], 1)
        assert block.previous_hash == previous_hash
        previous_hash = block.header_hash
        valid |= {each.tx_id for each in block.transactions if each.is_valid and each.tx_id}
        left -= 1
        if left == 0:
            break
    return valid


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
async def test_no_acknowledgement_leaves_when_the_nth_write_or_commit_fails(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path, applied: bool
) -> None:
    faults = Faults()
    ledger = bind(open_facts(connect=faults.connect), seats["bank"])
    acknowledged: list[Commit] = []
    kinds: set[str] = set()
    for n in range(1, 51):
        faults.arm(n, applied=applied)
        failed: list[str] = []
        for number in itertools.count():
            key = f"{n}/{number}"
            try:
                acknowledged.append(await ledger.submit("claim", {"key": key}, nonce=nonce("bank", key)))
            except Unavailable as error:
                assert error.hint
                failed.append(key)
                break
        kinds |= set(faults.fired)
        for key in failed:
            acknowledged.append(await ledger.submit("claim", {"key": key}, nonce=nonce("bank", key)))
    assert {"COMMIT", "BEGIN IMMEDIATE"} <= kinds
    assert len({each.tx_id for each in acknowledged}) == len(acknowledged)
    reopened = open_facts()
    assert await require_sound_chain(reopened, home) == {each.tx_id for each in acknowledged}
    for each in acknowledged:
        assert await bind(reopened, seats["bank"]).status(each.tx_id) == each


class Submitter:
    """The submitting process, driven line by line."""

    def __init__(self, home: Path, org: str, *more: str) -> None:
        command = [sys.executable, "-m", "tests.network.submitter", str(home), org, *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        assert self.output.readline() == "ready\n"

    def ask(self, key: str) -> None:
        self.input.write(f"{key}\n")
        self.input.flush()

    def answer(self) -> dict[str, str]:
        return json.loads(self.output.readline())

    def end(self) -> None:
        self.input.close()
        self.process.wait(30)


@pytest.fixture
def processes() -> Iterator[list[Submitter]]:
    started: list[Submitter] = []
    yield started
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait(30)


async def test_when_the_disk_takes_no_more_nothing_is_acknowledged_and_nothing_lost(
    open_facts: OpenFacts, seats: dict[str, Seat], home: Path, processes: list[Submitter]
) -> None:
    submitter = Submitter(home, "bank", str(400_000))
    processes.append(submitter)
    acknowledged: set[str] = set()
    for number in range(200):
        submitter.ask(f"slot/{number}")
        answer = submitter.answer()
        if answer["outcome"] != "VALID":
            break
        acknowledged.add(answer["tx_id"])
    assert answer["outcome"] == "unavailable"
    assert acknowledged
    submitter.process.kill()
    submitter.process.wait(30)
    facts = open_facts()
    assert await require_sound_chain(facts, home) >= acknowledged
    again = await bind(facts, seats["bank"]).submit(
        "claim", {"key": answer["key"], "value": "bank"}, nonce=nonce("bank", answer["key"])
    )
    assert await bind(facts, seats["bank"]).status(again.tx_id) == again


async def test_a_killed_process_loses_nothing_that_it_acknowledged(
    open_facts: OpenFacts, home: Path, processes: list[Submitter]
) -> None:
    acknowledged: set[str] = set()
    for life in range(3):
        submitter = Submitter(home, "bank")
        processes.append(submitter)
        for number in range(20):
            submitter.ask(f"life {life} slot {number}")
        for _ in range(5 + life):
            acknowledged.add(submitter.answer()["tx_id"])
        submitter.process.send_signal(signal.SIGKILL)
        submitter.process.wait(30)
        for line in submitter.output:
            acknowledged.add(json.loads(line)["tx_id"])
    assert await require_sound_chain(open_facts(), home) >= acknowledged


async def test_two_processes_claim_one_slot_at_once_and_exactly_one_wins_each_round(
    open_facts: OpenFacts, home: Path, consortium: Consortium, processes: list[Submitter]
) -> None:
    processes += [Submitter(home, "warehouse"), Submitter(home, "manufacturer")]
    lost: list[str] = []
    won: set[str] = set()
    for number in range(100):
        for each in processes:
            each.ask(f"slot/{number}")
        answers = [each.answer() for each in processes]
        winners = [answer for answer in answers if answer["outcome"] == "VALID"]
        assert len(winners) == 1, answers
        won.add(winners[0]["tx_id"])
        lost += [answer["outcome"] for answer in answers if answer["outcome"] != "VALID"]
    assert set(lost) <= {"MVCC_READ_CONFLICT", "slot_claimed"}
    assert "MVCC_READ_CONFLICT" in lost, "the two never met: nothing was shown"
    for each in processes:
        each.end()
    assert await require_sound_chain(open_facts(), home) == won
