"""Consortia at the stages from which most tests start, and a watch over what the commands declare."""

from collections.abc import Iterator

import pytest

from chaincode import contract
from tests.chaincode.declared import kept_to_its_word
from tests.chaincode.facts_world import TERMS, World, pledge, receipt, slot


@pytest.fixture(scope="session", autouse=True)
def every_call_keeps_to_the_declaration() -> Iterator[None]:
    """Whatever a test calls, it meets only declared problems and brings only declared events."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "invoke", kept_to_its_word(contract.invoke))
        yield


@pytest.fixture
def empty() -> World:
    """A ledger on which nothing has happened."""
    return World()


@pytest.fixture
def world() -> World:
    """A founded consortium with two slots of the warehouse."""
    world = World().found()
    world.call("warehouse", "register_slot", slot_id=slot(1))
    world.call("warehouse", "register_slot", slot_id=slot(2))
    return world


@pytest.fixture
def receipted(world: World) -> World:
    """receipt-1 over slot 1, owned by the manufacturer."""
    world.call("warehouse", "issue_receipt", **receipt())
    return world


@pytest.fixture
def proposed(receipted: World) -> World:
    """pledge-1 of receipt-1 to the bank, proposed."""
    receipted.call("manufacturer", "propose_pledge", terms=TERMS, **pledge())
    return receipted


@pytest.fixture
def pledged(proposed: World) -> World:
    """pledge-1 accepted for facility-1."""
    proposed.call("bank", "accept_pledge", terms=TERMS, pledge_id="pledge-1", facility_id="facility-1")
    return proposed
