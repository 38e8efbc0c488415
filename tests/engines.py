"""The four pairs of ledgers that a test may ask for, each founded by the same consortium with the same keys.

    keys ─┬─▶ home "embedded-embedded"   both ledgers are files of that home
          ├─▶ home "fabric-embedded"     facts: four BFT orderers, five peers, five chaincode servers
          ├─▶ home "embedded-evm"        obligations: four validators
          └─▶ home "fabric-evm"          the same two networks again, through connections of its own

A network comes up once per pytest session, when the first test asks for it, and every test of the session shares it:
what a test writes carries the test's own ids. Both networks go down when the session ends, whichever way it ends.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from network.clock import Clock, SystemClock
from network.facts.embedded.ledger import open_ledger
from network.membership.connections import ChainConnection, Connections, FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import Seat, open_seat
from network.obligations.embedded.circle import open_chain
from network.obligations.jsonrpc.deployment import record_path
from network.ports import Chain, Ledger
from node.demo.founding import prepare
from node.gate.access import issue_api_keys
from oracle.profile import Profile, profile_file

FactsEngine = Literal["embedded", "fabric"]
ChainEngine = Literal["embedded", "evm"]
CHAIN = "e1"


@dataclass(frozen=True)
class Pair:
    """An engine for the facts and one for the obligations."""

    facts: FactsEngine
    obligations: ChainEngine

    @property
    def name(self) -> str:
        return f"{self.facts}-{self.obligations}"

    def param(self) -> Any:
        """For `pytest.mark.parametrize`: with the marks of the engines that it needs."""
        needs = [name for name in (self.facts, self.obligations) if name != "embedded"]
        return pytest.param(self, id=self.name, marks=[pytest.mark.engine(name) for name in needs])


EMBEDDED, FABRIC, EVM, BOTH = (Pair(facts, chain) for chain in ("embedded", "evm") for facts in ("embedded", "fabric"))
PAIRS = (EMBEDDED, FABRIC, EVM, BOTH)
FACTS_PAIRS, CHAIN_PAIRS = (EMBEDDED, FABRIC), (EMBEDDED, EVM)
"""For what concerns one of the ledgers alone."""


@dataclass
class Bound:
    """An organisation's seat and both ports over it."""

    seat: Seat
    ledger: Ledger
    chain: Chain

    async def aclose(self) -> None:
        await self.ledger.aclose()
        await self.chain.aclose()


@dataclass
class Ledgers:
    """A founded pair. `network_home` is where the facts' processes are supervised, for those who stop some."""

    pair: Pair
    home: Path
    consortium: Consortium
    networks: Networks
    clock: Clock = field(default_factory=SystemClock)

    @property
    def profile(self) -> Profile:
        """What judges the readings on this pair."""
        return Profile.load(profile_file(self.home))

    @property
    def network_home(self) -> Path:
        return self.networks.home_of(Pair(self.pair.facts, EMBEDDED.obligations))

    @property
    def chain_home(self) -> Path:
        return self.networks.home_of(Pair(EMBEDDED.facts, self.pair.obligations))

    def seat(self, organisation: str) -> Seat:
        return self.networks.seat(organisation)

    def bind(self, organisation: str, *, clock: Clock | None = None, through: str | None = None) -> Bound:
        """Both ports for one organisation, the facts through its own peer or another's; the caller closes it."""
        seat, clock = self.seat(organisation), clock or self.clock
        return Bound(seat, self.ledger(seat, clock, through or organisation), self.chain(seat, clock))

    def ledger(self, seat: Seat, clock: Clock, through: str) -> Ledger:
        connection = Connections.load(self.home).facts
        if connection is None:
            return open_ledger(self.home, self.consortium, seat, clock)
        from network.facts.fabric.ledger import open_ledger as open_fabric

        return open_fabric(self.consortium, seat, clock, entered(connection, through))

    def chain(self, seat: Seat, clock: Clock) -> Chain:
        connection = Connections.load(self.home).obligations.get(CHAIN)
        if connection is None:
            return open_chain(self.home, self.consortium, seat, clock, chain=CHAIN)
        from network.obligations.jsonrpc.circle import open_chain as open_evm

        return open_evm(self.home, self.consortium, seat, connection, CHAIN)

    @asynccontextmanager
    async def everybody(self) -> AsyncIterator[dict[str, Bound]]:
        """Every organisation's ports, by name."""
        names = [each.name for each in self.consortium.organisations]
        bound = {name: await asyncio.to_thread(self.bind, name) for name in names}
        try:
            yield bound
        finally:
            for each in bound.values():
                await each.aclose()


