"""The same proposals on the same state give the same bytes, and the room imports nothing that could differ."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import chaincode
from chaincode import contract
from chaincode.world.errors import RangeInWrite, Refusal
from tests.chaincode.declared import events_of
from tests.chaincode.facts_world import (
    TERMS,
    MemoryLedger,
    MemoryStub,
    World,
    asset,
    device,
    pledge,
    receipt,
    slot,
    statement,
)
from tests.chaincode.test_facts_anchors_and_notices import checkpoint, tree
from wuxin_evidence.encoding.canonical import parse_canonical_json

ROOM = Path(chaincode.__file__).parent
PURE_MODULES = {"binascii", "collections", "dataclasses", "functools", "hashlib", "json", "re", "types", "typing"}


@dataclass(frozen=True)
class Simulation:
    """All that one simulation leaves behind."""

    response: contract.Response
    reads: tuple[str, ...]
    writes: tuple[tuple[str, bytes | None], ...]
    policies: tuple[tuple[str, tuple[str, ...] | None], ...]
    private: tuple[object, ...]
    events: tuple[tuple[str, bytes], ...]


class TwiceWorld(World):
    """Simulates every transaction a second time on a copy of the state before it and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.compared: set[str] = set()

    def respond(
        self, msp_id: str, raw: Sequence[bytes], transient: Mapping[str, bytes] | None = None, *, submit: bool = True
    ) -> contract.Response:
        ledger = MemoryLedger(dict(self.ledger.values), {}, {k: dict(v) for k, v in self.ledger.private.items()})
        first = self._simulated(self.stub(msp_id, transient, submitting=submit), raw)
        again = self.stub(msp_id, transient, submitting=submit)
        again.ledger = ledger
        assert self._simulated(again, raw) == first
        self.compared.add(raw[0].decode())
        return super().respond(msp_id, raw, transient, submit=submit)

    def _simulated(self, stub: MemoryStub, raw: Sequence[bytes]) -> Simulation:
        response = contract.invoke(stub, raw)
        return Simulation(
            response,
            tuple(stub.reads),
            tuple(stub.writes.items()),
            tuple(stub.policies.items()),
            tuple(stub.private_writes.items()),
            tuple(stub.events),
        )


def story(world: World) -> World:
    """Every submitting function once or more."""
    world.found()
    for number in (1, 2):
        world.call("warehouse", "register_slot", slot_id=slot(number))
    world.call("warehouse", "enrol_device", **device(world.keys["bank"]))
    world.call("warehouse", "bind_device", device_id="scale-1", slot_id=slot())
    world.call("inspector", "suspend_device", device_id="scale-1", reason="seal")
    world.call("inspector", "resume_device", device_id="scale-1")
    world.call("warehouse", "retire_device", device_id="scale-1")
    built = world.call("manufacturer", "register_asset", **asset())
    ordered = {"type": "order", "previous_hash": built["head_hash"], "document_hash": "cd" * 32, "at_ms": 1}
    place = {"latitude_e7": 0, "longitude_e7": 0}
    world.call("manufacturer", "append_asset_event", asset_id="turbine-1", **ordered, **place)
    world.call("warehouse", "issue_receipt", **receipt())
    world.refused("warehouse", "issue_receipt", **receipt("receipt-2"))
    world.call("manufacturer", "propose_pledge", terms=TERMS, **pledge())
    world.call("bank", "accept_pledge", terms=TERMS, pledge_id="pledge-1", facility_id="facility-1")
    world.call("inspector", "record_attestation", **world.signed(statement(), "bank", "insurer"))
    world.call("bank", "release_pledge", pledge_id="pledge-1")
    world.call("manufacturer", "request_delivery", receipt_id="receipt-1")
    world.call("warehouse", "deliver_receipt", receipt_id="receipt-1")
    world.call("warehouse", "issue_receipt", **receipt("receipt-2"))
    world.call("manufacturer", "propose_pledge", terms=TERMS, **pledge("pledge-2", receipt_id="receipt-2"))
    world.now_s += 86_401
    world.call("manufacturer", "lapse_pledge", pledge_id="pledge-2")
    world.call("manufacturer", "request_delivery", receipt_id="receipt-2")
    world.call("warehouse", "cancel_receipt", receipt_id="receipt-2", reason="end of the story")
    world.call("bank", "anchor_checkpoint", **checkpoint(world, tree(4), 4))
    world.call("regulator", "set_committee", **world.committee(epoch=2, active_from_s=world.now_s + 900))
    world.call("insurer", "acknowledge_notice", event_id="f:1.0.0", content_hash="ab" * 32)
    return world


def test_a_second_simulation_gives_the_same_bytes() -> None:
    world = TwiceWorld()
    story(world)
    assert world.compared == {name for name, function in contract.FUNCTIONS.items() if function.submitting}


def test_every_value_in_the_state_is_canonical_json_with_its_transaction() -> None:
    world = story(World())
    for key, value in world.ledger.values.items():
        record = parse_canonical_json(value)
        bare = key.startswith(("msp/", "asset-instance/", "slot-claim/", "committee-head", "attestation-head/"))
        assert bare or {"created_at_s", "updated_tx"} <= set(record), key


def test_every_event_names_its_type_and_subject() -> None:
    world = World()
    story(world)
    for event in world.events():
        assert {"type", "subject_kind", "subject_id"} <= set(event)


def test_every_declared_event_is_brought() -> None:
    world = World()
    brought: dict[str, set[str]] = {}
    respond = world.respond

    def noted(msp_id: str, raw: Sequence[bytes], *further: Any, **named: Any) -> contract.Response:
        response = respond(msp_id, raw, *further, **named)
        brought.setdefault(raw[0].decode(), set()).update(events_of(world.last))
        return response

    world.respond = noted
    story(world)
    assert {name: set(each.events) for name, each in contract.FUNCTIONS.items() if each.submitting} == brought


def test_a_transition_does_not_read_its_own_writes() -> None:
    world = story(World())
    stub = world.stub("WarehouseMSP")
    stub.put("slot/x", b"{}")
    assert stub.get("slot/x") is None


PURE_FILES = sorted(path for path in ROOM.rglob("*.py") if "server" not in path.relative_to(ROOM).parts)
"""All but the server's package, which is the one part with a network."""


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: path.name)
def test_a_module_imports_only_what_is_the_same_everywhere(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in PURE_MODULES | {"chaincode", "wuxin_evidence"}, name
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), "a float"
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), "a true division"


def test_a_range_in_a_submitting_function_is_a_refusal() -> None:
    with pytest.raises(Refusal) as caught:
        World().stub("BankMSP").range("a", "b", 1, "")
    assert isinstance(caught.value, RangeInWrite)
