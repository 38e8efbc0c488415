"""The ledger of facts under audit: sound as written, and every change to its file found and named."""

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from chaincode import contract
from chaincode.contract import Response
from chaincode.world.stub import Stub
from network.clock import SystemClock
from network.facts.embedded.endorser import Invoke
from network.facts.embedded.engine import LocalFacts, open_endorser, open_endorsers, open_orderer
from network.facts.embedded.ledger import bind
from network.membership.consortium import Consortium
from network.membership.seats import create_home, open_seat
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS
from tests.network.audit_home import alter, audited, copy_of, facts_file, failures, lived_in, one
from wuxin_evidence.fabric import (
    BAD_CREATOR_SIGNATURE,
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    NONCE_BYTES,
    VALID,
    assemble_block,
    block_header,
    parse_block,
)

INVALID = (BAD_CREATOR_SIGNATURE, DUPLICATE_TXID, ENDORSEMENT_POLICY_FAILURE, MVCC_READ_CONFLICT)

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copy_of(lived_in(tmp_path_factory), tmp_path / "home")


def block(home: Path, number: int) -> bytes:
    return one(facts_file(home), "SELECT block FROM blocks WHERE number = ?", [number])


def newest(home: Path) -> int:
    return one(facts_file(home), "SELECT max(number) FROM blocks")


def put_block(home: Path, number: int, raw: bytes) -> None:
    alter(facts_file(home), "UPDATE blocks SET block = ? WHERE number = ?", [raw, number])


def test_a_home_as_lived_in_holds(home: Path, capsys: Captured) -> None:
    status, report = audited(home, capsys)
    assert status == 0, report
    assert all(each["ok"] for each in report["findings"])
    assert any("2 transactions ran again without their private terms" in each for each in report["assumed"])
    assert any("no block after" in each for each in report["assumed"])


def test_an_audit_leaves_a_home_at_rest_as_it_was(home: Path, capsys: Captured) -> None:
    def content() -> dict[str, bytes]:
        return {str(file.relative_to(home)): file.read_bytes() for file in home.rglob("*") if file.is_file()}

    before = content()
    assert audited(home, capsys)[0] == 0
    assert content() == before


def test_a_ledger_that_a_node_has_open_is_audited_with_what_stands_in_its_log(home: Path, capsys: Captured) -> None:
    consortium, before = Consortium.load(home), newest(home)
    facts = LocalFacts(home, consortium, open_endorsers(home, consortium), SystemClock())
    slot = f"{consortium.organisation('warehouse').uscc}/OPEN"
    asyncio.run(bind(facts, open_seat(home, "warehouse")).submit("register_slot", {"slot_id": slot}))
    status, report = audited(home, capsys)
    facts.close()
    assert status == 0
    assert any(each["detail"].startswith(f"{before + 2} blocks") for each in report["findings"])


def test_the_history_has_a_transaction_of_every_code(home: Path) -> None:
    views = [view for number in range(1, newest(home) + 1) for view in parse_block(block(home, number)).transactions]
    assert {view.validation_code for view in views} == {VALID, *INVALID}


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE state SET value = CAST('{}' AS BLOB) WHERE key = 'receipt/receipt-1'", "'receipt/receipt-1': value"),
        ("UPDATE state SET policy = NULL WHERE key = 'receipt/receipt-1'", "'receipt/receipt-1': policy"),
        ("UPDATE state SET block = 0 WHERE key = 'receipt/receipt-1'", "'receipt/receipt-1': block"),
        ("INSERT INTO state VALUES ('more', x'7b7d', NULL, 1, 0)", "state 'more' is in the file"),
        ("DELETE FROM state WHERE key = 'pledge/pledge-1'", "'pledge/pledge-1' follows from the blocks"),
        ("DELETE FROM history WHERE key = 'slot/' || substr(key, 6) AND key LIKE '%BIN-16'", "history 'slot/"),
        ("UPDATE transactions SET code = 0 WHERE code = 10", "code in the file"),
        ("UPDATE private_hashes SET value_hash = x'00' WHERE collection LIKE '%Bank%'", "private_hashes"),
        (
            "UPDATE blocks SET header_hash = x'00' WHERE number = 2",
            "block 2 is filed as number 2 or under",
        ),
        ("DELETE FROM blocks WHERE number = 3", "block 3 does not follow the block before it"),
        ("UPDATE blocks SET block = x'ff' WHERE number = 2", "block 2 cannot be replayed"),
    ],
)
def test_a_changed_row_is_named(home: Path, capsys: Captured, sql: str, finding: str) -> None:
    alter(facts_file(home), sql)
    found = failures(home, capsys)
    assert any(finding in each for each in found), found


