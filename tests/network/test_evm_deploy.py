"""The real contracts on the embedded chain: deployed, connected, opened to their roles."""

import json
from dataclasses import replace

import pytest

from network.bringup.contracts import set_up_circle
from network.clock import open_clock
from network.membership.seats import open_seat
from network.obligations.embedded.circle import bind_embedded, clock_stamp, open_chain, open_circle
from network.obligations.jsonrpc.deployment import Deployment, record_path
from network.ports import Unavailable
from node.products import product
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.evm.proof import decode_header
from wuxin_evidence.ids import keccak256

PROFILE = bytes([5]) * 32
SET_UP = {
    "profiles": [(PROFILE, 900)],
    "packs": [product("weighed-stock").pack],
    "deposits_minor": {"bank": 10**12, "manufacturer": 0},
}


@pytest.fixture
def node(home, consortium):
    opened = open_circle(home, consortium, open_clock(consortium, home))
    yield opened
    opened.close()


async def test_the_first_transaction_names_the_consortium(home, consortium, node):
    await set_up_circle(home, consortium, bind_embedded(consortium, node), **SET_UP)
    (first,) = node.transactions(1)
    assert consortium.consortium_id in first.raw


async def test_a_circle_is_set_up_and_doing_it_again_sends_nothing(home, consortium, node):
    clock = open_clock(consortium, home)
    deployment = await set_up_circle(home, consortium, bind_embedded(consortium, node), **SET_UP)
    height = node.height()
    assert await set_up_circle(home, consortium, bind_embedded(consortium, node), **SET_UP) == deployment
    assert node.height() == height
    assert Deployment.load(home, "e1") == deployment
    assert json.loads(record_path(home, "e1").read_text())["addresses"].keys() == deployment.addresses.keys()
    chain = open_chain(home, consortium, open_seat(home, "bank"), clock, node=node)
    committee = await chain.call("OracleCommittee", "committee", [1])
    assert committee["threshold"] == 2
    assert {each["organisation"] for each in committee["members"]} == {
        "0x" + keccak256(each.name.encode()).hex() for each in consortium.oracles
    }
    assert (await chain.call("AttestationFeed", "profile", [PROFILE]))["windowS"] == 900
    assert await chain.call("OracleCommittee", "consortiumId", []) == "0x" + consortium.consortium_id.hex()
    trusted = Trust.parse((home / "trust.json").read_bytes()).chains[0]
    assert trusted.feed == deployment.addresses["AttestationFeed"]
    assert trusted.facility == deployment.addresses["CreditFacility"]


async def test_the_deposit_token_is_of_the_circles_currency(home, consortium, node):
    (circle,) = consortium.circles
    in_euro = replace(consortium, circles=(replace(circle, currency="EUR"),))
    await set_up_circle(home, in_euro, bind_embedded(in_euro, node), **SET_UP)
    chain = open_chain(home, in_euro, open_seat(home, "bank"), open_clock(in_euro, home), node=node)
    names = [await chain.call("DepositToken", function, []) for function in ("name", "symbol")]
    assert names == ["Deposit EUR", "DEUR"]


async def test_a_member_without_the_role_is_refused_on_the_chain(home, consortium, node):
    clock = open_clock(consortium, home)
    await set_up_circle(home, consortium, bind_embedded(consortium, node), **SET_UP)
    seat = open_seat(home, "manufacturer")
    chain = open_chain(home, consortium, seat, clock, node=node)
    refused = await chain.transact("DepositToken", "mint", [bytes(32), seat.evm_key.address, 5])
    assert (refused.status, refused.code) == (0, "forbidden")


def test_a_chain_before_its_deployment_is_unavailable(home, consortium, node):
    with pytest.raises(Unavailable, match="not deployed"):
        open_chain(home, consortium, open_seat(home, "bank"), open_clock(consortium, home), node=node)


def test_genesis_carries_the_scenario_clocks_stamp(consortium, node):
    genesis = node.block(0)
    assert genesis is not None
    stamp = decode_header(genesis.header).extra_data[:32]
    assert stamp == clock_stamp(consortium.clock)
    assert stamp.startswith(b"wuxin-scenario/1")
    assert int.from_bytes(stamp[16:24], "big") == consortium.clock.start_ms


async def test_a_chain_that_opened_its_own_node_closes_it(home, consortium, node):
    clock = open_clock(consortium, home)
    await set_up_circle(home, consortium, bind_embedded(consortium, node), **SET_UP)
    chain = open_chain(home, consortium, open_seat(home, "insurer"), clock)
    assert await chain.height() == node.height()
    await chain.aclose()
    with pytest.raises(Unavailable):
        await chain.height()
