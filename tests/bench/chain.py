"""The embedded chain beside anvil: the same contract, the same calls, the same client, one after the other.

Anvil keeps its state in memory and loses acknowledged transactions with it; ours writes each block through to the disk.
"""

import asyncio
import shutil
import socket
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
from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import open_node
from network.obligations.jsonrpc.abi import ContractAbi
from network.obligations.jsonrpc.chain import Contract, Web3Chain
from network.obligations.jsonrpc.requests import Endpoint
from oracle.sources.broker import LOOPBACK, free_port
from tests.bench.rows import LeftOut, Row, Show, milliseconds
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.ids import keccak256

CHAIN_ID = 7001
TRANSACTIONS = 200
CALLS = 300
POLL_S = 0.001
ANVIL = Path(__file__).parents[2] / "contracts/node_modules/.bin/anvil"
ANVIL_START_S = 20.0
ANVIL_ANSWER_S = 10.0
ANVIL_END_S = 5.0


def measure(show: Show) -> list[Row]:
    with _anvil() as anvil, tempfile.TemporaryDirectory() as folder:
        node = open_node(Path(folder) / "chain.db", CHAIN_ID, SystemClock(), EvmKey.generate())
        show("the embedded chain")
        ours = asyncio.run(_run(cast(Endpoint, EmbeddedEndpoint(node))))
        node.close()
        show("anvil")
        theirs = asyncio.run(_run(anvil))
    return [
        _row("embedded chain, transactions", ours[0], theirs[0], "fsync per block; anvil: none", "DepositToken.mint"),
        _row("embedded chain, calls", ours[1], theirs[1], "none needed: a read", "DepositToken.balanceOf"),
    ]


def _row(measured: str, ours: list[float], theirs: list[float], durability: str, function: str) -> Row:
    payload = f"{function}, one after the other"
    return Row(measured, _told(ours), f"anvil: {_told(theirs)}", durability, "1; anvil: 2, over HTTP", payload)


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
    """Anvil writes a line for every request; into a pipe that nobody reads it would stop at the 64th kilobyte."""
    port = free_port()
    arguments = ["--silent", "--host", LOOPBACK, "--port", str(port), "--chain-id", str(CHAIN_ID)]
    free = ["--base-fee", "0", "--gas-price", "0", "--no-priority-fee"]
    process = subprocess.Popen(
        [_program(), *arguments, *free], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(process, port)
        yield cast(Endpoint, HTTPProvider(f"http://{LOOPBACK}:{port}", request_kwargs={"timeout": ANVIL_ANSWER_S}))
    finally:
        process.kill()
        process.wait(ANVIL_END_S)


def _program() -> str:
    found = shutil.which("anvil") or shutil.which(str(ANVIL))
    if found is None:
        raise LeftOut("anvil", "make contracts/node_modules/ready")
    return found


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + ANVIL_START_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"anvil did not start (exit status {process.poll()})")
