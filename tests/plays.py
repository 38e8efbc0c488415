"""A whole consortium over a fresh home: broker, three oracle members, a node, and both embedded ledgers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from network.clock import ScenarioClock
from node.cli.acts import Act, Programme
from node.cli.demo import FROZEN_TIMEOUT_S
from node.cli.demo_story import BREACH_S, FIRST_WINDOW_S, Bin, Cast
from node.cli.demo_world import SCENARIO_START_MS, World

FACTOR = 300


class Silent(Programme):
    """Keeps the acts, prints nothing."""

    def __init__(self) -> None:
        super().__init__(as_json=True)

    def say(self, text: str) -> None:
        pass

    def show(self, act: Act) -> None:
        self.acts.append(act)


class Play:
    """A world, its cast, and the moves that several scenarios share."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.programme = Silent()
        self.cast = Cast(world, self.programme)

    def pass_time_until(self, offset_s: int) -> None:
        """Runs the scenario clock to so many seconds after its start, then at factor 1 again."""
        ScenarioClock.set_factor(self.world.home, FACTOR)
        while (missing_ms := SCENARIO_START_MS + offset_s * 1000 - self.world.clock.now_ms()) > 0:
            time.sleep(min(0.2, missing_ms / 1000 / FACTOR + 0.001))
        ScenarioClock.set_factor(self.world.home, 1)

    def lend_on(self, story: Bin, until_s: int | None = None) -> None:
        """Everything up to an active facility with a fresh quantity."""
        self.cast.enrol(story)
        self.world.replay(story, until_s=until_s)
        self.pass_time_until(FIRST_WINDOW_S)
        self.cast.lend(story)

    def breach(self, story: Bin) -> None:
        """From a drawn facility to a frozen one, by the row of the series that shows the loss."""
        self.pass_time_until(BREACH_S)
        after = self.cast.newest_event()
        self.world.publish_breach(story)
        self.cast.wait_frozen(story, after, FROZEN_TIMEOUT_S)


@contextmanager
def consortium(home: Path) -> Iterator[Play]:
    """A fresh consortium at `home`, up until the block ends."""
    world = World.create(home, Silent())
    try:
        yield Play(world)
    finally:
        world.close()
