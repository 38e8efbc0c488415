"""The demo: the loop closed once on recorded load-cell data.

    enrol → receipt → pledge → facility → price → draw → breach → freeze → refused draw
          → acknowledged notice → clean windows → approvals → unfreeze → repay → release → close → evidence

Two bins tell it side by side: the scale of bin 16 loses weight between two visits and freezes its line; bin 6 is
healthy and its line stays open. Nothing is scripted but the steps: what freezes is a row of the series, judged by
three oracle members and the rule pack on the chain.
"""

import shutil
import signal
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import FrameType

from network.clock import ScenarioClock
from node.demo.founding import demo_product
from node.demo.steps import StepLog, utc
from node.demo.stock import Stock
from node.demo.story import BREACH_S, CLEAN_S, FIRST_WINDOW_S, Organisations
from node.demo.timeline import FACTOR
from node.demo.world import World
from node.machine.engines import REAL_ENGINES, RealEngine, stop_everything
from node.machine.processes import is_served
from wuxin_client import Conflict

FROZEN_TIMEOUT_S = 20.0


def run(home: Path, *, as_json: bool = False, engines: Collection[RealEngine] = (), keep: bool = False) -> None:
    """Play the demo in a fresh home, over whatever an earlier demo left there: on embedded ledgers and a scenario
    clock, or, where `engines` names real ones, on real time. With `keep` all of it runs on until it is interrupted."""
    started = time.monotonic()
    log = StepLog(as_json=as_json)
    signal.signal(signal.SIGTERM, _end)
    clear(home)
    world = World.create_paced(home, log, engines) if engines else World.create(home, log)
    try:
        if engines:
            _draw(world, log)
        play(world, log)
        log.say(f"done in {time.monotonic() - started:.0f} s")
        if keep:
            log.say("everything runs on; ctrl-c ends it")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    finally:
        world.close()
        if isinstance(world.clock, ScenarioClock):
            ScenarioClock.hold(home)
    chosen = "" if set(engines) == set(REAL_ENGINES) else "".join(f" --engine {name}" for name in engines)
    again = f"network up{chosen} --home {home} && wuxin serve" if engines else "serve"
    log.say(f"`wuxin {again} --home {home}` brings everything up again")


def _end(_number: int, _frame: FrameType | None) -> None:
    """A termination ends like an interrupt: what was started is stopped."""
    raise KeyboardInterrupt


def _draw(world: World, log: StepLog) -> None:
    from node.demo import picture

    for line in picture.lines(world.home, world.consortium):
        log.say(line)


def clear(home: Path) -> None:
    """Empty a home that a demo made. Any other folder is left alone, and refused."""
    if not home.exists():
        return
    if is_served(home):
        raise Conflict(
            "conflict", f"another command runs the processes of {home}", "end it first, or give another --home"
        )
    if (home / "demo").is_file() or not any(home.iterdir()):
        stop_everything(home)
        shutil.rmtree(home)
        return
    raise Conflict("conflict", f"{home} exists and was not made by a demo", "give another --home")


def play(world: World, log: StepLog) -> None:
    """Let the organisations act, from enrolment to the verified evidence."""
    organisations = Organisations(world, log)
    sick, healthy = (Stock.named(**demo_product().story["bins"][name]) for name in ("sick", "healthy"))
    for stock in (sick, healthy):
        organisations.enrol(stock)
    world.replay(sick, until_s=BREACH_S)
    world.replay(healthy)
    _let_time_pass(world, FIRST_WINDOW_S, log)
    for stock in (sick, healthy):
        organisations.lend(stock)
    organisations.draw(healthy)
    organisations.draw(sick)
    # Five seconds before the breach, so that what follows is measured at factor 1.
    _let_time_pass(world, BREACH_S - 5 * world.timeline.pace, log)

    published, alarm_ms = _breach(world, organisations, sick)
    world.replay(sick, since_s=BREACH_S + 1)
    organisations.show_freeze(sick)
    organisations.draw_is_refused(sick)
    refused_ms = round((time.monotonic() - published) * 1000)
    log.say(f"from the reading to the frozen line: {alarm_ms} ms; to the refused draw, mined: {refused_ms} ms")
    organisations.draw(healthy, again=True)
    organisations.acknowledge(sick)
    organisations.approvals_come_too_early(sick)

    _let_time_pass(world, CLEAN_S, log)
    organisations.unfreeze(sick)
    organisations.stays_lendable(healthy)
    organisations.settle(sick)
    organisations.verify_evidence(sick)


def _breach(world: World, organisations: Organisations, stock: Stock) -> tuple[float, int]:
    """Publish the row that shows the loss when its time has come.

    Returns when that was, by `time.monotonic`, and the milliseconds until the line was frozen.
    """
    after = organisations.newest_event()
    world.timeline.wait_until(world.timeline.at_ms(BREACH_S))
    published = time.monotonic()
    world.publish_breach(stock)
    organisations.wait_frozen(stock, after, FROZEN_TIMEOUT_S)
    return published, round((time.monotonic() - published) * 1000)


def _let_time_pass(world: World, until_s: int, log: StepLog) -> None:
    """Return `until_s` seconds into the series."""
    timeline = world.timeline
    at = utc(timeline.at_ms(until_s))
    how = f"the clock runs at factor {FACTOR}" if timeline.pace == 1 else "the series goes on"
    log.say(f"-- {how} until {at}")
    timeline.pass_until(until_s)
