"""The broker, the nodes and the oracle members of a consortium on one machine, started and ended together.

    broker, nodes ─▶ oracle members ─▶ run/endpoints.json        each a process of its own, kept by the supervisor

Where the organisations share a home, one node serves them all; where each has its own, each has a node over it, and its
oracle member asks no other. `Processes.up` starts them in that order, waits until each says on its standard output that
it is ready, and only then writes `run/endpoints.json`; `down` ends them. Ports are chosen before, so that a process
that died and was started again is found where it was. The processes end with the command that holds this object: they
run under a lease, which the kernel takes from a command that is killed.
"""

import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network.bringup import supervisor
from network.bringup.listeners import LOOPBACK, address, free_ports
from network.bringup.supervisor import Lease, Program, State
from network.membership.consortium import Consortium
from network.membership.homes import home_of, is_separated
from network.ports import Rejected

READY_TIMEOUT_S = 60.0
"""A cold start reads two ledgers and imports web3, some seconds on two slow cores; a minute means that it hangs."""
ENDPOINTS_FILE = Path("run/endpoints.json")
LEASE_FILE = Path("run/serve.lock")


@dataclass
class Processes:
    """What one command runs over a home.

    `nodes` has the URL of each organisation's node, `api` is that of the first one; `rpc` is a URL, `mqtt` is
    host:port. `tell` hears, while they start, of each process that is ready.
    """

    home: Path
    api: str = ""
    mqtt: str = ""
    rpc: str | None = None
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    names: list[str] = field(default_factory=list[str])
    tell: Callable[[str], None] = lambda _: None
    _written: dict[str, Any] = field(default_factory=dict[str, Any])
    _seen: dict[str, State] = field(default_factory=dict[str, State])

    def __post_init__(self) -> None:
        self.home = self.home.absolute()
        self._lease = Lease(self.home / LEASE_FILE)

    def up(self, *, port: int = 0, dev_rpc: bool = False, members: bool = True) -> None:
        """Start everything; on a failure end what was started and say which process did not come up.

        Raises SupervisorError: `conflict` where another command serves the home, `unavailable` otherwise.
        """
        self._lease.take()
        consortium = Consortium.load(self.home)
        try:
            (self.home / ENDPOINTS_FILE).unlink(missing_ok=True)
            self._start_nodes(consortium, port, dev_rpc)
            if members:
                self._start([self._member(each.name) for each in consortium.oracles])
        except BaseException:
            self.down()
            raise
        self.refresh()

    def down(self) -> None:
        """Ask every process to end, and end by force what does not."""
        supervisor.stop(self.home, self.names)
        self.names.clear()
        self._lease.release()
        for home in {self.home, *(home_of(self.home, org) for org in self.nodes)}:
            (home / ENDPOINTS_FILE).unlink(missing_ok=True)

    def refresh(self) -> list[str]:
        """Write `run/endpoints.json` as it is now. Gives a sentence for each process that ended since the last look."""
        states = self.states
        told = [
            f"{name} ended by {state.ended}, {times(state.restarts)} so far; it is started again. Read {self.log(name)}"
            for name, state in states.items()
            if state.restarts > self._seen.get(name, State()).restarts
        ]
        self._seen = states
        if self.rpc:
            self.rpc = (supervisor.ready_line(self.home, "node") or {}).get("rpc", self.rpc)
        self._write_endpoints()
        return told

    @property
    def states(self) -> dict[str, State]:
        """How each of the processes is, by name: broker, node or node-<organisation>, oracle-<organisation>."""
        found = supervisor.states(self.home)
        return {name: found[name] for name in self.names if name in found}

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each that runs."""
        return {name: state.pid for name, state in self.states.items() if state.pid is not None}

    def log(self, name: str) -> Path:
        """The file that takes what a process prints."""
        return self.home / "run" / f"{name}.log"

    def start_member(self, organisation: str) -> None:
        """Run one oracle member, which talks to its own organisation's node. Raises SupervisorError."""
        self._start([self._member(organisation)])

    def start_node(self, organisation: str) -> None:
        """Run the node of a separated organisation once more, where it was. Raises SupervisorError."""
        self._start([self._node(organisation, int(self.nodes[organisation].rpartition(":")[2]))])

    def start_shared_node(self, port: int = 0, *, dev_rpc: bool = False) -> str:
        """Run one node for all organisations of the home. Gives its URL. Raises SupervisorError."""
        port = port or free_ports(self.home, 1)[0]
        extra = ["--dev-rpc"] if dev_rpc else []
        self._start([self._program("node", ["node", "--home", str(self.home), "--port", str(port), *extra], port)])
        return f"http://{address(port)}"

    def end(self, name: str) -> None:
        """End one process; the others go on. Raises SupervisorError."""
        supervisor.stop(self.home, [name])
        self.names.remove(name)

    def _start_nodes(self, consortium: Consortium, port: int, dev_rpc: bool) -> None:
        """The broker and the nodes; the first node takes the port that was asked for."""
        organisations = [each.name for each in consortium.organisations]
        broker_port, *ports = free_ports(self.home, 1 + len(organisations))
        ports[0] = port or ports[0]
        self.mqtt = address(broker_port)
        broker = self._program("broker", ["oracle.sources.broker", "--port", str(broker_port)], broker_port)
        if is_separated(self.home):
            self.nodes = {org: f"http://{address(chosen)}" for org, chosen in zip(organisations, ports, strict=True)}
            self._start([broker, *(self._node(org, chosen) for org, chosen in zip(organisations, ports, strict=True))])
        else:
            self._start([broker])
            self.nodes = dict.fromkeys(organisations, self.start_shared_node(ports[0], dev_rpc=dev_rpc))
            self.rpc = (supervisor.ready_line(self.home, "node") or {}).get("rpc")
        self.api = self.nodes[organisations[0]]

    def _node(self, organisation: str, port: int) -> Program:
        home = home_of(self.home, organisation)
        arguments = ["node", "--home", str(home), "--port", str(port), "--org", organisation]
        return self._program(f"node-{organisation}", arguments, port)

    def _member(self, organisation: str) -> Program:
        home, api = home_of(self.home, organisation), self.nodes[organisation]
        arguments = ["oracle", "--home", str(home), "--org", organisation, "--api", api, "--mqtt", self.mqtt]
        return self._program(f"oracle-{organisation}", arguments)

    def _program(self, name: str, module: Sequence[str], port: int | None = None) -> Program:
        """`python -m module…`, from the folder and with the settings of this command."""
        ours = {key: value for key, value in os.environ.items() if key.startswith("WUXIN_")}
        return Program(
            name,
            (sys.executable, "-m", *module),
            {**ours, "PYTHONUNBUFFERED": "1"},
            Path.cwd(),
            self.log(name),
            address=address(port) if port else "",
            lease=str(self._lease.path),
        )

    def _start(self, programs: Sequence[Program]) -> None:
        """Start these at once; return when each is ready."""
        self._lease.take()
        self.names += [each.name for each in programs]
        supervisor.start(self.home, programs)
        for each in programs:
            supervisor.await_ready(self.home, each.name, READY_TIMEOUT_S)
            self.tell(f"{each.name} is ready")

    def _write_endpoints(self) -> None:
        """Write what changed, each file in one rename, so that whoever finds it finds it whole."""
        document: dict[str, Any] = {"api": self.api, "nodes": self.nodes, "mqtt": self.mqtt, "pids": self.pids}
        if self.rpc:
            document["rpc"] = self.rpc
        if document == self._written:
            return
        for org in self.nodes:
            if (own := home_of(self.home, org)) != self.home:
                _replace(own / ENDPOINTS_FILE, {**document, "api": self.nodes[org]})
        _replace(self.home / ENDPOINTS_FILE, document)
        self._written = document


def times(count: int) -> str:
    """Say how often something happened: once, 2 times."""
    return "once" if count == 1 else f"{count} times"


def is_served(home: Path) -> bool:
    """Whether a command runs processes over this home now."""
    return supervisor.is_held(home / LEASE_FILE)


def require_free(port: int) -> None:
    """Refuse a port that another program has (`conflict`), or that this user may not take (`forbidden`)."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as problem:
        is_taken = problem.errno == errno.EADDRINUSE
        code, told = ("conflict", "is taken") if is_taken else ("forbidden", f"cannot be used: {problem.strerror}")
        raise Rejected(code, f"port {port} {told}", "take --port 0, which picks a free one, or another") from problem


def _replace(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
