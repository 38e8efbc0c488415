"""The demo's surroundings: a founded home, its processes, one client an organisation, and the devices.

The recorded series is moved in time by one constant, SHIFT_MS: its 2022-01-01 16:14:00Z is the scenario's start.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from network.clock import Clock, ScenarioClock, open_clock
from network.consortium import Consortium
from node.cli.acts import Programme, utc
from node.cli.founding import found, shipped_hashes
from node.cli.homes import api_key
from node.cli.stage import Stage
from oracle.replay import Device, Due, load_mapping, packs_of, replay
from wuxin_client import Client
from wuxin_evidence.suites import SigningKey

DATA = Path(__file__).parent.parent / "demo_data"
SERIES_START_MS = 1_641_053_640_000
"""2022-01-01T16:14:00Z in the recorded series."""
SCENARIO_START_MS = 1_772_468_040_000
"""2026-03-02T16:14:00Z on the scenario's clock."""
SHIFT_MS = SCENARIO_START_MS - SERIES_START_MS


class _Ended(Exception):
    """The world was closed while a series was being replayed."""


class Story(Protocol):
    """What the world needs to know of a bin."""

    number: str
    device_id: str


class World:
    """Everything around the acts. Make it with `create`, end it with `close`."""

    def __init__(self, home: Path, consortium: Consortium, stage: Stage) -> None:
        self.home = home
        self.consortium = consortium
        self.clock: Clock = open_clock(consortium, home)
        self.stage = stage
        self._nodes = {o.name: Client(stage.api, api_key(home, o.name)) for o in consortium.organisations}
        self._devices: dict[str, Device] = {}
        self._ended = threading.Event()

    @classmethod
    def create(cls, home: Path, programme: Programme) -> "World":
        consortium = found(home, scenario_start_ms=SCENARIO_START_MS)
        days = SHIFT_MS // 86_400_000
        programme.say(f"consortium {consortium.consortium_id.hex()[:16]}…, home {home}")
        programme.say(
            "data: load cells of feed bins, recorded on 2022-01-01 (IntakeInspectR, MIT; node/demo_data/NOTICE.md)"
        )
        programme.say("      1 kilogram in the data stands for 1 tonne, and a visit for a registered withdrawal")
        programme.say(f"      all times are moved by one constant, {SHIFT_MS} ms ({days} days)")
        programme.say(f"clock: scenario({utc(SCENARIO_START_MS)}, factor 1)")
        for name, digest in shipped_hashes().items():
            programme.say(f"{name}: sha256 {digest}")
        stage = Stage(home)
        ScenarioClock.start(home, SCENARIO_START_MS, 1)
        stage.up()
        return cls(home, consortium, stage)

    def close(self) -> None:
        self._ended.set()
        for device in self._devices.values():
            device.close()
        for node in self._nodes.values():
            node.close()
        self.stage.down()

    def node(self, organisation: str) -> Client:
        return self._nodes[organisation]

    def make_device(self, device_id: str) -> SigningKey:
        """A new device key, kept in devices/<id>.pem, and its session with the broker."""
        key = SigningKey.generate("sm2-sm3")
        folder = self.home / "devices"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{device_id}.pem"
        file.touch(mode=0o600)
        file.write_bytes(key.to_pem())
        host, _, port = self.stage.mqtt.rpartition(":")
        self._devices[device_id] = Device(
            self.consortium.consortium_id, device_id, key, int(time.time()), host=host, port=int(port)
        )
        return key

    @property
    def pids(self) -> dict[str, int]:
        """Process id by name: broker, node, oracle-<member>."""
        return {name: process.pid for name, process in self.stage.processes.items()}

    def device(self, story: Story) -> Device:
        return self._devices[story.device_id]

    def replay(self, story: Story, *, since_s: int = 0, until_s: int | None = None) -> None:
        """Publishes the rows of a bin in the background, each when its time has come on the scenario clock."""
        chosen = self._dues(story, since_s, until_s)
        threading.Thread(target=self._replay, args=(chosen, self._devices[story.device_id]), daemon=True).start()

    def publish_breach(self, story: Story) -> None:
        """Publishes the one pack that `replay(until_s=…)` left out next."""
        breach = self._breach[story.number]
        self._devices[story.device_id].publish(breach.readings)

    def _dues(self, story: Story, since_s: int, until_s: int | None) -> list[Due]:
        dues = packs_of(DATA / f"bin{story.number}.csv", load_mapping(DATA / "bin.toml"), SHIFT_MS)
        since_ms = SCENARIO_START_MS + since_s * 1000
        if until_s is None:
            return [due for due in dues if due.at_ms >= since_ms]
        until_ms = SCENARIO_START_MS + until_s * 1000
        self._breach = {story.number: next(due for due in dues if due.at_ms >= until_ms)}
        return [due for due in dues if since_ms <= due.at_ms < until_ms]

    def _replay(self, dues: list[Due], device: Device) -> None:
        with suppress(_Ended):
            replay(dues, device, self.clock.now_ms, self._pause)

    def _pause(self, remaining_ms: int) -> None:
        """Sleeps towards a due time in steps short enough to notice a change of the clock's factor."""
        factor = self.clock.factor() if isinstance(self.clock, ScenarioClock) else 1
        if self._ended.wait(min(0.1, remaining_ms / 1000 / factor)):
            raise _Ended
