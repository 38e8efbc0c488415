"""Reading published → draw refused, at factor 1, over everything: broker, three members, node, chain.

Each sample has a slot, a device and a facility of its own. The borrower draws one minor unit after another from the
moment the reading leaves the device, until a draw is mined and reverted as `facility_frozen`.
"""

import itertools
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from network.clock import ScenarioClock
from node.cli.acts import Programme
from node.cli.demo_story import FIRST_WINDOW_S, WAIT_S, Bin, Cast
from node.cli.demo_world import SCENARIO_START_MS, World
from tests.bench.rows import Row, milliseconds
from wuxin_evidence.senml import Reading

SAMPLES = 25
FACTOR = 300
LEVEL_KG, BREACH_KG = Decimal(39_100), Decimal(33_800)


class Quiet(Programme):
    """Acts are the demo's; the benchmark wants their effects only."""

    def say(self, text: str) -> None:
        pass

    def show(self, act: object) -> None:
        pass


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(Path(folder) / "home", Quiet(as_json=False))
        try:
            samples, slipped = _samples(world)
        finally:
            world.close()
    return [
        Row(
            "reading published → draw refused, factor 1",
            milliseconds(samples),
            f"aim p99 ≤ 250 ms; {slipped / len(samples):.1f} draws mined before the freeze, each",
            "fsync per pack batch, per signature lock, per block",
            "broker, 3 members, 1 node",
            "pack of 1 reading, SM2; 2 of 3 signatures",
        )
    ]


def _samples(world: World) -> tuple[list[float], int]:
    cast = Cast(world, Quiet(as_json=False))
    stories = [Bin(str(100 + n), receipt_t=39, draw_minor=100) for n in range(SAMPLES)]
    for story in stories:
        cast.enrol(story)
        _publish(world, story, LEVEL_KG, visit=True)
    ScenarioClock.set_factor(world.home, FACTOR)
    while world.clock.now_ms() < SCENARIO_START_MS + FIRST_WINDOW_S * 1000:
        time.sleep(0.01)
    ScenarioClock.set_factor(world.home, 1)
    for story in stories:
        cast.lend(story)
        _publish(world, story, LEVEL_KG, visit=True)
    time.sleep(1.0)
    measured = [_until_refused(world, story) for story in stories]
    return [seconds for seconds, _ in measured], sum(draws for _, draws in measured)


def _until_refused(world: World, story: Bin) -> tuple[float, int]:
    """Seconds until the refused draw was mined, and how many draws were mined before it."""
    manufacturer = world.node("manufacturer")
    started = time.perf_counter()
    _publish(world, story, BREACH_KG, visit=False)
    for draws in itertools.count():
        tx = manufacturer.facilities.draw(story.facility_id, amount_minor=1, wait_s=WAIT_S)
        if tx.code == "facility_frozen":
            return time.perf_counter() - started, draws
        if not tx.committed:
            raise RuntimeError(f"the draw failed otherwise: {tx.code} {tx.detail}")
        if time.perf_counter() - started > WAIT_S:
            break
    raise RuntimeError("never frozen")


def _publish(world: World, story: Bin, kilograms: Decimal, *, visit: bool) -> None:
    now_ms = world.clock.now_ms()
    readings = [Reading("mass_kg", kilograms, "kg", now_ms)]
    if visit:
        readings.append(Reading("withdrawal_kg", Decimal(0), "kg", now_ms))
    world.device(story).publish(tuple(readings))
