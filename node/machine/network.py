"""`wuxin network`: real ledgers on this machine, both or one, beside or instead of the embedded ones.

    up   consortium ─▶ Fabric network ─▶ validators ─▶ connections.json ─▶ first transactions of both ledgers

What the engines are, a home says in its `connections.json`; `up` writes it, and from then on every command and every
node over this home speaks to them. A home whose embedded ledger has blocks keeps it: its history is not carried over.
Two that bring up the same home do so one after the other: two first blocks of one channel would never meet.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from network.bringup.supervisor import listed, states
from network.locks import open_lock
from network.membership.connections import Connections
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from network.membership.homes import home_of
from network.ports import Rejected, Unavailable
from node.machine.engines import REAL_ENGINES, RealEngine, bring_up, connected, take_down

if TYPE_CHECKING:
    from network.bringup.fabric.doctor.findings import Finding

BLOCK_WAIT_S = 3.0
"""Validators make a block, empty or not, several times a second; a leader that hangs is passed over in this time."""


def up(home: Path, engines: Collection[RealEngine] = (), *, prepare: Callable[[Path], object] | None = None) -> None:
    """Bring these up and make the first transactions; doing it again changes nothing.

    Where no engine is named: those that the home is connected to, both over a new home. `prepare` makes a home that
    has no consortium file.
    """
    with _alone(home):
        if prepare is not None and not (home / CONSORTIUM_FILE).exists():
            print(f"no consortium in {home}: making the demo consortium on the system clock", flush=True)
            prepare(home)
        _up(home, engines or connected(home) or REAL_ENGINES)


def _up(home: Path, engines: Collection[RealEngine]) -> None:
    from node.machine.founding import found_over

    begin = time.monotonic()
    consortium = Consortium.load(home)
    _require_no_history(home, consortium, engines)
    bring_up(home, consortium, engines, partial(_tell, begin))
    found_over(home)
    _tell(begin, f"founded; its processes: wuxin network status --home {home}")


def down(home: Path) -> None:
    """End the processes of both; ledgers, keys and connections stay."""
    take_down(home, Consortium.load(home), REAL_ENGINES)


def status(home: Path, *, as_json: bool) -> int:
    """Print each process; 0 where all run, 1 where one does not, Unavailable where there is none."""
    rows = processes(home)
    if not rows:
        raise Unavailable(f"no network runs over {home}", f"start it: wuxin network up --home {home}")
    for line in map(json.dumps, rows) if as_json else _table(rows):
        print(line)
    return 0 if all(row["running"] for row in rows) else 1


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line of headings and one per process, in columns as wide as the longest name."""
    width = max(len(row["name"]) for row in rows)
    yield f"{'process':{width}}  state      pid  restarts  address"
    for row in rows:
        state = "runs" if row["running"] else "DOWN"
        pid, restarts = row["pid"] or "-", row["restarts"]
        yield f"{row['name']:{width}}  {state:5}  {pid:>7}  {restarts:>8}  {row['address']}".rstrip()


def doctor(home: Path, *, as_json: bool) -> int:
    """Print what is wrong with the networks of a home; 0 where no error is."""
    from network.bringup.fabric.doctor.findings import as_json as to_json
    from network.bringup.fabric.doctor.findings import as_text, in_order

    connections = Connections.load(home)
    if connections.embedded:
        raise Rejected("conflict", f"both ledgers of {home} are embedded", f"wuxin doctor --home {home}")
    findings = in_order([*_facts_findings(home, connections), *_validator_findings(home, connections)])
    print(to_json(findings) if as_json else as_text(findings))
    return 1 if any(finding.severity == "error" for finding in findings) else 0


def _facts_findings(home: Path, connections: Connections) -> "Iterable[Finding]":
    if connections.facts is None:
        return ()
    from network.bringup.fabric.network import doctor as examine

    return examine(home, Consortium.load(home))


