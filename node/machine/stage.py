"""The processes of a consortium on one machine, started and stopped together.

    broker ── nodes ── oracle members        each a process of its own

Where the organisations share a home, one node serves them all; where each has its own, each has a node over it, and its
oracle member asks no other. `Stage.up` starts them in that order, waits until each says on its standard output that it
is ready, and only then writes `run/endpoints.json`; `down` ends them. A process that dies stays dead: who watches it
must see it, and the loop must show what it can do without it.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from network.membership.consortium import Consortium
from network.membership.homes import home_of, is_separated
from wuxin_client.errors import Unavailable

READY_TIMEOUT_S = 60.0
"""A cold start reads two ledgers and imports web3, some seconds on two slow cores; a minute means that it hangs."""
STOP_TIMEOUT_S = 10.0
ENDPOINTS_FILE = Path("run/endpoints.json")


@dataclass
class Stage:
    """What runs for one home. `nodes` has the URL of each organisation's node, `api` is that of the first one; `rpc` is
    a URL, `mqtt` is host:port."""

    home: Path
    api: str = ""
    mqtt: str = ""
    rpc: str | None = None
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict[str, subprocess.Popen[str]])

    def up(self, *, port: int = 0, dev_rpc: bool = False, members: bool = True) -> None:
        """Starts everything; on a failure stops what it started and says which process did not come up."""
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)
        (self.home / ENDPOINTS_FILE).unlink(missing_ok=True)
        consortium = Consortium.load(self.home)
        try:
            self.mqtt = self.start("broker", ["oracle.sources.broker", "--port", "0"])["mqtt"]
            if is_separated(self.home):
                self._start_nodes(consortium, port)
            else:
                node = self.start("node", _node_arguments(self.home, port, dev_rpc))
                self.nodes = {each.name: node["api"] for each in consortium.organisations}
                self.rpc = node.get("rpc")
            self.api = self.nodes[consortium.organisations[0].name]
            if members:
                self._start_members(consortium)
        except BaseException:
            self.down()
            raise
        self._write_endpoints()

    def down(self) -> None:
        """Asks every process to end, last started first, and ends by force what does not."""
        for process in reversed(list(self.processes.values())):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        for home in {self.home, *(home_of(self.home, org) for org in self.nodes)}:
            (home / ENDPOINTS_FILE).unlink(missing_ok=True)

    def start_member(self, name: str) -> None:
        """One oracle member, which talks to its own organisation's node."""
        self.start(f"oracle-{name}", self._member_arguments(name))

    def start_node(self, organisation: str) -> None:
        """The node of a separated organisation once more, where it was."""
        port = int(self.nodes[organisation].rpartition(":")[2])
        self.start(f"node-{organisation}", self._node_of(organisation, port))

    def _node_of(self, organisation: str, port: int) -> list[str]:
        return [*_node_arguments(home_of(self.home, organisation), port, dev_rpc=False), "--org", organisation]

    def _start_nodes(self, consortium: Consortium, port: int) -> None:
        """A node per organisation; the first one takes the port that was asked for."""
        ports = [port, *([0] * len(consortium.organisations))]
        waiting = {
            each.name: self._spawn(f"node-{each.name}", self._node_of(each.name, chosen))
            for each, chosen in zip(consortium.organisations, ports, strict=False)
        }
        self.nodes = {org: self._ready(f"node-{org}", lines)["api"] for org, lines in waiting.items()}

    def _start_members(self, consortium: Consortium) -> None:
        waiting = {
            f"oracle-{member.name}": self._spawn(f"oracle-{member.name}", self._member_arguments(member.name))
            for member in consortium.oracles
        }
        for name, lines in waiting.items():
            self._ready(name, lines)

    def _member_arguments(self, name: str) -> list[str]:
        home = home_of(self.home, name)
        return ["oracle", "--home", str(home), "--org", name, "--api", self.nodes[name], "--mqtt", self.mqtt]

    def start(self, name: str, module: Sequence[str]) -> Mapping[str, Any]:
        """One more process, `python -m module…`; what it says when it is ready."""
        return self._ready(name, self._spawn(name, module))

    def _spawn(self, name: str, module: Sequence[str]) -> "queue.Queue[str | None]":
        log = (self.home / "run" / f"{name}.log").open("a", encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        log.close()
        self.processes[name] = process
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_forward, args=(process, lines), daemon=True).start()
        return lines

    def _ready(self, name: str, lines: "queue.Queue[str | None]") -> Mapping[str, Any]:
        """The JSON that the process prints after the word `ready`."""
        while True:
            try:
                line = lines.get(timeout=READY_TIMEOUT_S)
            except queue.Empty:
                line = None
            if line is None:
                log = self.home / "run" / f"{name}.log"
                raise Unavailable("unavailable", f"{name} did not start: {_last_line(log)}", f"read {log}")
            if line.startswith("ready "):
                return cast(Mapping[str, Any], json.loads(line.removeprefix("ready ")))

    def _write_endpoints(self) -> None:
        """Each file in one rename, so that whoever finds it finds it whole."""
        document: dict[str, Any] = {
            "api": self.api,
            "nodes": self.nodes,
            "mqtt": self.mqtt,
            "pids": {name: process.pid for name, process in self.processes.items()},
        }
        if self.rpc:
            document["rpc"] = self.rpc
        for org in self.nodes:
            if (own := home_of(self.home, org)) != self.home:
                _replace(own / ENDPOINTS_FILE, {**document, "api": self.nodes[org]})
        _replace(self.home / ENDPOINTS_FILE, document)


def _replace(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def _node_arguments(home: Path, port: int, dev_rpc: bool) -> list[str]:
    return ["node", "--home", str(home), "--port", str(port), *(["--dev-rpc"] if dev_rpc else [])]


def _forward(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    """Reads a process to its end, so that it never blocks on a full pipe."""
    for line in process.stdout or ():
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
