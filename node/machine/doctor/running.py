"""What the doctor sees of what runs: supervised processes, the broker's port, and what members and nodes report."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx

from network.bringup import supervisor
from network.bringup.supervisor import Program, State
from network.membership.connections import Connections, ConnectionsError
from network.membership.consortium import Consortium
from network.membership.endorsers import stopped_endorsers
from network.membership.homes import home_of, is_own
from node.gate.problem_words import WORDS
from node.machine.doctor.finding import Finding
from node.machine.homes import api_key, endpoints
from node.machine.processes import ENDPOINTS_FILE, is_served, times
from oracle.storage.status import read_alive_s, read_status
from wuxin_client import Client, WuxinError

LOOK_S = 15
"""For a node to say how its ledgers are; it waits some seconds for those that do not answer."""
CONNECT_S = 3.0
SILENT_S = 20
"""After this a member that writes `alive_s` every three seconds hangs, even on a machine with much to do."""
MQTT_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x0a\x00\x06doctor"
"""CONNECT of MQTT 3.1.1 §3.1: a clean session of the client `doctor`."""
MQTT_CONNACK = 0x20
OFTEN, RECENT_S = 3, 60
"""A process that ended so often and runs for less than this is started again and again."""


def examine(home: Path, consortium: Consortium) -> Iterator[Finding]:
    """Everything about the ledgers and processes of a home."""
    yield from _ledgers(home, consortium)
    yield from _processes(home)
    try:
        running = endpoints(home)
    except WuxinError as problem:
        yield Finding(False, str(home), problem.detail, problem.hint)
        return
    if supervisor.listed(home).get("broker") is None and not is_served(home):
        told = "the `wuxin serve` that wrote it was killed; what it ran has ended"
        yield Finding(False, str(home / ENDPOINTS_FILE), told, f"wuxin serve --home {home}")
        return
    yield from _broker(str(running["mqtt"]), home)
    for member in consortium.oracles:
        if _has_keys(home, member.name):
            yield from _silence(home, member.name)
            yield from _troubles(home, member.name)
    served: dict[str, list[str]] = {}
    for org, url in running["nodes"].items():
        served.setdefault(url, []).append(org)
    for url, orgs in served.items():
        if asked := next((org for org in orgs if _has_keys(home, org)), None):
            yield from _node(home, asked, url, f"node of {', '.join(orgs)}")


def _ledgers(home: Path, consortium: Consortium) -> Iterator[Finding]:
    """Which engines carry them; the embedded endorsers are this home's own, a network has a doctor of its own."""
    try:
        connections = Connections.load(home)
    except ConnectionsError as problem:
        yield Finding(False, str(home / "connections.json"), problem.detail, problem.hint)
        return
    for chain, connection in connections.obligations.items():
        yield Finding(True, chain, f"{len(connection.endpoints)} endpoints, {connection.engine}")
    if connections.facts is None:
        yield from _endorsers(home, consortium)
    else:
        yield Finding(True, "facts", f"through {len(connections.facts.peers)} peers of Hyperledger Fabric")


def _endorsers(home: Path, consortium: Consortium) -> Iterator[Finding]:
    stopped = sorted(stopped_endorsers(home))
    running = len(consortium.endorsers) - len(stopped)
    needed = consortium.facts.endorsements
    hint = f"wuxin endorser start {stopped[0]} --home {home}" if running < needed else ""
    yield Finding(running >= needed, "facts", f"{running} endorsers run, {needed} are needed", hint)
    for org in stopped:
        yield Finding(False, "facts", f"the endorser of {org} is stopped", f"wuxin endorser start {org} --home {home}")


def _processes(home: Path) -> Iterator[Finding]:
    """Each process that the supervisor keeps: whether it runs, how often it ended, and its last words."""
    states = supervisor.states(home)
    if states and supervisor.supervisor_pid(home) is None:
        hint = (
            f"wuxin network up --home {home}" if not is_served(home) else f"read {home}/run/supervisor/supervisor.log"
        )
        yield Finding(False, "supervisor", "it does not run, and with it nothing that it kept", hint)
    for name, program in supervisor.listed(home).items():
        if name in states:
            yield _process(name, program, states[name])


def _process(name: str, program: Program, state: State) -> Finding:
    again = f"ended by {state.ended} {time.time() - state.ended_at:.0f} s ago, {times(state.restarts)} so far"
    said = "".join(f"; its last line: {line}" for line in supervisor.last_lines(program.log, 1))
    hint = f"read {program.log}; the supervisor goes on starting it"
    if not state.running:
        return Finding(
            False, name, f"{name} does not run: {again if state.ended else 'it was not started'}{said}", hint
        )
    if state.restarts >= OFTEN and time.time() - state.since < RECENT_S:
        return Finding(False, name, f"{name} is started again and again: {again}{said}", hint)
    if state.pid is not None and _is_stopped(state.pid):
        wake = f"wake it: kill -CONT {state.pid}; or end it, and the supervisor starts it again: kill -KILL {state.pid}"
        return Finding(False, name, f"{name} stands still: somebody stopped process {state.pid} (SIGSTOP)", wake)
    return Finding(True, name, f"{name} runs (pid {state.pid})" + (f"; {again}" if state.ended else ""))