def _validator_findings(home: Path, connections: Connections) -> "Iterator[Finding]":
    if not connections.obligations:
        return
    from network.bringup.cosmos.validators import newest_block
    from network.bringup.cosmos.validators import status as validators
    from network.bringup.fabric.doctor.findings import Finding

    for chain in connections.obligations:
        looks = validators(home, chain=chain)
        for each in looks:
            if each.height is None:
                hint = f"wuxin network up --engine evm --home {home}; or read its log"
                yield Finding("error", f"evm.{each.organisation}", "the validator does not answer", hint)
            elif not each.peers:
                hint = "see whether the others run"
                yield Finding("error", f"evm.{each.organisation}", "the validator has no peers", hint)
        newest = newest_block(looks)
        if newest is not None:
            time.sleep(BLOCK_WAIT_S)
            if newest_block(validators(home, chain=chain)) == newest:
                detail = f"no block after {newest} for {BLOCK_WAIT_S:.0f} s, though validators answer"
                hint = "more than two thirds of them must reach one another: see which do not run, and the network"
                yield Finding("error", f"obligations.{chain}", detail, hint)


def upgrade_chaincode(home: Path) -> None:
    """Have all organisations agree on and run the chaincode of this installation."""
    from network.bringup.fabric.network import upgrade_chaincode as upgrade

    with _alone(home):
        print(json.dumps({"version": upgrade(home, Consortium.load(home)).name}))


def profile(home: Path, org: str, out: Path) -> None:
    """Write a connection profile for fabric-sdk-py, and beside it the key that it names, closed to others."""
    from network.bringup.fabric.hfc_profile import HfcUser
    from network.bringup.fabric.hfc_profile import profile as profile_of

    facts = Connections.load(home).facts
    if facts is None:
        raise Rejected("conflict", f"the facts of {home} are embedded", "a profile describes a Fabric network")
    organisation = Consortium.load(home).organisation(org)
    certificates = {
        node.organisation: (home / "orgs" / node.organisation / "certificates").resolve()
        for node in (*facts.peers, *facts.orderers)
    }
    roots = {
        f"{kind}.{node.organisation}": certificates[node.organisation] / "tls-root.pem"
        for kind, nodes in (("peer", facts.peers), ("orderer", facts.orderers))
        for node in nodes
    }
    own = home_of(home, org)
    user = HfcUser("client", (own / "orgs" / org / "certificates" / "client.pem").resolve(), _key(own, org, out))
    document = profile_of(organisation, facts.peers, facts.orderers, user, roots, out.parent.resolve())
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _key(home: Path, org: str, out: Path) -> Path:
    """The client's key, in clear, because a stock client reads nothing else."""
    from network.membership.identities import key_to_pem
    from network.membership.seats import open_seat

    path = out.with_suffix(".key.pem").resolve()
    content = key_to_pem(open_seat(home, org).fabric_signer.key)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path


@contextmanager
def _alone(home: Path) -> Generator[None]:
    """Wait until nobody else changes the networks of this home; the kernel lets go of what a killed one held."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_lock(home / "network.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another process works on the networks of {home}: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_no_history(home: Path, consortium: Consortium, engines: Collection[RealEngine]) -> None:
    """Raises Rejected where an embedded ledger would be put aside with what it holds."""
    known = Connections.load(home)
    files: dict[RealEngine, list[str]] = {
        "evm": [f"obligations-{each.chain}.db" for each in consortium.circles if each.chain not in known.obligations]
    }
    if known.facts is None:
        files["fabric"] = ["facts.db"]
    for name in (name for engine in engines for name in files.get(engine, [])):
        if (home / "ledger" / name).exists():
            raise Rejected(
                "conflict",
                f"{home} has an embedded ledger, ledger/{name}",
                "take another --home: a ledger's history is not carried over to another engine",
            )


def processes(home: Path) -> list[Mapping[str, Any]]:
    """What the supervisor keeps running for a home: name, running, pid, restarts, since, address (`host:port`)."""
    found = states(home)
    return [
        {
            "name": name,
            "running": found[name].running,
            "pid": found[name].pid,
            "restarts": found[name].restarts,
            "since": int(found[name].since),
            "address": program.address,
        }
        for name, program in sorted(listed(home).items())
        if name in found  # another command may list more meanwhile
    ]


def _tell(begin: float, what: str) -> None:
    print(f"{time.monotonic() - begin:6.1f} s  {what}", flush=True)
