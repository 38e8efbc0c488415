"""The facts on Hyperledger Fabric: four BFT orderers, five peers, five chaincode servers.

Throughput and latency are measured beside a Go chaincode and the Go gateway client on the very same channel, in turns.
All of it shares the machine with its load, so the figures say what the parts cost, not what a network can do.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from network.bringup import supervisor
from network.bringup.fabric import network
from network.bringup.fabric.channel import ChannelSetting
from network.bringup.fabric.layout import Layout, layout_of
from network.membership.connections import Connections
from node.demo.founding import prepare
from node.machine.founding import found_over
from tests.bench.fabric_peers import CHAINCODE, GoPrograms, build_go, environment, go_command, install_go
from tests.bench.processor_time import by_kind, spent
from tests.bench.rows import Row, Show, milliseconds
from tests.engines import end_as_interrupted

BATCH_INTERVAL_MS = 200
"""How long a BFT leader collects: under load 200 is better, for a single transaction it is most of the latency."""
LOADS = {1: 40, 64: 500, 256: 900}
"""Transactions in flight, and how many are measured of each."""
HALVES_IN_FLIGHT = 64
TURNS = 2
CLIENT_TIMEOUT_S = 300
DURABILITY = "block and state written by every peer; orderers' log fsynced"
PROCESSES = "4 orderers, 5 peers, 5 chaincode servers, 1 client, on one machine"
PAYLOAD = "register_slot, 3 of 5, BFT, batches of 200 ms"


@dataclass(frozen=True)
class Run:
    """One load: what it took, and processor milliseconds a transaction by kind of process."""

    seconds: float
    latencies_s: list[float]
    failed: int
    processor_ms: dict[str, float]

    @property
    def rate(self) -> float:
        return len(self.latencies_s) / self.seconds


def measure(show: Show) -> list[Row]:
    end_as_interrupted()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        show("Go builds its programs")
        programs = build_go(folder)
        show("beside Go, on a network of facts")
        rows = _beside_go(folder, programs)
        show("the channel's policies, on two networks of facts")
        return rows + _policies(folder)


def _beside_go(folder: Path, programs: GoPrograms) -> list[Row]:
    rows: list[Row] = []
    with running(folder / "beside") as layout:
        install_go(layout, programs)
        ours = [sys.executable, "-m", "tests.bench.fabric_client", str(layout.home)]
        theirs = go_command(layout, programs, folder, CHAINCODE)
        for in_flight, count in LOADS.items():
            runs: dict[str, list[Run]] = {"ours": [], "go": []}
            for turn in range(TURNS):
                runs["ours"].append(drive(layout, ours, "--", f"P{in_flight}-{turn}", in_flight, count))
                runs["go"].append(drive(layout, theirs, "-", f"G{in_flight}-{turn}", in_flight, count))
            rows += _told(in_flight, runs["ours"], runs["go"])
        rows.append(_halves(layout, ours, go_command(layout, programs, folder, layout.consortium.facts.chaincode)))
    return rows


def _halves(layout: Layout, ours: list[str], go_client: list[str]) -> Row:
    """Each of ours with the other one's half: what the chaincode costs, and what the client."""
    chaincode = drive(layout, go_client, "-", "H", HALVES_IN_FLIGHT, LOADS[HALVES_IN_FLIGHT])
    client = drive(layout, [*ours, "--chaincode", CHAINCODE], "--", "H", HALVES_IN_FLIGHT, LOADS[HALVES_IN_FLIGHT])
    return Row(
        f"Fabric, our chaincode with the Go client, {HALVES_IN_FLIGHT} in flight",
        f"{_figures([chaincode])}; {_costs([chaincode])}",
        f"Go chaincode with our client: {_figures([client])}; {_costs([client])}",
        DURABILITY,
        PROCESSES,
        PAYLOAD,
    )


