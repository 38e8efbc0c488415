"""Real ledgers on this machine, both or one, beside or instead of the embedded ones.

    up   consortium ─▶ Fabric network ─▶ validators ─▶ connections.json ─▶ first transactions of both ledgers

A home says in its `connections.json` which engines carry its ledgers; `up` writes the file, and from then on every
command and every node over this home speaks to them. A home whose embedded ledger has blocks keeps it, because its
history is not carried over. Two that bring up the same home do so one after the other: two first blocks of one channel
would never meet.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from network.bringup import supervisor
from network.bringup.progress import Progress
from network.locks import open_lock
from network.membership.connections import Connections
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from network.membership.homes import home_of
from network.membership.published import public_keys
from network.ports import Rejected
from node.machine.engines import REAL_ENGINES, RealEngine, bring_up, connected, take_down

if TYPE_CHECKING:
    from network.bringup.besu import BesuNode
    from network.bringup.fabric.doctor.findings import Finding

BLOCK_WAIT_S = 3.0
"""Validators make a block, empty or not, several times a second; a leader that hangs is passed over in this time."""
BESU_NODE = re.compile(r"([a-z0-9-]+)=(?:0x)?([0-9a-f]{128})@([A-Za-z0-9.:_-]+)")
"""`ORG=PUBLIC_KEY@HOST`: 64 bytes of `besu public-key export`, and where the others reach the node."""

Tell = Callable[[str], None]


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True)
class Process:
    """One process that the supervisor of a home keeps.

    `kind` and `organisation` are read from its name (`peer.bank`, `oracle-bank`, `broker`); `address` is `host:port`,
    or nothing. `ended` says how its last run ended, nothing where it never did; `since` is Unix seconds.
    """

    name: str
    running: bool
    pid: int | None
    restarts: int
    since: int
    ended: str
    address: str

    @property
    def kind(self) -> str:
        """For example peer, orderer, chaincode, evm, node, oracle, broker."""
        return self._parts[0]

    @property
    def organisation(self) -> str:
        """The organisation that the process belongs to; nothing where it serves all."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[str, str]:
        engine = "." in self.name
        kind, _, rest = self.name.partition("." if engine else "-")
        return kind, rest.partition(".")[0] if engine else rest


def processes(home: Path) -> list[Process]:
    """What the supervisor keeps running for a home, by name."""
    found = supervisor.states(home)
    return [
        Process(
            name,
            found[name].running,
            found[name].pid,
            found[name].restarts,
            int(found[name].since),
            found[name].ended,
            program.address,
        )
        for name, program in sorted(supervisor.listed(home).items())
        if name in found  # another command may list more meanwhile
    ]


def up(
    home: Path,
    engines: Collection[RealEngine] = (),
    *,
    prepare: Callable[[Path], object] | None = None,
    tell: Tell = _silent,
) -> None:
    """Bring these up and make the first transactions; doing it again changes nothing.

    Where no engine is named: those that the home is connected to, both over a new home. `prepare` makes a home that
    has no consortium file.
    """
    with _alone(home, tell):
        if prepare is not None and not (home / CONSORTIUM_FILE).exists():
            tell(f"no consortium in {home}: making the demo consortium on the system clock")
            with Progress("making keys"):
                prepare(home)
        wanted = engines or connected(home) or REAL_ENGINES
        consortium = Consortium.load(home)
        _require_no_history(home, consortium, wanted)
        bring_up(home, consortium, wanted, tell)
        found_network(home)


def found_network(home: Path) -> None:
    """Make the first transactions of both ledgers over whatever `connections.json` names; again, it changes nothing."""
    from node.machine.founding import found_over

    with Progress("making the first transactions"):
        found_over(home)


def down(home: Path) -> None:
    """End the processes of both; ledgers, keys and connections stay."""
    with Progress("ending the networks' processes"):
        take_down(home, Consortium.load(home), REAL_ENGINES)


def findings(home: Path) -> "tuple[Finding, ...]":
    """What is wrong with the networks of a home, errors first. Raises Rejected where both ledgers are embedded."""
    from network.bringup.fabric.doctor.findings import in_order

    connections = Connections.load(home)
    if connections.embedded:
        raise Rejected("conflict", f"both ledgers of {home} are embedded", f"wuxin doctor --home {home}")
    return in_order([*_facts_findings(home, connections), *_validator_findings(home, connections)])


def findings_text(found: "Sequence[Finding]", *, as_json: bool) -> str:
    """Findings as a list of JSON objects, or as paragraphs for a terminal."""
    from network.bringup.fabric.doctor.findings import as_json as to_json
    from network.bringup.fabric.doctor.findings import as_text

    return to_json(found) if as_json else as_text(found)


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


def upgrade_chaincode(home: Path, tell: Tell = _silent) -> str:
    """Have all organisations agree on and run the chaincode of this installation. Gives the version's name."""
    from network.bringup.fabric.network import upgrade_chaincode as upgrade

    with _alone(home, tell), Progress("upgrading the chaincode"):
        return upgrade(home, Consortium.load(home)).name


def write_profile(home: Path, org: str, out: Path) -> None:
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


def write_besu(home: Path, chain: str, nodes: Sequence[str], out: Path) -> list[Path]:
    """Write the configuration of Besu for a circle's chain under `out`. Gives the files.

    `nodes` are `ORG=PUBLIC_KEY@HOST`, one for each validator. Raises Rejected (`malformed`).
    """
    from network.bringup.besu import files

    consortium = Consortium.load(home)
    accounts = [public_keys(home, member).evm_address for member in consortium.circle(chain).members]
    try:
        rendered = files(consortium, chain, [_besu_node(each) for each in nodes], accounts)
    except ValueError as problem:
        raise Rejected("malformed", str(problem), "one --node for each validator of the circle") from None
    for name, content in rendered.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(content, encoding="utf-8")
    return [out / name for name in rendered]


def _besu_node(text: str) -> "BesuNode":
    from network.bringup.besu import BesuNode

    found = BESU_NODE.fullmatch(text)
    if found is None:
        hint = "--node ORG=PUBLIC_KEY@HOST, the key as `besu public-key export` prints it: 128 hexadecimal digits"
        raise Rejected("malformed", f"{text[:60]!r} is no node", hint)
    return BesuNode(found[1], bytes.fromhex(found[2]), found[3])


@contextmanager
def _alone(home: Path, tell: Tell) -> Generator[None]:
    """Wait until nobody else changes the networks of this home; the kernel lets go of what a killed one held."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_lock(home / "network.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another process works on the networks of {home}: waiting for it")
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
