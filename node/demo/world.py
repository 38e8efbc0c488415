"""The demo's surroundings: a founded home, its engines and processes, one client an organisation, and the devices.

World.create          embedded ledgers, a scenario clock, one node for everybody
World.create_paced    ledgers on real time: embedded ones, or Fabric, or a BFT chain, or both
"""

import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from network.clock import Clock, ScenarioClock, open_clock
from network.membership.consortium import Consortium, Organisation
from network.membership.homes import home_of
from node.demo.founding import demo_product, found, prepare
from node.demo.steps import StepLog, utc
from node.demo.stock import Stock
from node.demo.timeline import PACE, SCENARIO_START_MS, SERIES_START_MS, Timeline, paced, scenario
from node.machine.engines import REAL_ENGINES, RealEngine, bring_up, take_down
from node.machine.founding import found_over, judging_hashes
from node.machine.homes import api_key
from node.machine.processes import Processes
from oracle.profile import Profile, profile_file
from oracle.sources.mapping import load_mapping
from oracle.sources.replay import Device, packs_of, replay
from oracle.sources.series import Due
from wuxin_client import Client
from wuxin_evidence.crypto.suites import SigningKey

DATA = demo_product().sample


class _Ended(Exception):
    """The world was closed while a series was being replayed."""


class World:
    """Everything around the steps. Make it with `create`, end it with `close`."""

    def __init__(
        self,
        home: Path,
        consortium: Consortium,
        processes: Processes,
        timeline: Timeline,
        engines: Collection[RealEngine] = (),
    ) -> None:
        self.home = home
        self.consortium = consortium
        self.clock: Clock = timeline.clock
        self.timeline = timeline
        self.processes = processes
        self.engines = engines
        self._nodes = {o.name: Client(processes.nodes[o.name], api_key(home, o.name)) for o in consortium.organisations}
        self._devices: dict[str, Device] = {}
        self._breach: dict[str, Due] = {}
        self._ended = threading.Event()

    @classmethod
    def create(cls, home: Path, log: StepLog) -> "World":
        """On a scenario clock and embedded ledgers."""
        consortium = found(home, scenario_start_ms=SCENARIO_START_MS)
        shift_ms = SCENARIO_START_MS - SERIES_START_MS
        _introduce(home, consortium, log)
        log.say(f"      all times are moved by one constant, {shift_ms} ms ({shift_ms // 86_400_000} days)")
        log.say(f"clock: scenario({utc(SCENARIO_START_MS)}, factor 1)")
        processes = Processes(home)
        ScenarioClock.start(home, SCENARIO_START_MS, 1)
        processes.up()
        return cls(home, consortium, processes, scenario(home, open_clock(consortium, home)))

    @classmethod
    def create_paced(cls, home: Path, log: StepLog, engines: Collection[RealEngine], pace: int = PACE) -> "World":
        """On real time. Where both ledgers are real, every organisation has a home and processes of its own; an
        embedded ledger is a library over one home."""
        separated = set(engines) == set(REAL_ENGINES)
        consortium = prepare(home, pace=pace, separated=separated)
        _introduce(home, consortium, log)
        processes = Processes(home)
        try:
            bring_up(home, consortium, engines, log.say)
            found_over(home)
            processes.up()
            timeline = paced(home, open_clock(consortium, home), Profile.load(profile_file(home)).windows, pace)
        except BaseException:
            processes.down()
            take_down(home, consortium, engines)
            raise
        shift_ms = timeline.start_ms - SERIES_START_MS
        log.say(f"      all times are moved by one constant, {shift_ms} ms, all intervals divided by {pace}")
        log.say(f"clock: system; the series begins at {utc(timeline.start_ms)}")
        return cls(home, consortium, processes, timeline, engines)

    def close(self) -> None:
        """End the devices, the clients, the processes and the engines."""
        self._ended.set()
        for device in self._devices.values():
            device.close()
        for node in self._nodes.values():
            node.close()
        self.processes.down()
        take_down(self.home, self.consortium, self.engines)

    def organisation(self, role: str) -> Organisation:
        """The one organisation of the demo with this role."""
        return next(each for each in self.consortium.organisations if role in each.roles)

    def node(self, role: str) -> Client:
        """The node of the organisation with this role, as its operator sees it."""
        return self._nodes[self.organisation(role).name]

    def make_device(self, device_id: str) -> SigningKey:
        """A new device key, kept in devices/<id>.pem, and its session with the broker."""
        key = SigningKey.generate("sm2-sm3")
        folder = home_of(self.home, self.organisation("warehouse").name) / "devices"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{device_id}.pem"
        file.touch(mode=0o600)
        file.write_bytes(key.to_pem())
        host, _, port = self.processes.mqtt.rpartition(":")
        # The boot counter is the machine's time: a demo played again in another second is another boot.
        self._devices[device_id] = Device(
            self.consortium.consortium_id, device_id, key, int(time.time()), host=host, port=int(port)
        )
        return key

    def device(self, stock: Stock) -> Device:
        """The device that weighs this stock."""
        return self._devices[stock.device_id]

    def replay(self, stock: Stock, *, since_s: int = 0, until_s: int | None = None) -> None:
        """Publish the rows of a bin in the background, each when its time has come on the clock."""
        chosen = self._packs_between(stock, since_s, until_s)
        threading.Thread(target=self._replay, args=(chosen, self._devices[stock.device_id]), daemon=True).start()

    def publish_breach(self, stock: Stock) -> None:
        """Publish the one pack that `replay(until_s=…)` left out next."""
        breach = self._breach[stock.number]
        self._devices[stock.device_id].publish(breach.readings)

    def _packs_between(self, stock: Stock, since_s: int, until_s: int | None) -> list[Due]:
        """The packs of a bin that fall due in this part of the series; the first one after it is kept as the breach."""
        packs = packs_of(DATA / f"bin{stock.number}.csv", load_mapping(DATA / "bin.toml"), self.timeline.moved)
        since_ms = self.timeline.at_ms(since_s)
        if until_s is None:
            return [each for each in packs if each.at_ms >= since_ms]
        until_ms = self.timeline.at_ms(until_s)
        self._breach[stock.number] = next(each for each in packs if each.at_ms >= until_ms)
        return [each for each in packs if since_ms <= each.at_ms < until_ms]

    def _replay(self, packs: list[Due], device: Device) -> None:
        with suppress(_Ended):
            replay(packs, device, self.clock.now_ms, self._pause)

    def _pause(self, remaining_ms: int) -> None:
        """Sleep towards a due time in steps short enough to notice a change of the clock's factor."""
        factor = self.clock.factor() if isinstance(self.clock, ScenarioClock) else 1
        if self._ended.wait(min(0.1, remaining_ms / 1000 / factor)):
            raise _Ended


def _introduce(home: Path, consortium: Consortium, log: StepLog) -> None:
    log.say(f"consortium {consortium.consortium_id.hex()[:16]}…, home {home}")
    for name, digest in judging_hashes(home).items():
        log.say(f"{name}: sha256 {digest}")
    log.say(f"data: {demo_product().story['origin']}")
    log.say(f"      {demo_product().story['stands_for']}")