def entered(connection: FactsConnection, organisation: str) -> FactsConnection:
    """The same network through the organisation's peer, where it has one."""
    peers = sorted(connection.peers, key=lambda peer: peer.organisation != organisation)
    return FactsConnection(tuple(peers), connection.orderers)


class Networks:
    """Makes the homes and brings up what they need, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys = folder / "keys"
        prepare(self._keys)
        self._seats: dict[str, Seat] = {}
        self._founded: dict[Pair, Ledgers] = {}
        self._downs: list[Callable[[], object]] = []

    def home_of(self, pair: Pair) -> Path:
        return self._folder / pair.name

    def seat(self, organisation: str) -> Seat:
        """Opened once: every home of the session has the same keys."""
        if organisation not in self._seats:
            self._seats[organisation] = open_seat(self._keys, organisation)
        return self._seats[organisation]

    def founded(self, pair: Pair) -> Ledgers:
        if pair not in self._founded:
            home = self.home_of(pair)
            shutil.copytree(self._keys, home)
            self._found(pair, home)
            require_engines(pair, home)
            self._founded[pair] = Ledgers(pair, home, Consortium.load(home), self)
        return self._founded[pair]

    def down(self) -> None:
        """Stop every process that was started here."""
        while self._downs:
            with suppress(Exception):
                self._downs.pop()()

    def _found(self, pair: Pair, home: Path) -> None:
        if pair == EMBEDDED:
            from node.demo.founding import found

            found(home)
        elif pair.facts == "embedded":
            self._over(home, Connections(obligations={CHAIN: self._validators(home)}))
        elif pair.obligations == "embedded":
            self._over(home, Connections(facts=self._channel(home)))
        else:
            self._both(home)

    def _both(self, home: Path) -> None:
        """The networks of the two homes before it, which are founded already."""
        facts, obligations = (self.founded(each) for each in (FABRIC, EVM))
        connections = Connections(Connections.load(facts.home).facts, Connections.load(obligations.home).obligations)
        connections.save(home)
        record = record_path(home, CHAIN)
        record.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(record_path(obligations.home, CHAIN), record)
        shutil.copy(obligations.home / "trust.json", home / "trust.json")
        issue_api_keys(home)

    def _over(self, home: Path, connections: Connections) -> None:
        from node.machine.founding import found_over

        connections.save(home)
        found_over(home)

    def _channel(self, home: Path) -> FactsConnection:
        from network.bringup.fabric import network

        self._downs.append(partial(network.down, home))
        return network.up(home, Consortium.load(home))

    def _validators(self, home: Path) -> ChainConnection:
        from network.bringup.cosmos import validators

        self._downs.append(partial(validators.down, home))
        return validators.up(home, Consortium.load(home))


def require_engines(pair: Pair, home: Path) -> None:
    """What a home's connections do not name is embedded: a test of a real engine must not be one of that."""
    assert pair_of(home) == pair, f"the home of {pair.name} says {Connections.load(home)}"


def pair_of(home: Path) -> Pair:
    """What its connections say."""
    found = Connections.load(home)
    return Pair("fabric" if found.facts else "embedded", "evm" if CHAIN in found.obligations else "embedded")


@pytest.fixture(scope="package")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networks]:
    """The ledgers of one folder of tests, which names this fixture in its conftest. They go down with its last test,
    and even when the interpreter ends some other way."""
    made = Networks(tmp_path_factory.mktemp("networks"))
    atexit.register(made.down)
    before = end_as_interrupted()
    yield made
    made.down()
    atexit.unregister(made.down)
    signal.signal(signal.SIGTERM, before)


def end_as_interrupted() -> Any:
    """From now on SIGTERM, as a time limit sends it, ends the program by way of its clean-up; gives the one before."""
    return signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def ledgers(request: pytest.FixtureRequest, networks: Networks) -> Ledgers:
    """The pair that the test is parametrised with."""
    return networks.founded(request.param)


def on(*pairs: Pair) -> pytest.MarkDecorator:
    """The test runs once on each of these pairs, as its fixture `ledgers`."""
    return pytest.mark.parametrize("ledgers", [pair.param() for pair in pairs], indirect=True)
