"""Every function of both ledgers called by keys that belong to nobody here: refused by name, and nothing moves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaincode.contract import FUNCTIONS
from contracts.loader import DEPLOY_ORDER, load_artifact
from network.facts.embedded.ledger import open_ledger
from network.membership.seats import create_home, open_seat
from network.obligations.embedded.circle import EmbeddedChain
from network.obligations.jsonrpc.deployment import Deployment
from network.ports import Rejected
from node.demo.founding import found, write_consortium
from node.demo.timeline import SCENARIO_START_MS
from tests.node.conftest import Running, running
from tests.node.story import FACILITY, Story
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.ids import facility_key

OPEN_TO_ALL = {
    "repay": "anyone may pay",
    "accrue": "books what is owed",
    "submit": "authority is in the signatures",
    "approve": "an account's own allowance",
}
THEIR_OWN = {"AccessManager"}
"""OpenZeppelin's, with its own tests; who holds its roles is tested in tests/network."""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Running]:
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    async with running(home) as node:
        await Story(node).lend()
        yield node


async def standing(node: Running) -> Any:
    chain, key = node.node.seats["bank"].chain, facility_key(FACILITY)
    return [await chain.call("CreditFacility", view, [key]) for view in ("facility", "position", "reasons")] + [
        await chain.call("OracleCommittee", "latestEpoch", []),
        await chain.call("DepositToken", "totalSupply", []),
    ]


async def test_no_contract_does_anything_for_a_stranger(node: Running) -> None:
    own = node.node.seats["bank"]
    deployment = Deployment.load(node.home, "e1")
    assert deployment is not None
    circle = node.node.consortium.circle("e1")
    inside = own.chain.node  # pyright: ignore[reportAttributeAccessIssue] -- the embedded one
    stranger = EmbeddedChain(circle, inside, deployment, EvmKey.generate(), owns=False)
    before, tried = await standing(node), 0
    for contract in DEPLOY_ORDER:
        if contract in THEIR_OWN:
            continue
        for function in writes(contract):
            if function["name"] in OPEN_TO_ALL:
                continue
            result = await stranger.transact(contract, function["name"], [blank(each) for each in function["inputs"]])
            assert result.status == 0, f"{contract}.{function['name']} did something for a stranger"
            assert result.code in {"forbidden", "insufficient_funds"}, (contract, function["name"], result)
            tried += 1
    assert tried >= 25
    assert await standing(node) == before


def writes(contract: str) -> list[dict[str, Any]]:
    return [
        each
        for each in load_artifact(contract).abi
        if each["type"] == "function" and each["stateMutability"] not in ("view", "pure")
    ]


def blank(parameter: Any) -> Any:
    """A harmless value of the ABI type; a facility is the one that exists."""
    kind = parameter["type"]
    if kind.endswith("]"):
        return []
    if kind == "tuple":
        return {each["name"]: blank(each) for each in parameter["components"]}
    if kind == "bytes32":
        return facility_key(FACILITY) if parameter["name"] == "facilityId" else b"\x01" * 32
    if kind == "address":
        return b"\x01" * 20
    if kind == "bool":
        return True
    return {"bytes": b"", "string": ""}.get(kind, 1)


async def test_a_certificate_of_another_consortium_is_heard_by_no_endorser(node: Running, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    await asyncio.to_thread(create_home, elsewhere, write_consortium(elsewhere, start_ms=SCENARIO_START_MS))
    inside = node.node
    height = await inside.seats["bank"].ledger.height()
    for organisation in ("bank", "warehouse"):
        seat = open_seat(elsewhere, organisation)
        ledger = open_ledger(node.home, inside.consortium, seat, inside.clock)
        for name, function in FUNCTIONS.items():
            ask = ledger.submit if function.submitting else ledger.evaluate
            with pytest.raises(Rejected) as refused:
                await ask(name, {})
            assert refused.value.code == "forbidden", name
        await ledger.aclose()
    assert await inside.seats["bank"].ledger.height() == height
