"""Through the stream and without it, a program reads, writes, answers and emits the same: byte for byte."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

import pytest

from chaincode import contract
from chaincode.server.calls import Program
from chaincode.world.stub import implicit_collection
from network.facts.embedded.simulator import Simulator
from tests.chaincode import peer_player
from tests.chaincode.facts_world import TERMS, World
from tests.chaincode.peer_player import BATCHES, ONE_BY_ONE, Answer, Ledger, Peer, Simulation, proposal_of
from tests.chaincode.test_facts_determinism import story
from tests.network import toy_chaincode
from wuxin_evidence.fabric import encode_rwset, parse_signed_proposal

EVALUATED = {"pages", "changes", "read", "kept", "kept_hash", "guarded_by"}
TOY = Program(toy_chaincode.invoke, lambda function: function not in EVALUATED)


class ServedWorld(World):
    """Runs every call twice over the same state, through the server and without it, and compares what each did."""

    def __init__(self, run: Any, peer: Peer) -> None:
        super().__init__()
        self.chain = Ledger()
        self.compared: set[str] = set()
        self._run = run
        self._peer = peer

    def respond(
        self, msp_id: str, raw: Sequence[bytes], transient: Mapping[str, bytes] | None = None, *, submit: bool = True
    ) -> contract.Response:
        signed = proposal_of(raw, msp_id, transient, self.now_s)
        proposal = parse_signed_proposal(signed)
        here = self.chain.simulate(proposal, for_ledger=submit)
        there = self.chain.simulate(proposal, for_ledger=submit)
        response = contract.invoke(here, raw)
        answer: Answer = self._run(self._peer.transact(signed, Simulation(there)))
        assert (answer.status, answer.message, answer.payload) == (response.status, response.message, response.payload)
        assert did(there) == did(here)
        assert answer.event == here.event
        self.compared.add(raw[0].decode())
        if submit and response.status == 200:
            self.chain.commit(proposal, here)
        return response


def did(simulator: Simulator) -> tuple[bytes, dict[str, dict[str, bytes | None]]]:
    return encode_rwset([simulator.changes()]), simulator.private_writes


@pytest.fixture
def background() -> Iterator[Any]:
    """Runs coroutines on a loop in another thread and waits for them, for tests that are not coroutines."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(peer_player.WAIT_S)

    yield run
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("abilities", [BATCHES, ONE_BY_ONE], ids=["fabric-3.1", "fabric-2.5"])
def test_the_whole_story_gives_the_same_read_write_sets_through_a_peer(background: Any, abilities: Any) -> None:
    async def play() -> tuple[Any, Any, Peer]:
        serving = peer_player.serving()
        _, address = await serving.__aenter__()
        connected = peer_player.connected(address, abilities)
        return serving, connected, await connected.__aenter__()

    async def leave(serving: Any, connected: Any) -> None:
        await connected.__aexit__(None, None, None)
        await serving.__aexit__(None, None, None)

    serving, connected, peer = background(play())
    try:
        world = ServedWorld(background, peer)
        story(world)
        read_everything(world)
        assert world.compared == set(contract.FUNCTIONS)
    finally:
        background(leave(serving, connected))


def read_everything(world: World) -> None:
    """Every evaluating function, with an answer and with a refusal."""
    assert world.call("bank", "get", kind="receipt", id="receipt-1")["status"] == "delivered"
    assert world.refused("bank", "get", kind="receipt", id="nowhere") == "not_found"
    world.call("bank", "lien_check", receipt_id="receipt-1")
    assert len(world.call("bank", "history", kind="receipt", id="receipt-1")) > peer_player.HISTORY_BATCH
    assert len(world.call("bank", "history", kind="receipt", id="receipt-1", limit=3)) == 3
    page = world.call("bank", "list", kind="member", limit=4)
    assert len(page["items"]) == 4
    assert world.call("bank", "list", kind="member", limit=200, bookmark=page["bookmark"])["bookmark"] == ""
    assert world.call("bank", "list", kind="member", limit=1, bookmark="zzz")["items"] == []
    assert world.call("bank", "list", kind="member", limit=1, bookmark="asset")["items"][0]["id"] == "bank"
    world.call("bank", "committee")
    assert world.call("bank", "terms", pledge_id="pledge-1") == json.loads(TERMS)
    raw = [b"list", b'{"kind":"member"}', b"more"]
    assert world.respond("BankMSP", raw, submit=False).status == 400


