"""`wuxin doctor`: looks at an installation the way an operator woken at night would, and names what to do.

Every check is one function that returns findings. A finding is good, or says what is wrong and how it is mended;
nothing here changes anything.
"""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from network.membership.connections import Connections, ConnectionsError
from network.membership.consortium import CONSORTIUM_FILE, Consortium, ConsortiumError
from network.membership.endorsers import stopped_endorsers
from network.membership.homes import home_of, is_own
from node.machine.homes import api_key, endpoints
from wuxin_client import Client, WuxinError
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.crypto.suites import sm2_providers
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.printable import printable

DISK_FREE_MIN_BYTES = 1 << 30
"""Both ledgers and the evidence log write before they acknowledge: with less than this an operator should be told."""
SECRETS = ("orgs/*/keys/*", "orgs/*/api-keys.json", "orgs/*/passphrase", "devices/*.pem")
LOOK_S = 15
"""For a node to say how its ledgers are; it waits some seconds for those that do not answer."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `hint` is empty where nothing is wrong."""

    good: bool
    what: str
    hint: str = ""


def run(home: Path, *, as_json: bool) -> int:
    """Prints every finding; 0 where all is well, 1 where something is not."""
    findings = list(examine(home))
    for finding in findings:
        if as_json:
            print(json.dumps(asdict(finding)))
        else:
            print(
                f"  {'ok  ' if finding.good else 'BAD '} {printable(finding.what)}"
                + (f"\n       {printable(finding.hint)}" if finding.hint else "")
            )
    return 0 if all(finding.good for finding in findings) else 1


def examine(home: Path) -> Iterator[Finding]:
    try:
        consortium = Consortium.load(home)
    except FileNotFoundError:
        yield Finding(False, f"{home}/{CONSORTIUM_FILE} is missing", f"found a consortium: wuxin serve --home {home}")
        return
    except ConsortiumError as problem:
        yield Finding(False, f"{CONSORTIUM_FILE}: {problem.detail}", problem.hint)
        return
    yield Finding(True, f"consortium {consortium.name}, {len(consortium.organisations)} organisations")
    yield from _signatures()
    yield from _secrets(home)
    yield from _trust(home)
    yield from _disk(home)
    yield from _ledgers(home, consortium)
    yield from _processes(home)


def _signatures() -> Iterator[Finding]:
    providers = sm2_providers()
    fast = "libcrypto" in providers
    hint = "" if fast else "install OpenSSL 3 (libcrypto.so.3): without it signatures are checked forty times slower"
    yield Finding(fast, f"SM2 by {', '.join(providers) or 'nothing'}", hint)


def _secrets(home: Path) -> Iterator[Finding]:
    """Files with keys that others of this machine could read."""
    files = [path for below in ("", "homes/*/") for pattern in SECRETS for path in home.glob(below + pattern)]
    loose = [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in loose:
        yield Finding(
            False,
            f"{path} can be read by others",
            f"chmod 600 {path}, and make its keys anew if others use this machine",
        )
    if not loose:
        yield Finding(True, f"{len(files)} files with keys are readable by their owner only")


def _trust(home: Path) -> Iterator[Finding]:
    try:
        Trust.parse((home / "trust.json").read_bytes())
        yield Finding(True, "trust.json can be read; give it to auditors by another way than bundles")
    except (OSError, EvidenceError) as problem:
        yield Finding(False, f"trust.json: {problem}", "write it again from the consortium's public keys")


def _disk(home: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(home).free
    enough = free >= DISK_FREE_MIN_BYTES
    yield Finding(
        enough, f"{free >> 20} MiB free", "" if enough else "free space: at zero nothing is acknowledged any more"
    )


def _ledgers(home: Path, consortium: Consortium) -> Iterator[Finding]:
    """Which engines carry them; the embedded endorsers are this home's own, a network has a doctor of its own."""
    try:
        connections = Connections.load(home)
    except ConnectionsError as problem:
        yield Finding(False, problem.detail, problem.hint)
        return
    for chain, connection in connections.obligations.items():
        yield Finding(True, f"{chain} over {len(connection.endpoints)} endpoints, {connection.engine}")
    if connections.facts is None:
        yield from _endorsers(home, consortium)
    else:
        yield Finding(True, f"facts through {len(connections.facts.peers)} peers of Hyperledger Fabric")


def _endorsers(home: Path, consortium: Consortium) -> Iterator[Finding]:
    stopped = sorted(stopped_endorsers(home))
    running = len(consortium.endorsers) - len(stopped)
    needed = consortium.facts.endorsements
    yield Finding(running >= needed, f"{running} endorsers run, {needed} are needed",
                  f"wuxin endorser start {stopped[0]} --home {home}" if running < needed else "")  # fmt: skip
    for org in stopped:
        yield Finding(False, f"the endorser of {org} is stopped", f"wuxin endorser start {org} --home {home}")


def _processes(home: Path) -> Iterator[Finding]:
    try:
        running = endpoints(home)
    except WuxinError as problem:
        yield Finding(False, problem.detail, problem.hint)
        return
    for name, pid in running["pids"].items():
        alive = _alive(pid)
        yield Finding(alive, f"{name} (pid {pid}) {'runs' if alive else 'is gone'}",
                      "" if alive else f"read {home}/run/{name}.log, then start again")  # fmt: skip
    served: dict[str, str] = {url: org for org, url in reversed(running["nodes"].items()) if _has_keys(home, org)}
    for url, org in served.items():
        yield from _node(home, org, url)


def _node(home: Path, org: str, url: str) -> Iterator[Finding]:
    """One node, and what it says of the ledgers, as one of its organisations."""
    try:
        with Client(url, api_key(home, org, "reader"), timeout_s=LOOK_S) as node:
            status = node.get_status()
            yield Finding(True, f"the node of {org} answers: {json.dumps(status, ensure_ascii=False)[:200]}")
            for name in ("facts", *(circle.chain for circle in Consortium.load(home).circles)):
                look = status.get(name, {})
                if trouble := look.get("detail") or look.get("trouble"):
                    yield Finding(False, f"{name}, seen by {org}: {trouble}", f"wuxin network doctor --home {home}")
            yield from _duties(node)
    except WuxinError as problem:
        yield Finding(False, f"the node of {org}: {problem.detail}", problem.hint)


def _has_keys(home: Path, org: str) -> bool:
    return is_own(home_of(home, org), org)


def _duties(node: Client) -> Iterator[Finding]:
    """Half-done states: not an error of the machine, but somebody has to act."""
    for duty in node.list_duties().items:
        yield Finding(False, f"{duty['code']} {duty.get('receipt_id', '')}", f"next: {duty.get('next_actor')}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
