"""A demo home, made once and copied per test, and its seats."""

import functools
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from network.clock import Clock, SystemClock
from network.facts.embedded.endorser import Endorser
from network.facts.embedded.engine import LocalFacts, open_endorser
from network.membership.consortium import Consortium
from network.membership.seats import Seat, create_home, open_seat
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS
from tests.network import toy_chaincode


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    create_home(home, write_consortium(home, start_ms=SCENARIO_START_MS))
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made_home, tmp_path / "home")


@pytest.fixture
def consortium(home: Path) -> Consortium:
    return Consortium.load(home)


@pytest.fixture(scope="session")
def seats(made_home: Path) -> dict[str, Seat]:
    return {member.name: open_seat(made_home, member.name) for member in Consortium.load(made_home).organisations}


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


OpenFacts = Callable[..., LocalFacts]


@pytest.fixture(scope="session")
def endorser_of(made_home: Path) -> Callable[[str, toy_chaincode.Invoke], Endorser]:
    """An organisation's endorser with some chaincode; its keys are opened once for all tests."""
    consortium = Consortium.load(made_home)
    return functools.cache(lambda org, invoke: open_endorser(made_home, consortium, org, invoke))


@pytest.fixture
async def open_facts(
    home: Path,
    consortium: Consortium,
    clock: Clock,
    endorser_of: Callable[[str, toy_chaincode.Invoke], Endorser],
) -> AsyncIterator[OpenFacts]:
    """Open engines over the home with the toy chaincode; `altered` gives some organisation another one."""
    opened: list[LocalFacts] = []

    def open_one(altered: dict[str, toy_chaincode.Invoke] | None = None, **more: object) -> LocalFacts:
        endorsers = [
            endorser_of(each.name, (altered or {}).get(each.name, toy_chaincode.invoke))
            for each in consortium.endorsers
        ]
        facts = LocalFacts(home, consortium, endorsers, clock, **more)
        opened.append(facts)
        return facts

    yield open_one
    for facts in opened:
        facts.close()
