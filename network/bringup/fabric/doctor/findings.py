"""What a doctor says: one record per thing that is wrong, and what is expected of a network.

`Expected` is the consortium's own plan: which peers and orderers there are, what each organisation runs, which files
hold its certificates. A `Finding` names a place of that plan, what is wrong there and what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from network.bringup.fabric.lifecycle import Wanted
from network.bringup.fabric.package import Package
from network.membership.connections import FabricNode
from network.membership.identities import FabricSigner
from wuxin_evidence.printable import printable

Severity = Literal["error", "warning"]
"""An error stops somebody's transactions now; a warning will, or makes them slow."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `place` is a program (`peer.bank`), `channel`, `this machine`, or a
    certificate's file."""

    severity: Severity
    place: str
    detail: str
    hint: str


@dataclass(frozen=True)
class ExpectedPeer:
    """A peer; what is not known here (another organisation's keys, package, files) is None or empty.

    `server_log` is the file that its chaincode server writes.
    """

    node: FabricNode
    admin: FabricSigner | None = field(default=None, repr=False)
    package: Package | None = None
    operations: str | None = None
    certificates: tuple[Path, ...] = ()
    server_log: Path | None = None

    @property
    def name(self) -> str:
        """The peer's name among the processes of a home."""
        return f"peer.{self.node.organisation}"


@dataclass(frozen=True)
class ExpectedOrderer:
    """An orderer; `operations` is `host:port` of its metrics."""

    node: FabricNode
    operations: str | None = None
    certificates: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The orderer's name among the processes of a home."""
        return f"orderer.{self.node.organisation}"


@dataclass(frozen=True)
class Expected:
    """The plan. `signer` asks at nodes whose administrator is not known here: any member of the channel; `clients` are
    files with the certificates of those who send transactions."""

    wanted: Wanted
    signer: FabricSigner = field(repr=False)
    peers: tuple[ExpectedPeer, ...]
    orderers: tuple[ExpectedOrderer, ...] = ()
    clients: tuple[Path, ...] = ()


def as_json(findings: Sequence[Finding]) -> str:
    """A list of objects {severity, place, detail, hint}."""
    return json.dumps([asdict(each) for each in findings], indent=1)


def as_text(findings: Sequence[Finding]) -> str:
    """One paragraph each, for a terminal."""
    if not findings:
        return "nothing is wrong"
    told = [(each.severity, printable(f"{each.place}: {each.detail}"), printable(each.hint)) for each in findings]
    return "\n".join(f"{severity:<7}  {what}\n{'':9}{hint}" for severity, what, hint in told)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by place; the same thing is said once."""
    return tuple(sorted(set(findings), key=lambda each: (each.severity, each.place, each.detail)))
