"""What was acknowledged stays, what was not acknowledged left nothing, whoever else writes the same file."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import EvmNode, NodeUnavailable
from network.obligations.jsonrpc.signing import Unsigned
from network.ports import Unavailable
from tests.network.evm_counter import ANNA, BERT, CHAIN_ID, chain_over, counter_node, deployed_counter
from wuxin_evidence.evm.proof import decode_header, decode_receipt
from wuxin_evidence.evm.trie import ordered_root

ROOT = Path(__file__).parents[2]


def sender(directory: Path, key, address: bytes, count: int, *more: str) -> subprocess.Popen[str]:
    arguments = [str(directory), key.private_bytes.hex(), address.hex(), str(count), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.network.evm_sender", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'client_sdk'}", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )


def check_whole_chain(node: EvmNode) -> set[str]:
    """Every block hangs on its parent and holds what its roots say; gives the hashes of all transactions."""
    hashes: set[str] = set()
    parent = bytes(32)
    for number in range(node.height() + 1):
        block = node.block(number)
        assert block is not None
        header = decode_header(block.header)
        assert (header.number, header.parent_hash, header.hash()) == (number, parent, block.hash)
        stored = node.transactions(number)
        assert header.transactions_root == ordered_root([each.raw for each in stored])
        assert header.receipts_root == ordered_root([each.receipt for each in stored])
        assert header.gas_used == sum(each.gas_used for each in stored)
        hashes |= {"0x" + each.hash.hex() for each in stored}
        parent = block.hash
    return hashes


def succeeded(node: EvmNode) -> int:
    stored = [each for number in range(2, node.height() + 1) for each in node.transactions(number)]
    return sum(decode_receipt(each.receipt).status for each in stored)


async def counter_address(directory: Path) -> bytes:
    node = counter_node(directory)
    chain = await deployed_counter(node)
    node.close()
    return chain._contracts["Counter"].address


async def total(node: EvmNode, address: bytes) -> int:
    return await chain_over(EmbeddedEndpoint(node), address).call("Counter", "total", [])


async def test_kill_9_while_writing_loses_no_acknowledged_transaction(tmp_path):
    address = await counter_address(tmp_path)
    acknowledged: set[str] = set()
    for acknowledgements in (3, 17):
        process = sender(tmp_path, ANNA, address, 100_000)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        acknowledged |= {process.stdout.readline().strip() for _ in range(acknowledgements)}
        process.kill()
        acknowledged |= {line.strip() for line in process.stdout if line.endswith("\n")}
        process.wait()
    node = counter_node(tmp_path)
    mined = check_whole_chain(node)
    assert acknowledged <= mined
    assert await total(node, address) == succeeded(node) >= len(acknowledged)
    node.close()


async def test_two_processes_and_this_one_write_at_once_and_nothing_is_lost(tmp_path):
    address = await counter_address(tmp_path)
    others = [sender(tmp_path, key, address, 40) for key in (ANNA, BERT)]
    node = counter_node(tmp_path)
    chain = chain_over(EmbeddedEndpoint(node), address, ANNA)
    for each in others:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    own = {(await chain.transact("Counter", "add", [2])).tx_hash for _ in range(20)}
    lines = {line.strip() for each in others if each.stdout is not None for line in each.stdout}
    assert [each.wait() for each in others] == [0, 0]
    assert len(lines | own) == 100
    assert lines | own <= check_whole_chain(node)
    assert await total(node, address) == 120
    node.close()


async def test_a_full_disk_acknowledges_nothing_and_the_chain_goes_on_afterwards(tmp_path):
    address = await counter_address(tmp_path)
    size = (tmp_path / "obligations-e1.db").stat().st_size
    process = sender(tmp_path, ANNA, address, 30, str(size + 60_000))
    lines = process.communicate(timeout=120)[0].split()
    acknowledged = {line for line in lines if line.startswith("0x")}
    assert "refused" in lines and process.returncode == 0
    node = counter_node(tmp_path)
    assert acknowledged <= check_whole_chain(node)
    before = await total(node, address)
    assert before == succeeded(node)
    chain = chain_over(EmbeddedEndpoint(node), address, ANNA)
    assert (await chain.transact("Counter", "add", [1])).status == 1
    assert await total(node, address) == before + 1
    node.close()


class FailingCommit:
    """A connection whose n-th COMMIT fails, before or after it was applied."""

    def __init__(self, connection: sqlite3.Connection, nth: int, *, applied: bool) -> None:
        self._connection = connection
        self._left = nth
        self._applied = applied

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str):
        if sql == "COMMIT":
            self._left -= 1
            if self._left == 0:
                if self._applied:
                    self._connection.execute(sql)
                raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(sql)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_fault_at_the_nth_commit_is_not_acknowledged_and_costs_nothing(tmp_path, nth, applied):
    address = await counter_address(tmp_path)
    node = counter_node(tmp_path)
    add = chain_over(EmbeddedEndpoint(node), address)._contracts["Counter"].abi.encode_call("add", [1])
    raws = [Unsigned(CHAIN_ID, nonce, 100_000, address, add).signed(BERT) for nonce in range(4)]
    node._writing = FailingCommit(node._writing, nth, applied=applied)
    outcomes: list[str] = []
    for raw, _ in raws[:nth]:
        try:
            node.send(raw)
            outcomes.append("acknowledged")
        except NodeUnavailable:
            outcomes.append("unavailable")
    assert outcomes == ["acknowledged"] * (nth - 1) + ["unavailable"]
    assert (node.transaction(raws[nth - 1][1]) is not None) == applied
    for raw, tx_hash in raws:
        assert node.send(raw) == tx_hash
    assert len(check_whole_chain(node)) == 5
    assert await total(node, address) == 4
    node.close()


async def test_a_fault_in_a_shared_block_reaches_every_waiter(tmp_path):
    node = counter_node(tmp_path)
    node._writing = FailingCommit(node._writing, 1, applied=False)
    with pytest.raises(Unavailable):
        await deployed_counter(node)
    assert node.height() == 0
    chain = await deployed_counter(node)
    assert await chain.call("Counter", "total", []) == 0
    node.close()
