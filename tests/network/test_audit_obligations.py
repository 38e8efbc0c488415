"""An obligations chain under audit: every change to its file found and named, also by who holds the sealer's key."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from network.clock import SystemClock
from network.facts.embedded.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.obligations.embedded.circle import open_chain
from node.cli import exit_status
from node.products import product
from oracle.profile import Profile
from tests.network.audit_home import alter, audited, chain_file, copy_of, failures, lived_in, one
from wuxin_evidence.attestation import PRICE, Attestation, Indicator, MemberSignature, sequence_of, window_index
from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.evm.proof import SEAL_BYTES, Header, decode_header, decode_receipt, seal
from wuxin_evidence.evm.trie import ordered_root
from wuxin_evidence.ids import indicator_id, subject

A_SLOT = "SELECT address, key FROM slot LIMIT 1"

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copy_of(lived_in(tmp_path_factory), tmp_path / "home")


def newest(home: Path) -> int:
    return one(chain_file(home), "SELECT max(number) FROM block")


def header(home: Path, number: int) -> Header:
    return decode_header(one(chain_file(home), "SELECT header FROM block WHERE number = ?", [number]))


def put_header(home: Path, number: int, changed: Header) -> None:
    values = [changed.rlp(), changed.hash(), changed.timestamp, number]
    alter(chain_file(home), "UPDATE block SET header = ?, hash = ?, timestamp_s = ? WHERE number = ?", values)


def sealed(home: Path, changed: Header) -> Header:
    """Sealed again, as the sealer itself could."""
    key = open_seat(home, Consortium.load(home).circle("e1").sealer).sealer_key
    assert key is not None
    return seal(replace(changed, extra_data=changed.extra_data[:-SEAL_BYTES]), key.sign_digest)


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE tx SET receipt = x'00' WHERE block = 30", "receipt in the file"),
        ("UPDATE tx SET gas_used = 1 WHERE block = 30", "gas_used in the file"),
        ("UPDATE log SET data = x'00' WHERE block = 30 AND log_index = 0", "log 30 0: data in the file"),
        ("UPDATE log SET topics = x'00' WHERE block = 30 AND log_index = 0", "log 30 0: topics in the file"),
        ("DELETE FROM log WHERE block = 30 AND log_index = 0", "log 30 0 follows from the blocks and is not"),
        ("INSERT INTO log VALUES (30, 99, 0, x'00', x'00', x'00')", "log 30 99 is in the file"),
        (f"UPDATE slot SET value = x'7f' WHERE (address, key) IN ({A_SLOT})", "value in the file"),
        ("UPDATE tx SET raw = x'c0' WHERE block = 12", "block 12 cannot be run again: transaction 0"),
        ("DELETE FROM tx WHERE block = 12", "block 12: the transactions root of the header"),
        ("DELETE FROM block WHERE number = 12", "block 12: the number of the header"),
        ("UPDATE block SET timestamp_s = 5 WHERE number = 12", "block 12: timestamp_s in the file"),
        ("UPDATE block SET header = x'c0' WHERE number = 12", "block 12 cannot be run again"),
        ("UPDATE chain SET chain_id = 7002", "chain 7002 is in the file"),
        ("UPDATE account SET nonce = 99 WHERE nonce = (SELECT max(nonce) FROM account)", "nonce in the file"),
    ],
)
def test_a_changed_row_is_named(home: Path, capsys: Captured, sql: str, finding: str) -> None:
    alter(chain_file(home), sql)
    found = failures(home, capsys)
    assert any(finding in each for each in found), found


def test_a_changed_raw_transaction_is_found(home: Path, capsys: Captured) -> None:
    raw = bytearray(one(chain_file(home), "SELECT raw FROM tx WHERE block = 30"))
    raw[40] ^= 1
    alter(chain_file(home), "UPDATE tx SET raw = ? WHERE block = 30", [bytes(raw)])
    assert any(each.startswith("e1: ") and "block 30" in each for each in failures(home, capsys))


def test_a_changed_timestamp_breaks_the_seal_and_the_chain(home: Path, capsys: Captured) -> None:
    put_header(home, 12, replace(header(home, 12), timestamp=header(home, 12).timestamp + 1))
    found = failures(home, capsys)
    assert any("block 12 is sealed by" in each and "a stranger" in each for each in found)
    assert "e1: blocks: block 13: the parent of the header is not what it must be" in found


def test_a_time_that_runs_backwards_is_found_though_it_is_sealed(home: Path, capsys: Captured) -> None:
    last = newest(home)
    put_header(home, last, sealed(home, replace(header(home, last), timestamp=1)))
    assert f"e1: blocks: block {last} is older than the block before it" in failures(home, capsys)


def test_a_sealer_that_turns_a_draw_into_a_refusal_is_found(home: Path, capsys: Captured) -> None:
    """Receipt, root, gas, logs and seal all agree with each other; only running it again tells."""
    last, file = newest(home), chain_file(home)
    receipt = decode_receipt(one(file, "SELECT receipt FROM tx WHERE block = ?", [last]))
    assert receipt.status == 1
    refused = replace(receipt, status=0, logs=(), logs_bloom=bytes(256)).raw()
    alter(file, "UPDATE tx SET receipt = ? WHERE block = ?", [refused, last])
    changed = replace(header(home, last), receipts_root=ordered_root([refused]), logs_bloom=bytes(256))
    put_header(home, last, sealed(home, changed))
    found = failures(home, capsys)
    assert f"e1: run again: block {last}: the receipts root of the header is not that of its transactions" in found
    assert f"e1: run again: block {last}: the bloom of the header is not that of its transactions" in found
    assert not any(each.startswith("e1: blocks") for each in found), found


def test_swapped_blocks_are_found(home: Path, capsys: Captured) -> None:
    third, fourth = header(home, 3), header(home, 4)
    alter(chain_file(home), "UPDATE block SET hash = x'00' WHERE number = 3")
    put_header(home, 4, third)
    put_header(home, 3, fourth)
    assert "e1: blocks: block 3: the number of the header is not what it must be" in failures(home, capsys)


def test_cutting_off_the_newest_block_whole_leaves_its_state_behind(home: Path, capsys: Captured) -> None:
    """Where the state is set back too, nothing in the file shows it: the report says what to compare."""
    last, file = newest(home), chain_file(home)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM log WHERE block = ?", [last])
        connection.execute("DELETE FROM tx WHERE block = ?", [last])
        connection.execute("DELETE FROM block WHERE number = ?", [last])
    assert any(each.startswith("e1: state: slot") for each in failures(home, capsys))
    _, report = audited(home, capsys)
    assert any(f"e1: no block after {last - 1} was cut off" in each for each in report["assumed"])


def test_a_file_that_is_not_there_is_missing(home: Path, capsys: Captured) -> None:
    chain_file(home).unlink()
    status, report = audited(home, capsys)
    assert status == exit_status.INCOMPLETE
    assert report["missing"] == ["ledger/obligations-e1.db"]


def test_what_is_no_database_is_unreadable(home: Path, capsys: Captured) -> None:
    chain_file(home).write_bytes(b"no database at all" * 100)
    status, report = audited(home, capsys)
    assert status == exit_status.UNREADABLE
    assert report["unreadable"][0].startswith("ledger/obligations-e1.db: ")


def test_a_trust_file_that_is_absent_or_broken_is_told(home: Path, tmp_path: Path, capsys: Captured) -> None:
    assert audited(home, capsys, tmp_path / "none.json")[0] == exit_status.INCOMPLETE
    (tmp_path / "trust.json").write_text("{}")
    assert audited(home, capsys, tmp_path / "trust.json")[0] == exit_status.UNREADABLE


@pytest.mark.parametrize("name", ["sealers", "feed", "chain_id"])
def test_a_trust_file_with_another_chain_is_found(home: Path, tmp_path: Path, capsys: Captured, name: str) -> None:
    trust = json.loads((home / "trust.json").read_text())
    trust["chains"][0][name] = {"sealers": ["ab" * 20], "feed": "ab" * 20, "chain_id": 7002}[name]
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    expected = {"sealers": "a stranger", "feed": "is not this release's", "chain_id": "block 1 cannot be run again"}
    assert any(expected[name] in each for each in failures(home, capsys, tmp_path / "trust.json"))


def test_a_committee_other_than_the_trusted_one_is_found(home: Path, tmp_path: Path, capsys: Captured) -> None:
    trust = json.loads((home / "trust.json").read_text())
    trust["committees"][0]["members"][0]["evm_address"] = "ab" * 20
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    found = failures(home, capsys, tmp_path / "trust.json")
    assert "e1: contracts: committee 1 is not that of the trust file" in found
    assert "facts: members: committee 1 on the ledger is not that of the trust file" in found


def test_one_sequence_with_two_digests_is_found_and_one_sided_attestations_are_listed(
    home: Path, capsys: Captured
) -> None:
    """The committee signed two prices for one sequence and told each ledger another; and one ledger a third."""
    asyncio.run(_equivocate(home))
    found = failures(home, capsys)
    assert len(found) == 1
    assert found[0].startswith(f"across the ledgers: {subject('commodity', 'tin').hex()}/3/")
    _, report = audited(home, capsys)
    assert [each.split("/")[0] for each in report["facts_ahead"]] == [subject("commodity", "zinc").hex()]
    assert [each.split("/")[0] for each in report["obligations_ahead"]] == [subject("commodity", "lead").hex()]


async def _equivocate(home: Path) -> None:
    consortium, clock, bank = Consortium.load(home), SystemClock(), open_seat(home, "bank")
    ledger, chain = open_ledger(home, consortium, bank, clock), open_chain(home, consortium, bank, clock)
    for commodity, price_minor in (("tin", 1), ("zinc", 1)):
        said = _price(consortium, commodity, price_minor)
        await ledger.submit("record_attestation", _recorded(home, said, commodity))
    for commodity, price_minor in (("tin", 2), ("lead", 1)):
        said = _price(consortium, commodity, price_minor)
        accepted = await chain.transact("AttestationFeed", "submit", _submitted(home, said))
        assert accepted.status == 1, accepted
    await ledger.aclose()
    await chain.aclose()


def _price(consortium: Consortium, commodity: str, price_minor: int) -> Attestation:
    profile = Profile.load(product("weighed-stock").profile())
    now_s = SystemClock().now_ms() // 1000 - 2
    index = window_index(now_s, profile.windows.window_s, consortium.day_offset_s)
    return Attestation(
        consortium_id=consortium.consortium_id, epoch=1, subject=subject("commodity", commodity), kind=PRICE,
        sequence=sequence_of(index, 1), window_start=now_s, window_end=now_s, profile=profile.hash,
        pack_root=bytes(32), pack_count=0, late_count=0,
        indicators=(Indicator(indicator_id("price_minor_per_t"), price_minor, 10_000, 0),),
    )  # fmt: skip


def _signed(home: Path, digest: bytes) -> list[MemberSignature]:
    signatures: list[MemberSignature] = []
    for seat in (open_seat(home, name) for name in ("bank", "inspector")):
        assert seat.oracle_sm2 is not None and seat.oracle_evm is not None
        signatures.append(MemberSignature(seat.name, seat.oracle_sm2.sign(digest), seat.oracle_evm.sign_digest(digest)))
    return signatures


def _recorded(home: Path, attestation: Attestation, commodity: str) -> dict[str, Any]:
    signatures = [{"organisation": s.organisation, "sm2": s.sm2.hex()} for s in _signed(home, attestation.digest())]
    cbor = attestation.to_cbor().hex()
    return {"subject_kind": "commodity", "subject_id": commodity, "attestation": cbor, "signatures": signatures}


def _submitted(home: Path, said: Attestation) -> list[Any]:
    digest = said.digest()
    signatures = sorted((s.secp256k1 for s in _signed(home, digest)), key=lambda each: recover(digest, each))
    indicators = [[each.id, each.value, each.quality_bp, each.status] for each in said.indicators]
    head = [said.consortium_id, said.epoch, said.subject, said.kind, said.sequence, said.window_start, said.window_end]
    return [[*head, said.profile, said.pack_root, said.pack_count, said.late_count, indicators], signatures]
