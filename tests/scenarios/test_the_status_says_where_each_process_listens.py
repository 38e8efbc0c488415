"""Every process of the real ledgers, and the address that `wuxin network status` and the demo's picture show for it."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from network.bringup.fabric.nodes import WATCH
from node.demo import picture
from node.machine.network import processes
from tests.engines import EVM, FABRIC, Ledgers, on

LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp and tcp6."""


@on(FABRIC, EVM)
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who listens")
def test_each_process_itself_listens_at_the_address_that_is_shown_for_it(ledgers: Ledgers) -> None:
    home = ledgers.home
    rows = processes(home)
    inodes = listening()
    for row in (row for row in rows if row.name != WATCH):
        host, _, port = row.address.partition(":")
        assert host == "127.0.0.1", row
        assert inodes[int(port)] in sockets_of(row.pid), row
    drawn = list(picture.lines(home, ledgers.consortium))
    assert len(drawn) == len(rows)
    for row in rows:
        assert [line for line in drawn if f" {row.address}" in line and f" {row.pid}" in line], (row, drawn)


def listening() -> dict[int, int]:
    """Inode of the listening socket, by port; gRPC for Python takes one of IPv6 for an address of IPv4."""
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16): int(row[9]) for row in rows if row[3] == LISTENS}


def sockets_of(pid: int) -> set[int]:
    found: set[int] = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            kind, _, rest = str(each.readlink()).partition(":[")
            if kind == "socket":
                found.add(int(rest.rstrip("]")))
    return found
