"""What a developer writes to add a command to the facts: an argument, a transition with its declaration, and tests.

The command below lets an insurer note on a receipt that it has inspected the goods. Nothing else in the chaincode knows
it; still it is called, parsed, refused and described as every other command is. What follows it elsewhere: the fold of
its event in the read model.
"""

import json
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Annotated

import pytest

from chaincode import contract
from chaincode.access import INSPECTOR, INSURER, require_party
from chaincode.contract import FUNCTIONS
from chaincode.declaration import Command, command, declared_in
from chaincode.parties.members import Member
from chaincode.security.receipts import TheReceipt, require_receipt
from chaincode.world import state
from chaincode.world.bounds import Described, Organisation, Words
from chaincode.world.description import components, describe, json_schema
from chaincode.world.events import Event, emit
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub
from tests.chaincode.declared import events_of
from tests.chaincode.facts_world import World, msp
from wuxin_evidence.encoding.canonical import canonical_json

# ---- what the developer writes


@dataclass(frozen=True)
class NoteInspection:
    """The argument of `note_inspection`."""

    receipt_id: TheReceipt
    finding: Annotated[Words, Described("What was found, in a sentence.", "300 plates, seals intact")]


@dataclass(frozen=True, kw_only=True)
class Inspection(Stamped, NoteInspection):
    """An inspection in the state."""

    inspector: Annotated[Organisation, Described("Organisation that inspected.", "inspector")]


@command(
    "note_inspection",
    on="receipt",
    roles={INSPECTOR, INSURER},
    party="inspector of the consortium",
    also={INSURER},
    events=("receipt_inspected",),
    problems=("not_found",),
    en="Note on a receipt what an inspection of its goods found.",
    zh="在仓单上记录货物查验结果。",
)
def note_inspection(stub: Stub, caller: Member, wanted: NoteInspection) -> Inspection:
    """Note an inspection of the goods. Errors: malformed, not_found, forbidden."""
    receipt = require_receipt(stub, wanted.receipt_id)
    require_party(note_inspection, caller, "inspector")

    inspection = Inspection(
        **vars(wanted), inspector=caller.organisation, created_at_s=stub.timestamp_s, updated_tx=stub.tx_id
    )

    state.write(stub, f"inspection/{receipt.receipt_id}/{stub.tx_id}", inspection)

    emit(stub, Event("receipt_inspected", "receipt", receipt.receipt_id, {"finding": wanted.finding}))
    return inspection


# ---- what follows by itself

WITH_IT = {**FUNCTIONS, "note_inspection": note_inspection}
WANTED = {"receipt_id": "receipt-1", "finding": "300 plates, seals intact"}


def called(world: World, who: str, functions: dict[str, Command] = WITH_IT, **changes: object) -> contract.Response:
    stub = world.last = world.stub(msp(who))
    response = contract.invoke(stub, [b"note_inspection", canonical_json(WANTED | changes)], functions)
    assert response.status == 200 or not (stub.writes or stub.events)
    return response


def code(response: contract.Response) -> str:
    return json.loads(response.message)["code"]


def test_it_is_called_as_every_other_command(receipted: World) -> None:
    answer = json.loads(called(receipted, "inspector").payload)
    assert answer["finding"] == WANTED["finding"]
    assert answer["inspector"] == "inspector"
    assert receipted.last is not None
    assert events_of(receipted.last) == {"receipt_inspected"}


def test_without_its_declaration_it_does_not_exist(receipted: World) -> None:
    assert code(called(receipted, "inspector", dict(FUNCTIONS))) == "not_found"


def test_its_roles_its_party_and_its_bounds_are_held_by_the_contract(receipted: World) -> None:
    assert code(called(receipted, "bank")) == "forbidden"
    assert code(called(receipted, "inspector", finding="")) == "malformed"
    assert code(called(receipted, "inspector", finding="ok\u202e")) == "malformed"
    assert code(called(receipted, "inspector", weight_kg=1)) == "malformed"
    assert code(called(receipted, "inspector", receipt_id="receipt-9")) == "not_found"
    assert called(receipted, "insurer").status == 200


def test_a_module_that_declares_it_is_all_that_the_contract_needs() -> None:
    module = ModuleType("inspections")
    vars(module).update(note_inspection=note_inspection, NoteInspection=NoteInspection)
    assert declared_in(module) == {"note_inspection": note_inspection}


def test_its_types_its_route_and_its_schemas_follow() -> None:
    assert (note_inspection.argument, note_inspection.answers) == (NoteInspection, Inspection)
    assert note_inspection.path == "/receipts/{receipt_id}/note-inspection"
    assert note_inspection.id_field == "receipt_id"
    schema = json_schema(NoteInspection)
    assert schema["required"] == ["receipt_id", "finding"]
    assert schema["properties"]["finding"]["examples"] == ["300 plates, seals intact"]
    assert set(components([note_inspection.argument], [note_inspection.answers])) == {"NoteInspection", "Inspection"}
    assert [field.name for field in describe(Inspection)][:2] == ["receipt_id", "finding"]


@pytest.mark.parametrize(
    ("broken", "changes"),
    [(replace(note_inspection, events=()), {}), (replace(note_inspection, problems=()), {"receipt_id": "receipt-9"})],
    ids=["an event", "a problem"],
)
def test_what_is_not_declared_fails_a_test(receipted: World, broken: Command, changes: dict[str, object]) -> None:
    """The watch of this room (`declared`), shown to bite."""
    with pytest.raises(AssertionError, match="does not declare it"):
        called(receipted, "inspector", {"note_inspection": broken}, **changes)
