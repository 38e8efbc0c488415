"""fabric-sdk-py, unchanged and in an environment of its own, as a client of our chaincode on the BFT network.

It gives a transaction to one orderer, once. The session invokes again where that one was not heard of any more; the
tests make it so, at a gate before the orderer, and look at what the ledger has afterwards.
"""

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from network.membership.connections import Connections
from node.machine.network import write_profile
from tests.engines import FABRIC, Ledgers, on
from tests.network.fabric import hfc_environment

SESSION = Path(__file__).with_name("hfc_session.py")
SESSION_TIMEOUT_S = 150
"""Half a minute, and more where transactions are lost."""

ENVELOPE_BYTES = 4_000
"""More than a client says until it sends a transaction, and less than a transaction with five endorsements has."""
UNHEARD_S = 5.0
"""Time for the transaction to become final while its sender hears nothing."""

Fault = Literal["turned away", "unheard"]


@on(FABRIC)
@pytest.mark.timeout(400)
async def test_the_stock_client_queries_invokes_and_receives_an_event(ledgers: Ledgers, tmp_path: Path) -> None:
    seen = await _session(ledgers, _profile(ledgers, tmp_path))

    if seen["lost"]:  # by the network's own doing; what is then true is true in each of the cases below
        assert _is_record(seen) or "MVCC_READ_CONFLICT" in seen["answer"] or _code(seen["answer"]) == "conflict"
    else:
        assert _is_record(seen)
    _require_rest(ledgers, seen)


@on(FABRIC)
@pytest.mark.timeout(400)
async def test_a_transaction_that_its_orderer_never_got_is_lost_and_the_next_one_counts(
    ledgers: Ledgers, tmp_path: Path
) -> None:
    async with _gate(ledgers, "turned away") as address:
        seen = await _session(ledgers, _profile(ledgers, tmp_path, address))

    assert seen["lost"] and "UNAVAILABLE" in seen["lost"][0]
    assert _is_record(seen)
    _require_rest(ledgers, seen)


@on(FABRIC)
@pytest.mark.timeout(400)
async def test_a_transaction_whose_orderer_is_not_heard_counts_and_the_next_one_is_refused(
    ledgers: Ledgers, tmp_path: Path
) -> None:
    async with _gate(ledgers, "unheard") as address:
        seen = await _session(ledgers, _profile(ledgers, tmp_path, address))

    assert seen["lost"]
    assert _code(seen["answer"]) == "conflict"
    _require_rest(ledgers, seen)


def _is_record(seen: dict[str, Any]) -> bool:
    return seen["answer"].startswith("{") and json.loads(seen["answer"]) == seen["found"]


def _code(answer: str) -> str:
    return json.loads(answer)["code"]


def _require_rest(ledgers: Ledgers, seen: dict[str, Any]) -> None:
    """What holds whether or not a transaction was lost: the slot is registered once, and its event arrived."""
    assert len(seen["peers"]) == len(ledgers.consortium.endorsers)
    assert seen["committee"]["threshold"] == ledgers.consortium.committee.threshold
    assert seen["found"]["slot_id"] == seen["slot"]
    assert [each["tx_id"] for each in seen["history"]] == [seen["event"]["tx_id"]], "registered more than once"
    assert seen["event"]["status"] == "VALID"
    assert seen["slot"] in seen["event"]["payload"]
    assert "ENDORSEMENT_POLICY_FAILURE" in seen["too_few"]
    assert _code(seen["refused"]) == "conflict"
    assert seen["event"]["tx_id"] in seen["transactions"]
    assert seen["validation_code"] == 0
    assert seen["height"] > seen["event"]["block"]


def _profile(ledgers: Ledgers, folder: Path, orderer: str | None = None) -> Path:
    """With all orderers, or with one alone that is reached at another address."""
    path = folder / "profile.json"
    write_profile(ledgers.network_home, "warehouse", path)
    if orderer is not None:
        document = json.loads(path.read_text())
        name, entry = next(iter(document["orderers"].items()))
        document["orderers"] = {name: {**entry, "url": orderer}}
        path.write_text(json.dumps(document))
    return path


async def _session(ledgers: Ledgers, path: Path) -> dict[str, Any]:
    """What the stock client saw."""
    facts, warehouse = ledgers.consortium.facts, ledgers.consortium.organisation("warehouse")
    slots = [f"{warehouse.uscc}/HFC-{secrets.token_hex(4).upper()}" for _ in range(2)]
    python = await asyncio.to_thread(hfc_environment.python)
    command = [python, SESSION, path, "warehouse", facts.channel, facts.chaincode, *slots]
    done = await asyncio.to_thread(
        subprocess.run,
        command, check=False, capture_output=True, text=True, timeout=SESSION_TIMEOUT_S, cwd=path.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "slot": slots[0]}


@asynccontextmanager
async def _gate(ledgers: Ledgers, fault: Fault) -> AsyncIterator[str]:
    """The address of a gate before the first orderer that does this to the first connection, and lets others pass."""
    connection = Connections.load(ledgers.home).facts
    assert connection is not None
    host, _, port = connection.orderers[0].address.partition(":")
    faults: list[Fault] = [fault]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = faults.pop() if faults else None
        if mine != "turned away":
            behind, ahead = await asyncio.open_connection(host, int(port))
            with suppress(OSError):
                await _pass_on((reader, ahead), (behind, writer), mine)
            ahead.close()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pass_on(there: Way, back: Way, fault: Fault | None) -> None:
    """Until one side ends; `unheard`: nothing comes back any more once the transaction is on its way, and soon both
    sides are cut off."""
    sent = asyncio.Event()
    ways = [asyncio.create_task(_copy(there, sent)), asyncio.create_task(_copy(back))]
    try:
        if fault is None:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        else:
            await sent.wait()
            ways[1].cancel()
            await asyncio.sleep(UNHEARD_S)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(way: Way, sent: asyncio.Event | None = None) -> None:
    """All that comes; `sent` is set before that which makes it more than what goes before a transaction."""
    reader, writer = way
    count = 0
    while data := await reader.read(65_536):
        count += len(data)
        if sent is not None and count > ENVELOPE_BYTES and not sent.is_set():
            sent.set()
            await asyncio.sleep(0)  # whoever waits for it comes first
        writer.write(data)
        await writer.drain()
