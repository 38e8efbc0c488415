"""The picture: what runs where, one organisation after the other.

bank           peer        127.0.0.1:26407  pid  1496  HOME/homes/bank
               orderer     127.0.0.1:28726  pid  1492
               chaincode   127.0.0.1:26698  pid  1513
               validator   127.0.0.1:27480  pid  1601
               node        127.0.0.1:21277  pid  1702
               oracle                       pid  1710
"""

from collections.abc import Iterator
from pathlib import Path

from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.machine.network import Process, processes

KINDS = ("peer", "orderer", "chaincode", "evm", "node", "oracle")
_WORDS = {"evm": "validator"}
"""How a process is called where its name does not say it."""


def lines(home: Path, consortium: Consortium) -> Iterator[str]:
    """The picture of everything that the supervisor of a home runs, line by line."""
    found = processes(home)
    for organisation in consortium.organisations:
        own = [each for each in found if each.organisation == organisation.name]
        for number, each in enumerate(sorted(own, key=lambda each: KINDS.index(each.kind))):
            name, place = ("", "") if number else (organisation.name, f"  {home_of(home, organisation.name)}")
            yield _line(name, each) + place
    yield from (_line("", each) for each in found if not each.organisation)


def _line(name: str, each: Process) -> str:
    return f"{name:14} {_WORDS.get(each.kind, each.kind):10} {each.address:22} pid {each.pid or '-':>7}"
