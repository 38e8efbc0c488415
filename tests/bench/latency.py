"""Reading published → draw refused, at factor 1, over everything: broker, three members, node, chain.

Each sample has a slot, a device and a facility of its own. Two borrowers are measured. The patient one sends a single
draw once an event says that the line is frozen. The eager one draws one minor unit after another from the moment the
reading leaves the device, until a draw is mined and reverted as `facility_frozen`: its draws occupy the very node and
chain that the freeze has to pass, and the last one that succeeds delays the one that is refused.
"""

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from node.demo.steps import StepLog
from node.demo.stock import Stock
from node.demo.story import FIRST_WINDOW_S, WAIT_S, Organisations
from node.demo.world import World
from node.machine.engines import RealEngine
from tests.bench.rows import Row, Show, milliseconds
from wuxin_evidence.packs.senml import Reading

SAMPLES = 12
"""Of each borrower."""
SETTLE_S = 2.0
PACE = 30
"""Half the demo's: in a window of 15 seconds the attestations of all these slots would leave no time between them."""
LEVEL_KG, BREACH_KG = Decimal(39_100), Decimal(33_800)


class Quiet(StepLog):
    """Steps are the demo's; the benchmark wants their effects only."""

    def say(self, text: str) -> None:
        pass

    def show(self, step: object) -> None:
        pass


def measure(show: Show) -> list[Row]:
    stocks = [Stock(str(100 + n), receipt_t=39, draw_minor=100) for n in range(2 * SAMPLES)]
    show(f"{len(stocks)} lines are opened and lent on")
    with tempfile.TemporaryDirectory() as folder, lent(Path(folder) / "home", stocks) as world:
        show("freezes, one draw after each")
        frozen, refused = zip(*(patient(world, stock) for stock in stocks[:SAMPLES]), strict=True)
        show("freezes, draws without pause")
        eager, draws = zip(*(_eager(world, stock) for stock in stocks[SAMPLES:]), strict=True)
    return [
        _row("reading published → line frozen (event seen)", frozen, "—"),
        _row("reading published → draw refused, one draw after the event", refused, "aim: p99 ≤ 250 ms"),
        _row(
            "reading published → draw refused, draws without pause",
            eager,
            f"aim: p99 ≤ 250 ms; {sum(draws) / len(draws):.1f} draws mined before the refused one",
        ),
    ]


def _row(measured: str, samples_s: Sequence[float], peer: str) -> Row:
    return Row(
        measured,
        milliseconds(samples_s),
        peer,
        "fsync per pack batch, lock, outbox entry, command, block",
        "broker, 3 members, 1 node",
        "pack of 1 reading, SM2; 2 of 3 signatures; factor 1",
    )


@contextmanager
def lent(home: Path, stocks: Sequence[Stock], engines: Sequence[RealEngine] = ()) -> Iterator[World]:
    """A running world in which every stock's facility is active, fresh and healthy: on a scenario clock at factor 1, or
    on real engines and a paced series."""
    quiet = Quiet(as_json=False)
    world = World.create_paced(home, quiet, engines, PACE) if engines else World.create(home, quiet)
    try:
        organisations = Organisations(world, quiet)
        for stock in stocks:
            organisations.enrol(stock)
        time.sleep(SETTLE_S)  # a pack of a device that a member has not read yet would wait
        for stock in stocks:
            _publish(world, stock, LEVEL_KG, visit=True)
        world.timeline.pass_until(FIRST_WINDOW_S)
        for stock in stocks:
            organisations.lend(stock)
            _publish(world, stock, LEVEL_KG, visit=True)
        for stock in stocks:
            _wait_lendable(world, stock)
        time.sleep(SETTLE_S)
        yield world
    finally:
        world.close()


def _wait_lendable(world: World, stock: Stock) -> None:
    until = time.monotonic() + WAIT_S
    while not (found := world.node("bank").get_collateral(stock.receipt_id)).lendable:
        if time.monotonic() > until:
            raise RuntimeError(f"{stock.name} cannot be lent on: {[each.code for each in found.blockers]}")
        time.sleep(0.2)


def patient(world: World, stock: Stock) -> tuple[float, float]:
    """Seconds until an event said that the line is frozen, and until the draw sent then was mined and refused."""
    organisations = Organisations(world, Quiet(as_json=False))
    before = organisations.newest_event()
    started = time.perf_counter()
    _publish(world, stock, BREACH_KG, visit=False)
    organisations.wait_frozen(stock, before, WAIT_S)
    frozen = time.perf_counter() - started
    tx = world.node("manufacturer").draw(stock.facility_id, amount_minor=1, wait_s=WAIT_S, raise_on_failure=False)
    if tx.code != "facility_frozen":
        raise RuntimeError(f"the draw ended otherwise: {tx.code} {tx.detail}")
    return frozen, time.perf_counter() - started


def _eager(world: World, stock: Stock) -> tuple[float, int]:
    """Seconds until the refused draw was mined, and how many draws were mined before it."""
    manufacturer = world.node("manufacturer")
    started = time.perf_counter()
    _publish(world, stock, BREACH_KG, visit=False)
    for draws in itertools.count():
        tx = manufacturer.draw(stock.facility_id, amount_minor=1, wait_s=WAIT_S, raise_on_failure=False)
        if tx.code == "facility_frozen":
            return time.perf_counter() - started, draws
        if tx.status != "committed":
            raise RuntimeError(f"the draw failed otherwise: {tx.code} {tx.detail}")
        if time.perf_counter() - started > WAIT_S:
            break
    raise RuntimeError("never frozen")


def _publish(world: World, stock: Stock, kilograms: Decimal, *, visit: bool) -> None:
    now_ms = world.clock.now_ms()
    readings = [Reading("mass_kg", kilograms, "kg", now_ms)]
    if visit:
        readings.append(Reading("withdrawal_kg", Decimal(0), "kg", now_ms))
    world.device(stock).publish(tuple(readings))
