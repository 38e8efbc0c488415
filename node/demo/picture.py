"""The picture: what runs where, one organisation after the other.

bank           peer        127.0.0.1:26407  pid  1496  HOME/homes/bank
               orderer     127.0.0.1:28726  pid  1492
               chaincode   127.0.0.1:26698  pid  1513
               validator   127.0.0.1:27480  pid  1601
               node        127.0.0.1:41277  pid  1702
               oracle                       pid  1710
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.machine.network import processes
from node.machine.stage import Stage

KINDS = ("peer", "orderer", "chaincode", "validator", "node", "oracle")
_KIND_OF = {"evm": "validator"}
"""How a process is called where its name does not say it."""


@dataclass(frozen=True)
class Place:
    """One process: whose, what it is, where it listens (`host:port`, or nothing), its pid."""

    organisation: str
    kind: str
    address: str
    pid: int | None


def lines(stage: Stage, consortium: Consortium) -> Iterator[str]:
    """The picture, line by line."""
    found = [*_engines(stage.home), *_staged(stage)]
    for organisation in consortium.organisations:
        own = [each for each in found if each.organisation == organisation.name]
        home = str(home_of(stage.home, organisation.name))
        for number, each in enumerate(sorted(own, key=lambda each: KINDS.index(each.kind))):
            name = "" if number else organisation.name
            yield f"{name:14} {each.kind:10} {each.address:22} pid {each.pid or '-':>7}{'' if number else '  ' + home}"
    shared = [each for each in found if not each.organisation]
    yield from (f"{'':14} {each.kind:10} {each.address:22} pid {each.pid or '-':>7}" for each in shared)


def _engines(home: Path) -> Iterator[Place]:
    for each in processes(home):
        kind, organisation = [*str(each["name"]).split("."), ""][:2]
        yield Place(organisation, _KIND_OF.get(kind, kind), each["address"], each["pid"])


def _staged(stage: Stage) -> Iterator[Place]:
    for name, process in stage.processes.items():
        kind, _, organisation = name.partition("-")
        url = stage.nodes.get(organisation, stage.api) if kind == "node" else ""
        address = stage.mqtt if kind == "broker" else url.removeprefix("http://")
        yield Place(organisation, kind, address, process.pid)
