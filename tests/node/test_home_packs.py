"""A rule pack that a home holds, besides the shipped one, can be lent under, and is told by its own rules' names."""

import json
from pathlib import Path

import pytest

from network.bringup.contracts import load_pack
from network.clock import open_clock
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.obligations.embedded.circle import open_chain
from node.demo.founding import demo_product
from node.products import rule_pack
from tests.node.conftest import running
from tests.node.story import FACILITY, Story

OURS = "our-stock-2"


@pytest.fixture
async def own_packs(home: Path) -> Path:
    """A home whose bank has loaded a pack of its own."""
    document = json.loads(json.dumps(demo_product().pack.document)) | {"id": OURS}
    document["rules"][0] |= {"id": "our-loss"}
    (home / "packs" / "ours.json").write_text(json.dumps(document))
    consortium, seat = Consortium.load(home), open_seat(home, "bank")
    chain = open_chain(home, consortium, seat, open_clock(consortium, home))
    try:
        await load_pack(seat, chain, rule_pack(OURS, home))
    finally:
        await chain.aclose()
    return home


async def test_a_facility_is_proposed_under_a_pack_of_the_home(own_packs: Path) -> None:
    async with running(own_packs) as node:
        story = Story(node)
        await story.issue()
        await node.done("manufacturer", "/v1/pledges", story.pledge())
        await node.done("bank", "/v1/facilities", story.facility() | {"rule_pack": OURS})
        facility = (await node.get("bank", f"/v1/facilities/{FACILITY}")).json()
        assert facility["rule_pack"] == rule_pack(OURS, own_packs).hash.hex()


async def test_a_pack_that_no_one_holds_is_named(own_packs: Path) -> None:
    async with running(own_packs) as node:
        story = Story(node)
        await story.issue()
        await node.done("manufacturer", "/v1/pledges", story.pledge())
        refused = await node.refused("bank", "/v1/facilities", story.facility() | {"rule_pack": "herd-1"})
        assert refused == "not_found"