def test_any_changed_byte_of_a_block_is_found(home: Path, capsys: Captured) -> None:
    raw = block(home, 4)
    for at in range(0, len(raw), len(raw) // 5):
        changed = bytearray(raw)
        changed[at] ^= 1
        put_block(home, 4, bytes(changed))
        found = failures(home, capsys)
        assert any("block 4" in each for each in found), (at, found)


@pytest.mark.parametrize("code", INVALID)
def test_an_invalid_transaction_marked_valid_is_found(home: Path, capsys: Captured, code: int) -> None:
    blocks = {parse_block(block(home, n)).transactions[0].validation_code: n for n in range(1, newest(home) + 1)}
    number = blocks[code]
    put_block(home, number, _marked(block(home, number), code, VALID))
    expected = f"facts: validation codes: block {number} transaction 0 is marked VALID, decided again"
    assert any(each.startswith(expected) for each in failures(home, capsys))


def test_a_valid_transaction_marked_invalid_is_found(home: Path, capsys: Captured) -> None:
    put_block(home, 4, _marked(block(home, 4), VALID, MVCC_READ_CONFLICT))
    expected = "block 4 transaction 0 is marked MVCC_READ_CONFLICT, decided again it is VALID"
    assert any(expected in each for each in failures(home, capsys))


def test_swapped_blocks_are_found(home: Path, capsys: Captured) -> None:
    third, fourth = block(home, 3), block(home, 4)
    put_block(home, 3, fourth)
    put_block(home, 4, third)
    found = failures(home, capsys)
    assert "facts: blocks: block 3 says that it is block 4" in found
    assert "facts: blocks: block 4 does not follow the block before it" in found


def test_cutting_off_the_newest_blocks_leaves_a_state_that_does_not_follow(home: Path, capsys: Captured) -> None:
    """The blocks alone do not show it: the report says so, and gives height and hash to compare."""
    alter(facts_file(home), "DELETE FROM blocks WHERE number = ?", [newest(home)])
    status, report = audited(home, capsys)
    checks = {each["check"]: each["ok"] for each in report["findings"]}
    assert checks["facts: blocks"]
    assert f"facts: no block after {newest(home)} was cut off; compare with another copy" in report["assumed"]
    assert status == 0  # the newest block only held a forged envelope, which leaves nothing in the state


def test_a_forged_envelope_in_a_block_that_the_orderer_signed_is_found(home: Path, capsys: Captured) -> None:
    """Somebody with the orderer's key changes an argument in the newest valid block and signs the block again."""
    number = 4
    envelopes = [_changed(each) for each in parse_block(block(home, number)).envelopes]
    put_block(home, number, _signed(home, number, envelopes, [VALID]))
    found = failures(home, capsys)
    marked = f"facts: validation codes: block {number} transaction 0 is marked VALID"
    assert f"{marked}, decided again it is BAD_CREATOR_SIGNATURE" in found


def test_endorsers_that_agree_on_what_the_chaincode_would_not_do_are_found(home: Path, capsys: Captured) -> None:
    """All keys of the consortium together: only running it again shows it."""

    def greedy(stub: Stub, args: Sequence[bytes]) -> Response:
        response = contract.invoke(stub, args)
        stub.put("receipt/receipt-1", b"{}")
        return response

    _submit(home, greedy)
    found = failures(home, capsys)
    assert any("register_slot: it writes 'receipt/receipt-1', which the chaincode does not" in each for each in found)
    assert not any("validation codes" in each or "facts: state" in each for each in found), found


def test_endorsers_that_let_a_stranger_to_the_function_through_are_found(home: Path, capsys: Captured) -> None:
    def lenient(stub: Stub, args: Sequence[bytes]) -> Response:
        stub.put(f"slot/{json.loads(args[1])['slot_id']}", b"{}")
        return Response(200, "", b"{}")

    _submit(home, lenient, org="bank")
    assert any("the chaincode answers 403" in each for each in failures(home, capsys))


def test_another_consortiums_trust_file_does_not_fit(home: Path, tmp_path: Path, capsys: Captured) -> None:
    other = tmp_path / "other"
    create_home(other, write_consortium(other, start_ms=SCENARIO_START_MS))
    found = failures(home, capsys, other / "trust.json")
    assert any("facts: genesis: block 0 names the consortium" in each for each in found)
    assert any("block 1: is signed by 0 of 1 known orderers" in each for each in found)
    assert any("is marked VALID, decided again it is BAD_CREATOR_SIGNATURE" in each for each in found)


def test_an_altered_root_certificate_makes_its_members_strangers(home: Path, tmp_path: Path, capsys: Captured) -> None:
    other = tmp_path / "other"
    create_home(other, write_consortium(other, start_ms=SCENARIO_START_MS))
    trust, theirs = (json.loads((each / "trust.json").read_text()) for each in (home, other))
    for organisation in trust["organisations"]:
        if organisation["name"] == "warehouse":
            organisation["certificates"] = [
                each["certificates"][0] for each in theirs["organisations"] if each["name"] == "warehouse"
            ]
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    found = failures(home, capsys, tmp_path / "trust.json")
    assert any("decided again it is BAD_CREATOR_SIGNATURE" in each for each in found)


def test_an_altered_certificate_in_a_block_is_found(home: Path, capsys: Captured) -> None:
    raw = block(home, 4)
    at = raw.index(b"-----BEGIN CERTIFICATE-----") + 200
    put_block(home, 4, raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :])
    found = failures(home, capsys)
    assert any("block 4: the block's data hash is not that of its transactions" in each for each in found)


