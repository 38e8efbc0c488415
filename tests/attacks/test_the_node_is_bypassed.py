"""A borrower who owns the node cannot draw on a frozen line: the refusal is the contract's."""

from network.membership.seats import open_seat
from network.obligations.embedded.circle import open_chain
from node.demo.stock import Stock
from node.demo.story import BREACH_S
from tests.plays import Play
from wuxin_evidence.ids import command_id, facility_key


async def test_a_raw_draw_of_the_borrowers_key_reverts_and_a_raw_repayment_succeeds(play: Play) -> None:
    stock = Stock("16", receipt_t=40, draw_minor=80_000_000)
    play.lend_on(stock, until_s=BREACH_S)
    play.organisations.draw(stock)
    play.breach(stock)

    world = play.world
    chain = open_chain(world.home, world.consortium, open_seat(world.home, "manufacturer"), world.clock)
    facility = facility_key(stock.facility_id)
    try:
        drawn = await chain.transact("CreditFacility", "draw", [command_id("manufacturer", "raw-1"), facility, 100])
        assert (drawn.status, drawn.code) == (0, "facility_frozen")
        repaid = await chain.transact("CreditFacility", "repay", [command_id("manufacturer", "raw-2"), facility, 100])
        assert repaid.status == 1
    finally:
        await chain.aclose()