def _told(in_flight: int, ours: list[Run], theirs: list[Run]) -> list[Row]:
    share = statistics.mean(each.rate for each in ours) / statistics.mean(each.rate for each in theirs)
    aim = f"Go chaincode and Go gateway client: {_figures(theirs)}; ours is {share:.2f} of it (aim ≥ 0.95)"
    costs = Row(
        f"processor time a transaction, {in_flight} in flight",
        _costs(ours),
        f"Go: {_costs(theirs)}",
        DURABILITY,
        PROCESSES,
        PAYLOAD,
    )
    return [Row(f"Fabric, {in_flight} in flight", _figures(ours), aim, DURABILITY, PROCESSES, PAYLOAD), costs]


def _figures(runs: list[Run]) -> str:
    latencies = [each for run in runs for each in run.latencies_s]
    failed = sum(run.failed for run in runs)
    told = f"{statistics.mean(run.rate for run in runs):.1f} tx/s, {milliseconds(latencies)}"
    return f"{told}, {failed} reported as failed" if failed else told


def _costs(runs: list[Run]) -> str:
    kinds = sorted({kind for run in runs for kind in run.processor_ms})
    means = {kind: statistics.mean(run.processor_ms.get(kind, 0.0) for run in runs) for kind in kinds}
    return ", ".join(f"{kind} {mean:.1f} ms" for kind, mean in means.items() if mean >= 0.05)


def _policies(folder: Path) -> list[Row]:
    """The same load of ours over flat channel policies and over Fabric's usual ones, network after network."""
    found: dict[str, Run] = {}
    for policies in ("flat", "any"):
        with running(folder / policies, policies) as layout:
            ours = [sys.executable, "-m", "tests.bench.fabric_client", str(layout.home)]
            drive(layout, ours, "--", "W", 64, LOADS[64] // 4)
            found[policies] = drive(layout, ours, "--", "P", 64, LOADS[64])
    flat, usual = found["flat"], found["any"]
    return [
        Row(
            "Fabric, flat channel policies, 64 in flight",
            f"{_figures([flat])}; {_costs([flat])}",
            f"ANY Readers/Writers: {_figures([usual])}; {_costs([usual])}; flat is {flat.rate / usual.rate:.2f} of it",
            DURABILITY,
            PROCESSES,
            PAYLOAD,
        )
    ]


@contextmanager
def running(home: Path, policies: str = "flat") -> Iterator[Layout]:
    """A founded network of facts over a home of its own."""
    consortium = prepare(home)
    setting = ChannelSetting(BATCH_INTERVAL_MS, "flat" if policies == "flat" else "any")
    try:
        Connections(facts=network.up(home, consortium, setting)).save(home)
        found_over(home)
        yield layout_of(home, consortium)
    finally:
        network.down(home)
        supervisor.stop(home)  # what was measured beside it


def drive(layout: Layout, command: list[str], dashes: str, name: str, in_flight: int, count: int) -> Run:
    """Have a client process make this load; raises RuntimeError where it ends otherwise."""
    prefix = f"{layout.consortium.organisation('warehouse').uscc}/{name}-"
    wanted = {"prefix": prefix, "in-flight": str(in_flight), "transactions": str(count)}
    arguments = [part for flag, value in wanted.items() for part in (dashes + flag, value)]
    before = by_kind(layout.home)
    children = os.times()
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, env=environment(), check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-500:]}")
    client_s = os.times().children_user + os.times().children_system - children.children_user - children.children_system
    costs = {**spent(before, by_kind(layout.home)), "client": client_s}
    told = json.loads(done.stdout.splitlines()[-1])
    latencies = told["latencies_s"]
    if not latencies:
        raise RuntimeError(f"nothing was committed: {told['failed']}")
    per_transaction = {kind: 1000 * seconds / len(latencies) for kind, seconds in costs.items()}
    return Run(told["seconds"], latencies, sum(told["failed"].values()), per_transaction)
