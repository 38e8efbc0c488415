"""The embedded chain beside anvil: the same contract, the same calls, the same client, one after the other.

Anvil keeps its state in memory and loses acknowledged transactions with it; ours writes each block through to the disk.
"""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from web3 import HTTPProvider

from contracts.loader import BANK, RESTRICTED, load_artifact
from network.clock import SystemClock
from network.evm.abi import ContractAbi
from network.evm.chain import Contract, Web3Chain
from network.evm.requests import Endpoint
from network.local.evm_methods import EmbeddedEndpoint
from network.local.evm_node import open_node
from tests.bench.rows import Row, milliseconds
from wuxin_evidence.ids import keccak256
from wuxin_evidence.secp256k1 import EvmKey

CHAIN_ID = 7001
TRANSACTIONS = 200
CALLS = 300
POLL_S = 0.001
ANVIL = Path("contracts/node_modules/.bin/anvil")
ANVIL_START_S = 20.0


def measure() -> list[Row]:
    with _anvil() as anvil, tempfile.TemporaryDirectory() as folder:
        node = open_node(Path(folder) / "chain.db", CHAIN_ID, SystemClock(), EvmKey.generate())
        ours = asyncio.run(_run(cast(Endpoint, EmbeddedEndpoint(node))))
        node.close()
        theirs = asyncio.run(_run(anvil))
    payload = "DepositToken.mint, one after the other"
    return [
        Row("embedded chain, transactions", _told(ours[0]), f"anvil: {_told(theirs[0])}", "fsync per block; anvil: none",
            "1; anvil: 2, over HTTP", payload),
        Row("embedded chain, calls", _told(ours[1]), f"anvil: {_told(theirs[1])}", "none needed", "1; anvil: 2, over HTTP",
            "DepositToken.balanceOf"),
    ]  # fmt: skip


def _told(samples_s: list[float]) -> str:
    return f"{len(samples_s) / sum(samples_s):.0f}/s, {milliseconds(samples_s)}"


async def _run(endpoint: Endpoint) -> tuple[list[float], list[float]]:
    """Seconds of each transaction and of each call."""
    key = EvmKey.generate()
    chain = await _deployed(endpoint, key)
    sent, asked = [], []
    for number in range(TRANSACTIONS):
        started = time.perf_counter()
        result = await chain.transact("DepositToken", "mint", [number.to_bytes(32, "big"), key.address, 1])
        sent.append(time.perf_counter() - started)
        if result.status != 1:
            raise RuntimeError(f"mint failed: {result.code} {result.detail}")
    for _ in range(CALLS):
        started = time.perf_counter()
        balance = await chain.call("DepositToken", "balanceOf", [key.address])
        asked.append(time.perf_counter() - started)
        if balance != TRANSACTIONS:
            raise RuntimeError(f"the balance is {balance}")
    return sent, asked


async def _deployed(endpoint: Endpoint, key: EvmKey) -> Web3Chain:
    """A deposit token whose bank is `key`."""
    names = ("AccessManager", "DepositToken")
    abis = {name: ContractAbi(load_artifact(name).abi) for name in names}
    bare = Web3Chain("bench", endpoint, CHAIN_ID, (), key, poll_s=POLL_S)
    manager = await bare.create(load_artifact("AccessManager").bytecode, abis["AccessManager"], [key.address])
    token = await bare.create(load_artifact("DepositToken").bytecode, abis["DepositToken"], [manager, "Bench", "B"])
    contracts = [Contract(name, address, abis[name]) for name, address in zip(names, (manager, token), strict=True)]
    chain = Web3Chain("bench", endpoint, CHAIN_ID, contracts, key, poll_s=POLL_S)
    selectors = [abis["DepositToken"].selector(function) for function in RESTRICTED["DepositToken", BANK]]
    await chain.transact("AccessManager", "setTargetFunctionRole", [token, selectors, BANK])
    await chain.transact("AccessManager", "grantRole", [BANK, key.address, 0])
    await chain.transact("DepositToken", "list", [keccak256(b"list"), key.address, True])
    return chain


@contextmanager
def _anvil() -> Iterator[Endpoint]:
    program = shutil.which("anvil") or str(ANVIL.resolve())
    arguments = ["--port", "0", "--chain-id", str(CHAIN_ID), "--base-fee", "0", "--gas-price", "0", "--no-priority-fee"]
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield cast(Endpoint, HTTPProvider(f"http://{_listening(process)}"))
    finally:
        process.terminate()
        process.wait()


def _listening(process: "subprocess.Popen[str]") -> str:
    """Anvil's address, which it prints once it answers."""
    until = time.monotonic() + ANVIL_START_S
    for line in process.stdout or ():
        if line.startswith("Listening on "):
            return line.removeprefix("Listening on ").strip()
        if time.monotonic() > until:
            break
    raise RuntimeError("anvil did not start")
