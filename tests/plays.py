"""A whole consortium over a fresh home: broker, three oracle members, nodes, and any of the four pairs of ledgers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeVar

from node.demo.demo import FROZEN_TIMEOUT_S
from node.demo.steps import Step, StepLog
from node.demo.stock import Stock
from node.demo.story import BREACH_S, FIRST_WINDOW_S, Organisations
from node.demo.timeline import LEAD_S
from node.demo.world import World
from node.machine.engines import RealEngine
from wuxin_evidence.attestation import Attestation

WINDOW_S = 900
"""Of the shipped profile, in seconds of the series; the first whole window is attested at FIRST_WINDOW_S."""
PATIENCE_S = 30.0
"""For what takes some tenths of a second on an idle machine."""

Found = TypeVar("Found")


class Silent(StepLog):
    """Keeps the steps, prints nothing."""

    def __init__(self) -> None:
        super().__init__(as_json=True)

    def say(self, text: str) -> None:
        pass

    def show(self, step: Step) -> None:
        self.steps.append(step)


def until(look: Callable[[], Found], what: str, *, timeout_s: float = PATIENCE_S) -> Found:
    """The first true answer of `look`."""
    end = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.05)
    return found


def wuxin(*arguments: str | Path, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """The command, as a user types it. One that takes too long is asked to end, and so takes along what it started."""
    command = [sys.executable, "-m", "node.cli.main", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said, complained = process.communicate(timeout=timeout_s)
        except BaseException:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_S)
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


class Play:
    """A world, its organisations, and the moves that several scenarios share."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.log = Silent()
        self.organisations = Organisations(world, self.log)

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms()

    def pass_time_until(self, offset_s: int) -> None:
        """Until so many seconds of the series after its start, on either clock."""
        self.world.timeline.pass_until(offset_s)

    def lend_on(self, stock: Stock, until_s: int | None = None) -> None:
        """Everything up to an active facility with a fresh quantity."""
        self.organisations.enrol(stock)
        self.world.replay(stock, until_s=until_s)
        self.pass_time_until(FIRST_WINDOW_S)
        self.organisations.lend(stock)

    def breach(self, stock: Stock) -> None:
        """From a drawn facility to a frozen one, by the row of the series that shows the loss."""
        self.pass_time_until(BREACH_S)
        after = self.organisations.newest_event()
        self.world.publish_breach(stock)
        self.organisations.wait_frozen(stock, after, FROZEN_TIMEOUT_S)

    def attested(self, stock: Stock, kind: int = 0) -> list[Attestation]:
        """What the facts recorded about the bin's slot, oldest first; kind 0 scheduled, 1 alarm."""
        return [Attestation.from_json(each["attestation"]) for each in self.records(stock, kind)]

    def records(self, stock: Stock, kind: int = 0) -> list[dict[str, Any]]:
        """The records of these attestations, from the first whole window of the story on.

        Members attest the window before it too, as missing, where they were up while it was open.
        """
        begins_s = self.world.timeline.at_ms(LEAD_S) // 1000
        node = self.world.node("regulator")
        every = list(node.iter_attestations(subject_kind="slot", subject_id=stock.slot_id, kind=kind, limit=500))
        told = [asdict(record) for record in reversed(every)]
        return [each for each in told if Attestation.from_json(each["attestation"]).window_start >= begins_s]

    def wait_attested(self, stock: Stock, count: int) -> list[Attestation]:
        """Until so many windows of the slot are recorded."""

        def enough() -> list[Attestation]:
            found = self.attested(stock)
            return found if len(found) >= count else []

        return until(enough, f"{count} windows of {stock.name}")

    def kill_member(self, member: str) -> None:
        """kill -9, and not started again; gone when this returns."""
        os.kill(self.world.processes.pids[f"oracle-{member}"], signal.SIGKILL)
        self.world.processes.end(f"oracle-{member}")

    def start_member(self, member: str) -> None:
        self.world.processes.start_member(member)

    def quarantine(self) -> dict[str, dict[str, str]]:
        """SHA-256 of each refused message to the code that each member gave it, as `wuxin quarantine ls` lists it."""
        listed = wuxin("quarantine", "ls", "--home", self.world.home, "--json")
        assert listed.returncode == 0, listed.stderr
        found: dict[str, dict[str, str]] = {}
        for row in map(json.loads, listed.stdout.splitlines()):
            found.setdefault(row["sha256"], {})[row["member"]] = row["code"]
        return found


@contextmanager
def consortium(
    home: Path,
    facts: Literal["embedded", "fabric"] = "embedded",
    obligations: Literal["embedded", "evm"] = "embedded",
    *,
    paced: bool = False,
) -> Iterator[Play]:
    """A fresh consortium at `home`, up until the block ends. Real ledgers run on real time, and the series is `paced`;
    embedded ones may."""
    engines: list[RealEngine] = [name for name in (facts, obligations) if name != "embedded"]
    world = World.create_paced(home, Silent(), engines) if engines or paced else World.create(home, Silent())
    try:
        yield Play(world)
    finally:
        world.close()
