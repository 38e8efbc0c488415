"""The engine and its journal: what must hold on every Python that we support."""

import sqlite3

import pytest

from network.obligations.embedded import machine as evm
from network.obligations.embedded import specification
from network.obligations.embedded import state as evm_state
from network.obligations.embedded.state import AccountRecord, StateStore, WorldState
from network.obligations.embedded.types import BlockContext, Message, OutOfTime, TransactionRefused
from network.obligations.jsonrpc.signing import Unsigned
from tests.network.evm_counter import ANNA, BERT, BYTECODE, CHAIN_ID
from wuxin_evidence.crypto.secp256k1 import ORDER
from wuxin_evidence.encoding.rlp import decode_list, encode, int_bytes
from wuxin_evidence.evm.trie import ordered_root
from wuxin_evidence.ids import keccak256

CONTEXT = BlockContext(CHAIN_ID, 1, 1_641_114_000, bytes(20), 60_000_000, lambda number: bytes([number]) * 32)


@pytest.fixture
def store():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(evm_state.SCHEMA)
    opened = StateStore(connection)
    opened.trust(b"head")
    yield opened
    connection.close()


@pytest.fixture
def world(store):
    return WorldState(store)


def transfer(nonce=0, value=5, key=ANNA, chain_id=CHAIN_ID, to=BERT.address, gas=21_000):
    fields = [int_bytes(nonce), b"", int_bytes(gas), to, int_bytes(value), b""]
    signature = key.sign_digest(keccak256(encode([*fields, int_bytes(chain_id), b"", b""])))
    parts = [int_bytes(int.from_bytes(signature[at : at + 32], "big")) for at in (0, 32)]
    return encode([*fields, int_bytes(signature[64] + 8 + 2 * chain_id), *parts])


def test_a_transfer_moves_the_amount_and_costs_no_fee(world):
    world.set_account(ANNA.address, AccountRecord(balance=12))
    run = evm.BlockRun(CONTEXT, world)
    executed = run.apply(evm.decode_transaction(transfer(), CHAIN_ID))
    assert executed.succeeded
    assert executed.gas_used == 21_000
    assert world.account(ANNA.address) == AccountRecord(nonce=1, balance=7)
    assert world.account(BERT.address) == AccountRecord(balance=5)


def test_ecrecover_names_the_signer(world):
    digest = keccak256(b"copper")
    signature = ANNA.sign_digest(digest)
    data = digest + signature[64].to_bytes(32, "big") + signature[:64]
    outcome = evm.call(CONTEXT, world, Message(bytes(20), bytes(19) + b"\x01", data))
    assert outcome.output == bytes(12) + ANNA.address


def test_roots_agree_with_those_of_the_verifier(world):
    world.set_account(ANNA.address, AccountRecord(balance=1_000))
    run = evm.BlockRun(CONTEXT, world)
    raws = [transfer(nonce, value=1) for nonce in range(20)]
    executed = [run.apply(evm.decode_transaction(raw, CHAIN_ID)) for raw in raws]
    assert run.transactions_root == ordered_root(raws)
    assert run.receipts_root == ordered_root([each.receipt for each in executed])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (transfer(nonce=1), "nonce too high: the next nonce of"),
        (transfer(value=13), "insufficient sender balance"),
        (transfer(gas=20_000), "Insufficient gas"),
        (transfer(gas=17_000_000), "exceeds 16777216"),
    ],
)
def test_a_transaction_that_cannot_run_is_refused_and_changes_nothing(world, raw, reason):
    world.set_account(ANNA.address, AccountRecord(balance=12))
    run = evm.BlockRun(CONTEXT, world)
    with pytest.raises(TransactionRefused, match=reason):
        run.apply(evm.decode_transaction(raw, CHAIN_ID))
    assert world.account(ANNA.address) == AccountRecord(balance=12)
    assert run.executed == []
    assert run.transactions_root == ordered_root([])


def high_s(raw):
    fields = list(decode_list(raw))
    flipped = ORDER - int.from_bytes(fields[8], "big")
    v = int.from_bytes(fields[6], "big")
    other = v + 1 if v % 2 else v - 1
    return encode([*fields[:6], int_bytes(other), fields[7], int_bytes(flipped)])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (transfer(chain_id=1), "chain id 1, this chain is 7001"),
        (high_s(transfer()), "invalid sender"),
        (b"\x03" + transfer(), "type 3 is not taken"),
        (b"\x04" + transfer(), "type 4 is not taken"),
        (transfer() + b"\x00", "not valid RLP"),
        (transfer()[:-1], "not valid RLP"),
        (b"\x02" + transfer(), "not valid RLP"),
        (b"\xc1" * 100_000, "not valid RLP"),
    ],
)
def test_what_is_no_transaction_of_this_chain_is_refused_unread(raw, reason):
    with pytest.raises(TransactionRefused, match=reason):
        evm.decode_transaction(raw, CHAIN_ID)


