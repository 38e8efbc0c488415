"""The room on a peer's disk runs out."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from network.bringup import supervisor
from network.bringup.fabric.nodes import peer_program
from tests.engines import BOTH, Ledgers, on
from tests.faults.consortium_health import caught_up
from tests.faults.consortium_load import loaded
from tests.faults.consortium_strikes import RECOVERY_S_MAX, network_of

ROOM_BYTES = 4 * 2**20
"""What is left on the small disk at first."""
FULL_S = 6.0
COMMAND_TIMEOUT_S = 20.0
ORGANISATION = "insurer"


@on(BOTH)
async def test_a_peer_on_a_full_disk_stops_nobody_and_catches_up_when_there_is_room(ledgers: Ledgers) -> None:
    async with small_disk(ledgers) as disk, loaded(ledgers) as load:
        disk.fill()
        await asyncio.sleep(FULL_S)
        went_on_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        restarts = supervisor.states(ledgers.network_home)[disk.name].restarts
        disk.free()
        caught_up_s = await caught_up(ledgers, ORGANISATION, await load.warehouse.ledger.height())
        print(
            f"a full disk for {FULL_S:g} s: the others acknowledged within {went_on_s:.1f} s; the peer was restarted "
            f"{restarts} times and had every block {caught_up_s:.1f} s after there was room"
        )


class Disk:
    """A file system of a few megabytes under one peer's data."""

    def __init__(self, name: str, place: Path) -> None:
        self.name = name
        self.place = place
        self._filler = place / "filler"

    def fill(self) -> None:
        with self._filler.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                return

    def free(self) -> None:
        self._filler.unlink()


@asynccontextmanager
async def small_disk(ledgers: Ledgers) -> AsyncIterator[Disk]:
    """The peer's data on a file system with little room, until the block ends; skipped where none can be mounted."""
    place = next(each for each in network_of(ledgers).peers if each.organisation.name == ORGANISATION)
    home, data, program = ledgers.network_home, place.folder / "data", peer_program(place)
    kept = data.with_name("data.kept")
    await asyncio.to_thread(supervisor.stop, home, [place.name])
    shutil.copytree(data, kept)
    size = sum(path.stat().st_blocks * 512 for path in kept.rglob("*") if path.is_file()) + ROOM_BYTES
    mounted = run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(data))
    try:
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
        shutil.copytree(kept, data, dirs_exist_ok=True)
        await asyncio.to_thread(supervisor.start, home, [program])
        yield Disk(place.name, data)
    finally:
        await asyncio.to_thread(supervisor.stop, home, [place.name])
        if not mounted.returncode:
            shutil.rmtree(kept)
            shutil.copytree(data, kept)
            run("umount", str(data))
            shutil.rmtree(data)
            kept.rename(data)
        await asyncio.to_thread(supervisor.start, home, [program])


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