@pytest.mark.parametrize(
    ("name", "value"), [("clock", {"kind": "scenario", "start_ms": 1, "factor": 1}), ("consortium_id", "ab" * 32)]
)
def test_a_trust_file_with_another_clock_or_consortium_is_found(
    home: Path, tmp_path: Path, capsys: Captured, name: str, value: object
) -> None:
    trust = json.loads((home / "trust.json").read_text()) | {name: value}
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    found = failures(home, capsys, tmp_path / "trust.json")
    assert any(each.startswith("facts: genesis: block 0 names the") for each in found)
    assert any("facts: members: the consortium on the ledger" in each for each in found)
    assert any(each.startswith("e1: ") for each in found)


def test_a_table_that_only_looks_like_ours_is_found(home: Path, capsys: Captured) -> None:
    _script(facts_file(home), "ALTER TABLE state RENAME TO was; CREATE VIEW state AS SELECT * FROM was;")
    assert "facts: file: the file's table state is not the one this program makes" in failures(home, capsys)


def _script(file: Path, sql: str) -> None:
    connection = sqlite3.connect(file)
    connection.executescript(sql)
    connection.close()


def _marked(raw: bytes, code: int, wanted: int) -> bytes:
    """The block with another validation code; its filter of one code follows the signatures' metadata."""
    at = raw.rindex(b"\x0a\x01" + bytes([code]))
    return raw[: at + 2] + bytes([wanted]) + raw[at + 3 :]


def _changed(envelope: bytes) -> bytes:
    at = envelope.index(b'"', envelope.index(b'{"'))
    text = envelope.index(b"scale", at) if b"scale" in envelope[at:] else envelope.rindex(b"receipt-1")
    return envelope[:text] + bytes([envelope[text] ^ 1]) + envelope[text + 1 :]


def _signed(home: Path, number: int, envelopes: Sequence[bytes], codes: Sequence[int]) -> bytes:
    consortium = Consortium.load(home)
    orderer = open_orderer(home, consortium.organisation(consortium.facts.orderer))
    header = block_header(number, parse_block(block(home, number)).previous_hash, envelopes)
    return assemble_block(
        header, envelopes, orderer=orderer.identity, nonce=secrets.token_bytes(NONCE_BYTES), sign=orderer.sign,
        validation_codes=codes,
    )  # fmt: skip


def _submit(home: Path, invoke: Invoke, org: str = "warehouse") -> None:
    """Register a slot with endorsers that all run an altered chaincode."""
    consortium = Consortium.load(home)
    endorsers = [open_endorser(home, consortium, each.name, invoke) for each in consortium.endorsers]
    facts = LocalFacts(home, consortium, endorsers, SystemClock())
    slot = f"{consortium.organisation('warehouse').uscc}/GREED"
    asyncio.run(bind(facts, open_seat(home, org)).submit("register_slot", {"slot_id": slot}))
    facts.close()
