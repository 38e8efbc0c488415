"""The ledger file replayed without the node: sound as written, and every later change found."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from network.consortium import Consortium, write_demo
from network.local.engine import LEDGER_FILE, LocalFacts
from network.local.ledger import bind
from network.local.replay import replay
from network.seats import Seat, create_home
from network.trust_file import trust_of
from tests.network.conftest import OpenFacts
from tests.network.test_validation import Client, keeping
from wuxin_evidence.trust import Trust


@pytest.fixture
async def written(open_facts: OpenFacts, seats: dict[str, Seat]) -> LocalFacts:
    """A ledger with valid and invalid transactions, policies, deletions and private values."""
    facts = open_facts()
    ledger, client = bind(facts, seats["bank"]), Client(facts, seats["bank"])
    await asyncio.gather(
        *(ledger.submit("put", {"key": "hot", "value": str(n)}) for n in range(6)), return_exceptions=True
    )
    await ledger.submit("claim", {"key": "receipt"})
    await ledger.submit("guard", {"key": "receipt", "msps": ["BankMSP", "WarehouseMSP"]})
    await ledger.submit("keep", {"msp": "BankMSP", "key": "terms"}, private={"secret": b"s"})
    client.order(keeping(client.endorsed("blind", {"key": "receipt", "value": "x"}), 0, 1, 2))
    client.order(client.endorsed("claim", {"key": "b"}), seats["insurer"].fabric_signer)
    twice = client.endorsed("blind", {"key": "c", "value": "v"})
    client.order(twice)
    client.order(twice)
    await ledger.submit("drop", {"key": "c"})
    return facts


def trust_in(home: Path) -> Trust:
    return Trust.parse((home / "trust.json").read_bytes())


def alter(home: Path, sql: str) -> None:
    with sqlite3.connect(home / LEDGER_FILE) as connection:
        assert connection.execute(sql).rowcount == 1
    connection.close()


def test_a_ledger_as_written_replays_without_a_finding(written: LocalFacts, home: Path) -> None:
    found = replay(home / LEDGER_FILE, trust_in(home))
    assert found.findings == ()
    assert found
    assert found.blocks == written.height()
    assert found.transactions == 14
    assert 0 < found.valid < found.transactions


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE state SET value = 'forged' WHERE key = 'receipt'", "state: 'receipt'"),
        ("UPDATE state SET policy = NULL WHERE key = 'receipt'", "state: 'receipt'"),
        ("INSERT INTO state VALUES ('more', 'x', NULL, 1, 0)", "state: 'more' in the file"),
        ("DELETE FROM state WHERE key = 'receipt'", "state: 'receipt' follows"),
        ("DELETE FROM history WHERE key = 'receipt'", "history: 'receipt'"),
        ("UPDATE private_hashes SET value_hash = x'00'", "private_hashes"),
        ("UPDATE transactions SET code = 0 WHERE code = 10", "transactions"),
        ("DELETE FROM blocks WHERE number = 2", "does not follow the block before"),
        ("UPDATE blocks SET block = x'ff' WHERE number = 2", "block 2 cannot be read"),
    ],
)
def test_a_changed_file_is_found(written: LocalFacts, home: Path, sql: str, finding: str) -> None:
    alter(home, sql)
    found = replay(home / LEDGER_FILE, trust_in(home))
    assert any(finding in each for each in found.findings), found.findings


def test_a_flipped_validation_code_is_found(written: LocalFacts, home: Path) -> None:
    with sqlite3.connect(home / LEDGER_FILE) as connection:
        number = connection.execute("SELECT block FROM transactions WHERE code = 10").fetchone()[0]
        raw = bytearray(connection.execute("SELECT block FROM blocks WHERE number = ?", (number,)).fetchone()[0])
        place = raw.rindex(b"\x0a")
        while raw[place - 1] != 1:  # the filter of one code: length 1, then 10
            place = raw.rindex(b"\x0a", 0, place)
        raw[place] = 0
        connection.execute("UPDATE blocks SET block = ? WHERE number = ?", (bytes(raw), number))
    connection.close()
    found = replay(home / LEDGER_FILE, trust_in(home))
    assert any("is marked VALID, replayed it is ENDORSEMENT_POLICY_FAILURE" in each for each in found.findings)


def test_another_consortiums_trust_file_does_not_fit(written: LocalFacts, home: Path, tmp_path: Path) -> None:
    other: Consortium = write_demo(tmp_path / "other")
    create_home(tmp_path / "other", other)
    found = replay(home / LEDGER_FILE, trust_of(tmp_path / "other", other))
    assert "block 0 is of another consortium" in found.findings
    assert any("quorum" in each or "signed by 0" in each for each in found.findings)


def test_a_file_that_is_not_there_is_not_found(home: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replay(tmp_path / "nothing.db", trust_in(home))