async def both(peer: Peer, ledger: Ledger, function: str, transient: Any = None, **given: Any) -> Any:
    """Run a function of the toy chaincode with the server and without, compare, commit, and return its answer."""
    args = [function.encode(), json.dumps(given).encode()]
    signed = proposal_of(args, transient=transient)
    proposal = parse_signed_proposal(signed)
    submits = TOY.is_submitting(function)
    here, there = (ledger.simulate(proposal, for_ledger=submits) for _ in range(2))
    response = toy_chaincode.invoke(here, args)
    answer = await peer.transact(signed, Simulation(there))
    assert (answer.status, answer.message, answer.payload) == (response.status, response.message, response.payload)
    assert response.status != 200 or did(there) == did(here)
    if submits and response.status == 200:
        ledger.commit(proposal, here)
    return json.loads(answer.payload or answer.message)


@pytest.mark.parametrize("abilities", [BATCHES, ONE_BY_ONE], ids=["fabric-3.1", "fabric-2.5"])
async def test_each_rule_of_the_state_is_the_same_through_a_peer(abilities: Any) -> None:
    ledger, own, others = Ledger("BankMSP"), "BankMSP", "InsurerMSP"
    async with peer_player.serving(TOY) as (_, address), peer_player.connected(address, abilities) as peer:

        async def run(function: str, transient: Any = None, **given: Any) -> Any:
            return await both(peer, ledger, function, transient, **given)

        for number in range(7):
            await run("claim", key=f"slot/{number}", value=str(number))
        assert (await run("claim", key="slot/1"))["code"] == "slot_claimed"
        assert await run("put", key="slot/1", value="again") == {"unchanged_within": True}
        await run("drop", key="slot/1")
        assert await run("read", key="slot/1") is None
        assert await run("changes", key="slot/1") == [None, "again", "1"]
        first = await run("pages", start="slot/", end="slot0", limit=4, bookmark="")
        assert first["keys"] == ["slot/0", "slot/2", "slot/3", "slot/4"]
        rest = await run("pages", start="slot/", end="slot0", limit=4, bookmark=first["bookmark"])
        assert rest == {"keys": ["slot/5", "slot/6"], "bookmark": ""}
        assert len((await run("pages", start="", end="", limit=9, bookmark=""))["keys"]) == 6
        assert (await run("pages", start="a", end="b", limit=1001, bookmark=""))["code"] == "malformed"
        assert (await run("blind", key="\x00slot", value="v"))["code"] == "malformed"
        assert (await run("blind", key="", value="v"))["code"] == "malformed"
        await run("guard", key="slot/2", msps=["WarehouseMSP", "BankMSP"])
        assert await run("guarded_by", key="slot/2") == ["BankMSP", "WarehouseMSP"]
        await run("guard", key="slot/2", msps=[])
        assert await run("guarded_by", key="slot/2") is None
        for msp in (own, others):
            await run("keep", {"secret": b"value"}, msp=msp, key="k")
            assert len(await run("kept_hash", msp=msp, key="k")) == 64
        await run("check_kept", msp=others, key="k", to="checked")
        assert await run("kept", msp=own, key="k") == "value"
        assert (await run("kept", msp=others, key="k"))["code"] == "forbidden"
        assert await run("who") == "BankMSP"
    assert implicit_collection(own) == ledger.vault.collection
