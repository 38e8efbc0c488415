"""Consortia at the stages from which most tests start."""

import pytest

from tests.chaincode.facts_world import TERMS, World, pledge, receipt, slot


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
