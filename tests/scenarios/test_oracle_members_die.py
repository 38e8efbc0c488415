"""Three oracle members are three processes: one may die, two may not."""

from node.demo.stock import Stock
from node.demo.story import FIRST_WINDOW_S, WAIT_S
from tests.plays import WINDOW_S, Play


def test_one_dead_member_changes_nothing_and_two_stop_attestations_and_then_draws(play: Play) -> None:
    stock = Stock("6", receipt_t=60, draw_minor=1_000_000)
    play.lend_on(stock)
    play.organisations.draw(stock)

    play.kill_member("inspector")
    play.pass_time_until(FIRST_WINDOW_S + 2 * WINDOW_S)
    play.wait_attested(stock, 3)
    play.organisations.draw(stock, again=True)

    play.kill_member("insurer")
    play.pass_time_until(FIRST_WINDOW_S + 6 * WINDOW_S + 60)
    assert len(play.attested(stock)) == 3, "one member alone attests nothing"

    manufacturer = play.world.node("manufacturer")
    refused = manufacturer.draw(stock.facility_id, amount_minor=1, wait_s=WAIT_S, raise_on_failure=False)
    assert refused.code == "attestation_stale" and refused.block is not None
    collateral = manufacturer.get_collateral(stock.receipt_id)
    assert not collateral.lendable and "attestation_stale" in {b.code for b in collateral.blockers}
    repaid = manufacturer.repay(stock.facility_id, amount_minor=1_000, wait_s=WAIT_S)
    assert repaid.status == "committed"
