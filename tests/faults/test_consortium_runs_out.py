"""What runs out: the room on a peer's disk, and the time of a certificate."""

import asyncio
import datetime
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from network import supervisor
from network.connections import Connections, FactsConnection
from network.fabric.ledger import open_ledger
from network.fabric.nodes import peer_program
from network.identities import Authority, FabricSigner, Validity, key_from_pem, new_key
from network.ports import Ledger, Rejected, Unavailable
from network.published import certificate
from network.seats import Seat, _keystore
from tests.engines import BOTH, FACTS_PAIRS, Ledgers, on
from tests.faults.consortium_strikes import RECOVERY_S_MAX, network_of
from tests.faults.test_consortium_is_cut import loaded
from tests.scenarios.ledger_story import LedgerStory

ROOM_BYTES = 4 * 2**20
"""What is left on the small disk at first."""
FULL_S = 6.0
COMMAND_TIMEOUT_S = 20.0
ORGANISATION = "insurer"


@on(*FACTS_PAIRS)
async def test_an_expired_certificate_is_refused_as_that(ledgers: Ledgers) -> None:
    seat = expired(ledgers, ledgers.seat("warehouse"))
    async with ledgers.everybody() as parties:
        slot = {"slot_id": LedgerStory(ledgers, parties).slot}
        height = await parties["warehouse"].ledger.height()
        ledger = await asyncio.to_thread(ledgers.ledger, seat, ledgers.clock, "warehouse")
        try:
            with pytest.raises(Rejected) as refused:
                await ledger.submit("register_slot", slot)
        finally:
            await ledger.aclose()
        assert refused.value.code == "forbidden" and refused.value.hint
        assert "expired" in refused.value.detail or "not valid" in refused.value.detail
        assert await parties["warehouse"].ledger.height() == height


def expired(ledgers: Ledgers, seat: Seat) -> Seat:
    """The seat with a certificate of its own authority that was valid until yesterday."""
    authority = Authority(
        seat.msp_id,
        x509.load_pem_x509_certificate(certificate(ledgers.home, seat.name, "root")),
        key_from_pem(_keystore(ledgers.home, seat.name, None).open("authority")["authority"].encode()),
    )
    key = new_key()
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    pem = authority.issue(f"client.{seat.name}", "client", key.public_key(), Validity(not_after=yesterday))
    return replace(seat, fabric_signer=FabricSigner.of(seat.name, seat.msp_id, pem, key))


@on(BOTH)
async def test_a_peer_on_a_full_disk_stops_nobody_and_catches_up_when_there_is_room(ledgers: Ledgers) -> None:
    async with small_disk(ledgers) as disk, loaded(ledgers) as load:
        disk.fill()
        await asyncio.sleep(FULL_S)
        went_on_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
        restarts = supervisor.states(ledgers.network_home)[disk.name].restarts
        disk.free()
        moment_s = time.monotonic()
        await caught_up(ledgers, await load.warehouse.ledger.height())
        caught_up_s = time.monotonic() - moment_s
        print(
            f"a full disk for {FULL_S:g} s: the others acknowledged within {went_on_s:.1f} s; the peer was restarted "
            f"{restarts} times and had every block {caught_up_s:.1f} s after there was room"
        )


async def caught_up(ledgers: Ledgers, height: int) -> None:
    """Until the organisation's own peer has so many blocks."""
    connection = Connections.load(ledgers.home).facts
    assert connection is not None
    own = FactsConnection(tuple(peer for peer in connection.peers if peer.organisation == ORGANISATION))
    ledger = open_ledger(ledgers.consortium, ledgers.seat(ORGANISATION), ledgers.clock, own)
    try:
        deadline = time.monotonic() + RECOVERY_S_MAX
        while not await has(ledger, height):
            assert time.monotonic() < deadline, f"the peer of {ORGANISATION} did not catch up"
            await asyncio.sleep(0.2)
    finally:
        await ledger.aclose()


async def has(ledger: Ledger, height: int) -> bool:
    try:
        return await ledger.height() >= height
    except Unavailable:
        return False


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
