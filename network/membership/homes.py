"""Homes: one folder for a whole consortium, or one for each organisation.

A consortium on one machine begins in one folder, with everybody's keys beside each other. `separate` gives every
organisation a home of its own below it, as if each had been made on its own machine:

    HOME/                    consortium.toml, trust.json, connections.json …     what everybody knows
    HOME/orgs/<org>/         public.json, certificates/                          what it tells the others
    HOME/homes/<org>/        the same, and in its own orgs/<org>/ keys, passphrase, oracle: nobody else's are there

Secrets are moved, not copied: afterwards the common folder can sign for nobody. A home below is a home like any other:
a node, an oracle member and the command line work over it, for its one organisation. `share` brings what everybody
knows up to date in all of them, each with its own organisation's peer and endpoint before the others'.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from network.membership.connections import ChainConnection, Connections, FactsConnection
from network.membership.consortium import CONSORTIUM_FILE, Consortium, ConsortiumError
from network.membership.published import directory_of
from network.membership.trust_file import TRUST_FILE

HOMES = "homes"
PUBLISHED = ("public.json", "certificates")
"""Of an organisation's directory, what the others may see; the rest is its own."""
_MAKING = ".making"
"""Ends the name of a home that is not whole yet; one that is found was left by a process that was killed."""
COMMON = (CONSORTIUM_FILE, TRUST_FILE, "profile.json", "packs/*.json", "ledger/obligations-*.json")
"""Files of the common folder, as patterns, that every home has a copy of; connections differ from home to home."""


def home_of(home: Path, org: str) -> Path:
    """Where `org` has its keys: a home of its own, or `home` where the organisations are not separated."""
    own = home / HOMES / org
    return own if own.is_dir() else home


def is_separated(home: Path) -> bool:
    """Whether the organisations of this folder have homes of their own."""
    return (home / HOMES).is_dir()


def is_own(home: Path, org: str) -> bool:
    """Whether the keys of `org` are in this home."""
    return (directory_of(home, org) / "keys").is_dir()


def separate(home: Path, consortium: Consortium) -> None:
    """Give each organisation a home of its own and take its secrets out of `home`; doing it again changes nothing.

    To be done before anything of a real network is made, because that lies in the organisations' homes; raises
    ConsortiumError where a node would wake up in an empty folder, without its ledger.
    """
    for organisation in consortium.organisations:
        _require_no_nodes(home, organisation.name)
    for left in (home / HOMES).glob(f"*{_MAKING}"):
        shutil.rmtree(left)
    for organisation in consortium.organisations:
        own = home / HOMES / organisation.name
        if not own.is_dir():
            _make(home, organisation.name, own)
        _remove_secrets(directory_of(home, organisation.name))
    share(home, consortium)


def share(home: Path, consortium: Consortium) -> None:
    """Copy what everybody knows from the common folder into every home; nothing where they are not separated."""
    connections = Connections.load(home)
    for organisation in consortium.organisations:
        own = home_of(home, organisation.name)
        if own == home:
            continue
        for file in (found for pattern in COMMON for found in home.glob(pattern)):
            _replace(file, own / file.relative_to(home))
        for other in consortium.organisations:
            if other != organisation:
                _publish(directory_of(home, other.name), directory_of(own, other.name))
        if not connections.embedded:
            _own_first(connections, consortium, organisation.name).save(own)


def _make(home: Path, org: str, own: Path) -> None:
    """A new home with one organisation's directory; it appears whole or not at all, and durable, because the keys that
    it was copied from are removed next."""
    making = own.with_name(f"{org}.{os.getpid()}{_MAKING}")
    making.mkdir(parents=True, mode=0o700)
    shutil.copytree(directory_of(home, org), directory_of(making, org))
    for each in making.rglob("*"):
        _sync(each)
    making.rename(own)
    _sync(own.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_no_nodes(home: Path, org: str) -> None:
    nodes = [folder for folder in (home / "fabric" / org, home / "evm" / org) if folder.exists()]
    if nodes and home_of(home, org) == home:
        raise ConsortiumError("organisation", f"{nodes[0]} is a node of {org}; separate a home that has no network yet")


def _remove_secrets(directory: Path) -> None:
    for each in directory.iterdir():
        if each.name in PUBLISHED:
            continue
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


def _publish(source: Path, target: Path) -> None:
    for name in PUBLISHED:
        for file in [source / name] if (source / name).is_file() else sorted((source / name).glob("*")):
            _replace(file, target / file.relative_to(source))


def _replace(source: Path, target: Path) -> None:
    """Copy a file whole, by renaming."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    shutil.copy(source, beside)
    beside.replace(target)


def _own_first(connections: Connections, consortium: Consortium, org: str) -> Connections:
    """The same connections as `org` uses them; the others' peers and endpoints take over when its own is away."""
    chains = {
        name: _endpoint_first(chain, consortium.circle(name).validators, org)
        for name, chain in connections.obligations.items()
    }
    facts = connections.facts
    if facts is not None:
        peers = sorted(facts.peers, key=lambda peer: peer.organisation != org)
        facts = FactsConnection(tuple(peers), facts.orderers)
    return Connections(facts, chains)


def _endpoint_first(chain: ChainConnection, validators: tuple[str, ...], org: str) -> ChainConnection:
    """Endpoints stand in the order of the circle's validators, where there is one each."""
    if org not in validators or len(chain.endpoints) != len(validators):
        return chain
    place = validators.index(org)
    headers = _turned(chain.headers, place) if len(chain.headers) == len(validators) else chain.headers
    return ChainConnection(chain.engine, _turned(chain.endpoints, place), headers, chain.finality_depth)


def _turned(values: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (values[place], *values[:place], *values[place + 1 :])
