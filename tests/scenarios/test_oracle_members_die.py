"""Three oracle members are three processes: one may die, two may not."""

import os
import signal

from node.cli.demo_story import FIRST_WINDOW_S, WAIT_S, Bin
from tests.plays import Play

WINDOW_S = 900


def windows_attested(play: Play, story: Bin) -> int:
    page = play.world.node("regulator").attestations.page(subject_kind="slot", subject_id=story.slot_id, kind=0)
    return len(page.items)


def kill(play: Play, member: str) -> None:
    os.kill(play.world.pids[f"oracle-{member}"], signal.SIGKILL)


def test_one_dead_member_changes_nothing_and_two_stop_attestations_and_then_draws(play: Play) -> None:
    story = Bin("6", receipt_t=60, draw_minor=1_000_000)
    play.lend_on(story)
    play.cast.draw(story)

    kill(play, "inspector")
    before = windows_attested(play, story)
    play.pass_time_until(FIRST_WINDOW_S + 2 * WINDOW_S)
    assert windows_attested(play, story) >= before + 2
    play.cast.draw(story, again=True)

    kill(play, "insurer")
    play.pass_time_until(FIRST_WINDOW_S + 3 * WINDOW_S)
    after_second = windows_attested(play, story)
    play.pass_time_until(FIRST_WINDOW_S + 8 * WINDOW_S)
    assert windows_attested(play, story) == after_second

    manufacturer = play.world.node("manufacturer")
    refused = manufacturer.facilities.draw(story.facility_id, amount_minor=1, wait_s=WAIT_S)
    assert refused.code == "attestation_stale" and refused.block is not None
    collateral = manufacturer.collateral(story.receipt_id)
    assert not collateral.lendable and "attestation_stale" in {b.code for b in collateral.blockers}
    repaid = manufacturer.facilities.repay(story.facility_id, amount_minor=1_000, wait_s=WAIT_S)
    assert repaid.committed