def test_a_reverted_creation_leaves_no_account(world):
    raw, _ = Unsigned(CHAIN_ID, 0, 1_000_000, None, bytes.fromhex("60006000fd")).signed(ANNA)
    executed = evm.BlockRun(CONTEXT, world).apply(evm.decode_transaction(raw, CHAIN_ID))
    assert not executed.succeeded
    assert world.account(evm.contract_address(ANNA.address, 0)) is None
    assert world.account(ANNA.address) == AccountRecord(nonce=1)


def test_undoing_restores_slots_accounts_and_originals(world):
    world.open()
    world.set_slot(b"a" * 20, b"k" * 32, 1)
    world.open()
    world.set_slot(b"a" * 20, b"k" * 32, 2)
    world.set_account(b"a" * 20, AccountRecord(nonce=3))
    assert world.original(b"a" * 20, b"k" * 32) == 0
    world.undo()
    assert world.slot(b"a" * 20, b"k" * 32) == 1
    assert world.account(b"a" * 20) is None
    world.keep()
    world.open()
    world.set_slot(b"a" * 20, b"k" * 32, 9)
    assert world.original(b"a" * 20, b"k" * 32) == 1


def test_wiping_an_account_removes_stored_slots_too(store):
    first = WorldState(store)
    first.set_slot(b"a" * 20, b"k" * 32, 7)
    store.write(first)
    store.remember(first, b"head")
    second = WorldState(store)
    second.open()
    second.wipe_slots(b"a" * 20)
    assert second.slot(b"a" * 20, b"k" * 32) == 0
    second.undo()
    assert second.slot(b"a" * 20, b"k" * 32) == 7
    second.wipe_slots(b"a" * 20)
    second.set_slot(b"a" * 20, b"m" * 32, 8)
    store.write(second)
    store.remember(second, b"next")
    store.trust(None)
    assert store.slot(b"a" * 20, b"k" * 32) == 0
    assert store.slot(b"a" * 20, b"m" * 32) == 8


def test_a_cache_of_another_head_is_not_believed(store):
    written = WorldState(store)
    written.set_slot(b"a" * 20, b"k" * 32, 7)
    store.write(written)
    store.remember(written, b"head")
    assert store.slot(b"a" * 20, b"k" * 32) == 7
    other = WorldState(store)
    other.set_slot(b"a" * 20, b"k" * 32, 8)
    store.write(other)
    store.trust(b"another head")
    assert store.slot(b"a" * 20, b"k" * 32) == 8


def test_what_runs_too_long_is_ended_and_leaves_nothing(world, monkeypatch):
    monkeypatch.setattr(specification, "RUN_S_MAX", 0.05)
    loop = AccountRecord(nonce=1, code=bytes.fromhex("6001600055" + "5b600556"))
    world.set_account(b"l" * 20, loop)
    assert evm.call(CONTEXT, WorldState(world._store), Message(ANNA.address, b"l" * 20, b"")).error == ""
    assert evm.call(CONTEXT, world, Message(ANNA.address, b"l" * 20, b"")).error == "OutOfTime"
    world.undo_all()
    run = evm.BlockRun(CONTEXT, world)
    raw, _ = Unsigned(CHAIN_ID, 0, 10_000_000, b"l" * 20, b"").signed(ANNA)
    with pytest.raises(OutOfTime):
        run.apply(evm.decode_transaction(raw, CHAIN_ID))
    assert world.slot(b"l" * 20, bytes(32)) == 0
    assert world.account(ANNA.address) is None
    assert run.executed == []


@pytest.mark.parametrize("number", [6, 7, 8, 9, 10, 11, 17])
def test_precompiles_that_python_runs_too_slowly_fail_when_called(world, number):
    outcome = evm.call(CONTEXT, world, Message(bytes(20), number.to_bytes(20, "big"), bytes(192), gas=1_000_000))
    assert outcome.error == "OutOfGasError"


def test_creation_runs_the_constructor(world):
    raw, _ = Unsigned(CHAIN_ID, 0, 5_000_000, None, BYTECODE + (77).to_bytes(32, "big")).signed(ANNA)
    executed = evm.BlockRun(CONTEXT, world).apply(evm.decode_transaction(raw, CHAIN_ID))
    limit = keccak256(b"limit()")[:4]
    outcome = evm.call(CONTEXT, world, Message(ANNA.address, executed.contract, limit))
    assert int.from_bytes(outcome.output, "big") == 77
