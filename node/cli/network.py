"""`wuxin network`: what the machine does and finds, as a terminal shows it."""

import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from network.ports import Unavailable
from node.demo.founding import prepare
from node.machine import network
from node.machine.engines import RealEngine
from node.machine.network import Process


def up(home: Path, engines: Collection[RealEngine] = ()) -> None:
    """Bring up real ledgers and say after how many seconds each step was done."""
    begin = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - begin:6.1f} s  {what}", flush=True)

    network.up(home, engines, prepare=prepare, tell=tell)
    tell(f"founded; its processes: wuxin network status --home {home}")


def status(home: Path, *, as_json: bool) -> int:
    """Print each process. Gives 0 where all run, 1 where one does not. Raises Unavailable where there is none."""
    found = network.processes(home)
    if not found:
        raise Unavailable(f"no network runs over {home}", f"start it: wuxin network up --home {home}")
    for line in (json.dumps(asdict(each)) for each in found) if as_json else _table(found):
        print(line)
    return 0 if all(each.running for each in found) else 1


def _table(found: Sequence[Process]) -> Iterator[str]:
    """A line of headings and one for each process, in columns as wide as the longest name."""
    width = max(len(each.name) for each in found)
    yield f"{'process':{width}}  state      pid  restarts  address"
    for each in found:
        state = "runs" if each.running else "DOWN"
        yield f"{each.name:{width}}  {state:5}  {each.pid or '-':>7}  {each.restarts:>8}  {each.address}".rstrip()


def doctor(home: Path, *, as_json: bool) -> int:
    """Print what is wrong with the networks of a home. Gives 0 where no error is, 1 otherwise."""
    found = network.findings(home)
    print(network.findings_text(found, as_json=as_json))
    return 1 if any(each.severity == "error" for each in found) else 0


def upgrade_chaincode(home: Path) -> None:
    """Upgrade the chaincode of a home and print its new version as JSON."""
    print(json.dumps({"version": network.upgrade_chaincode(home, lambda what: print(what, flush=True))}))