def _is_stopped(pid: int) -> bool:
    """Whether the kernel holds the process: state T of /proc/<pid>/stat, behind the name in brackets (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False  # gone by now, or a system without /proc


def _silence(home: Path, org: str) -> Iterator[Finding]:
    """A member whose worker has turned no more for a while, although its process is there."""
    state = supervisor.states(home).get(f"oracle-{org}")
    if state is None or not state.running:
        return
    alive_s = read_alive_s(home_of(home, org), org) or 0  # one that never turned is silent since its start
    silent_s = time.time() - max(alive_s, state.since)
    if silent_s > SILENT_S:
        log = f"{home}/run/oracle-{org}.log"
        hint = f"end it, and the supervisor starts it again: kill -KILL {state.pid}; first read {log}"
        told = f"it hangs: no sign of life for {silent_s:.0f} s (pid {state.pid})"
        yield Finding(False, f"oracle of {org}", told, hint)


def _broker(address: str, home: Path) -> Iterator[Finding]:
    """Ask for a session: the kernel takes connections for a broker that stands still, only the broker answers."""
    host, _, port = address.rpartition(":")
    try:
        with closing(socket.create_connection((host, int(port)), CONNECT_S)) as connection:
            connection.settimeout(CONNECT_S)
            connection.sendall(MQTT_CONNECT)
            answer = connection.recv(4)
        if answer[:1] == bytes([MQTT_CONNACK]):
            yield Finding(True, "broker", f"it answers at {address}")
        else:
            hint = f"end what listens there, or read {home}/run/broker.log"
            told = f"what listens at {address} answers no MQTT: {answer.hex() or 'nothing'}"
            yield Finding(False, "broker", told, hint)
    except TimeoutError:
        hint = f"it hangs: end its process, the supervisor starts it again; first read {home}/run/broker.log"
        yield Finding(False, "broker", f"it does not answer at {address} within {CONNECT_S:g} s", hint)
    except OSError as problem:
        hint = f"devices keep their packs meanwhile; read {home}/run/broker.log"
        yield Finding(False, "broker", f"nobody takes connections at {address}: {problem}", hint)


def _troubles(home: Path, org: str) -> Iterator[Finding]:
    """What the organisation's oracle member says that it cannot use, reach or agree on, each with its beginning."""
    for each in read_status(home_of(home, org), org):
        since = datetime.fromtimestamp(each.since_s, UTC).isoformat().replace("+00:00", "Z")
        told = f"{each.about}, since {since}: {each.code}: {each.detail}"
        yield Finding(False, f"oracle of {org}", told, each.hint or f"read {home}/run/oracle-{org}.log")


def _node(home: Path, org: str, url: str, where: str) -> Iterator[Finding]:
    """One node: its health, and what it says of the ledgers to one of its organisations."""
    yield from _health(home, url, where)
    try:
        with Client(url, api_key(home, org, "reader"), timeout_s=LOOK_S) as node:
            status = node.get_status()
            yield Finding(True, where, f"it answers at {url}, {status.pending} commands wait")
            for ledger in (status.facts, status.obligations):
                if trouble := ledger.detail or ledger.trouble:
                    told = f"seen by the {where}: {trouble}"
                    yield Finding(False, ledger.name, told, f"wuxin network doctor --home {home}")
            yield from _duties(node)
    except WuxinError as problem:
        yield Finding(False, where, problem.detail, problem.hint)


def _health(home: Path, url: str, where: str) -> Iterator[Finding]:
    try:
        reasons: list[str] = httpx.get(f"{url}/healthz", timeout=LOOK_S).json()["reasons"]
    except (httpx.TransportError, ValueError, KeyError, TypeError) as problem:
        yield Finding(False, where, f"it does not answer at {url}: {problem!r}", f"read {home}/run/node*.log")
        return
    for reason in reasons:
        hint = "docs/reference/api.md says what each reason means, and what to do"
        yield Finding(False, where, f"it is not ready: {reason}", hint)


def _has_keys(home: Path, org: str) -> bool:
    return is_own(home_of(home, org), org)


def _duties(node: Client) -> Iterator[Finding]:
    """Half-done states: not an error of the machine, but somebody has to act."""
    for duty in node.list_duties().items:
        known = WORDS.get(duty.code)
        actor = "an oracle member" if duty.next_actor == "oracle" else duty.next_actor
        told = f"{known.en if known else 'half done'} ({duty.code})"
        yield Finding(False, f"receipt {duty.receipt_id}", told, f"{actor} has to act: {duty.hint}")
