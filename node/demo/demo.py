"""The demo: the loop closed once on recorded load-cell data.

    enrol → receipt → pledge → facility → price → draw → breach → freeze → refused draw
          → acknowledged notice → clean windows → approvals → unfreeze → repay → release → close → evidence

Two bins tell it side by side: the scale of bin 16 loses weight between two visits and freezes its line; bin 6 is
healthy and its line stays open. Nothing is scripted but the acts: what freezes is a row of the series, judged by
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
from node.demo.acts import Programme, utc
from node.demo.founding import demo_product
from node.demo.story import BREACH_S, CLEAN_S, FIRST_WINDOW_S, Bin, Cast
from node.demo.timeline import FACTOR
from node.demo.world import World
from node.machine.engines import REAL_ENGINES, RealEngine, stop_everything
from node.machine.processes import is_served
from wuxin_client import Conflict

FROZEN_TIMEOUT_S = 20.0


def run(home: Path, *, as_json: bool = False, engines: Collection[RealEngine] = (), keep: bool = False) -> None:
    """Plays the demo in a fresh home, over whatever an earlier demo left there: on embedded ledgers and a scenario
    clock, or, where `engines` names real ones, on real time. With `keep` all of it runs on until it is interrupted."""
    started = time.monotonic()
    programme = Programme(as_json=as_json)
    signal.signal(signal.SIGTERM, _end)
    clear(home)
    world = World.create_paced(home, programme, engines) if engines else World.create(home, programme)
    try:
        if engines:
            _draw(world, programme)
        play(world, programme)
        programme.say(f"done in {time.monotonic() - started:.0f} s")
        if keep:
            programme.say("everything runs on; ctrl-c ends it")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
    finally:
        world.close()
        if isinstance(world.clock, ScenarioClock):
            ScenarioClock.hold(home)
    chosen = "" if set(engines) == set(REAL_ENGINES) else "".join(f" --engine {name}" for name in engines)
    again = f"network up{chosen} --home {home} && wuxin serve" if engines else "serve"
    programme.say(f"`wuxin {again} --home {home}` brings everything up again")


def _end(_number: int, _frame: FrameType | None) -> None:
    """A termination ends like an interrupt: what was started is stopped."""
    raise KeyboardInterrupt


def _draw(world: World, programme: Programme) -> None:
    from node.demo import picture

    for line in picture.lines(world.home, world.consortium):
        programme.say(line)


def clear(home: Path) -> None:
    """Empties a home that a demo made. Any other folder is left alone, and refused."""
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


def play(world: World, programme: Programme) -> None:
    """Let the organisations act, from enrolment to the verified evidence."""
    cast = Cast(world, programme)
    sick, healthy = (Bin.named(**demo_product().story["bins"][name]) for name in ("sick", "healthy"))
    for story in (sick, healthy):
        cast.enrol(story)
    world.replay(sick, until_s=BREACH_S)
    world.replay(healthy)
    _let_time_pass(world, FIRST_WINDOW_S, programme)
    for story in (sick, healthy):
        cast.lend(story)
    cast.draw(healthy)
    cast.draw(sick)
    _let_time_pass(world, BREACH_S - 5 * world.timeline.pace, programme)

    published, alarm_ms = _breach(world, cast, sick)
    world.replay(sick, since_s=BREACH_S + 1)
    cast.show_freeze(sick)
    cast.draw_is_refused(sick)
    refused_ms = round((time.monotonic() - published) * 1000)
    programme.say(f"from the reading to the frozen line: {alarm_ms} ms; to the refused draw, mined: {refused_ms} ms")
    cast.draw(healthy, again=True)
    cast.acknowledge(sick)
    cast.approvals_come_too_early(sick)

    _let_time_pass(world, CLEAN_S, programme)
    cast.unfreeze(sick)
    cast.stays_lendable(healthy)
    cast.settle(sick)
    cast.verify_evidence(sick)


def _breach(world: World, cast: Cast, story: Bin) -> tuple[float, int]:
    """Publishes the row that shows the loss when its time has come; when, and how long until the line was frozen."""
    after = cast.newest_event()
    world.timeline.wait_until(world.timeline.at_ms(BREACH_S))
    published = time.monotonic()
    world.publish_breach(story)
    cast.wait_frozen(story, after, FROZEN_TIMEOUT_S)
    return published, round((time.monotonic() - published) * 1000)


def _let_time_pass(world: World, until_s: int, programme: Programme) -> None:
    """Returns `until_s` seconds into the series."""
    timeline = world.timeline
    at = utc(timeline.at_ms(until_s))
    how = f"the clock runs at factor {FACTOR}" if timeline.pace == 1 else "the series goes on"
    programme.say(f"-- {how} until {at}")
    timeline.pass_until(until_s)
