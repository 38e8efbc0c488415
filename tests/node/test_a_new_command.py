"""What a developer writes to add a command: the transition with its declaration, the fold of its record, a list of it.

Route, description, `wuxin call` and the ledger follow from these and from nothing else.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from chaincode.contract import FUNCTIONS
from chaincode.declaration import command
from chaincode.parties.members import Member
from chaincode.world import state
from chaincode.world.bounds import Described, ReceiptId, Words
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub
from node.api.description import described
from node.api.operation import Recorded
from node.api.operations import BY_NAME, OPERATIONS
from node.api.reading import of_table
from node.api.sending import of_facts
from node.app import create_app
from node.cli import call
from node.projection import facts, tables
from tests.node.conftest import Running
from tests.node.story import RECEIPT, Story

# ---- what the developer writes


@dataclass(frozen=True)
class NoteInspection:
    """What an inspection of the goods found."""

    receipt_id: Annotated[ReceiptId, Described("The receipt.", "receipt-1")]
    finding: Annotated[Words, Described("What was found.", "seals intact")]


@dataclass(frozen=True, kw_only=True)
class Inspection(Stamped, NoteInspection):
    """An inspection in the state."""


@command(
    "note_inspection",
    on="receipt",
    roles={"inspector"},
    problems=("conflict",),
    en="Note on a receipt what an inspection of its goods found.",
    zh="在仓单上记录货物查验结果。",
)
def note_inspection(stub: Stub, caller: Member, wanted: NoteInspection) -> Inspection:
    """Note an inspection, once a receipt. Errors: conflict."""
    key = f"inspection/{wanted.receipt_id}"
    state.require_absent(stub, key)
    noted = Inspection(**vars(wanted), created_at_s=stub.timestamp_s, updated_tx=stub.tx_id)
    state.write(stub, key, noted)
    return noted


INSPECTIONS = tables._facts("inspection")
FOLD = facts.Aggregate(INSPECTIONS, facts._fields())


@dataclass(frozen=True)
class Inspections:
    """Inspections."""


# ---- what follows by itself

NOTE = of_facts(note_inspection)
LIST = of_table(
    "list_inspections", "/inspections", INSPECTIONS, filters=Inspections, item=Recorded(Inspection),
    en="List inspections.", zh="列出查验记录。",
)  # fmt: skip


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "note_inspection", note_inspection)
    monkeypatch.setitem(facts.AGGREGATES, "inspection", FOLD)
    for each in (NOTE, LIST):
        monkeypatch.setitem(BY_NAME, each.name, each)


async def test_it_is_submitted_read_by_the_fold_and_listed(home: Path, declared: None) -> None:
    app = create_app(home, operations=(*OPERATIONS, NOTE, LIST))
    async with app.router.lifespan_context(app):
        node = Running(home, app, app.state.node)
        await Story(node).issue()
        body, path = {"finding": "seals intact"}, f"/v1/receipts/{RECEIPT}/note-inspection"
        done = await node.done("inspector", path, body)
        assert done["result"]["finding"] == "seals intact"
        listed = (await node.get("bank", "/v1/inspections")).json()["items"]
        assert [(each["receipt_id"], each["finding"], each["tx_id"]) for each in listed] == [
            (RECEIPT, "seals intact", done["tx_id"])
        ]
        assert await node.refused("inspector", path, body) == "conflict"
        assert await node.refused("warehouse", path, body) == "forbidden"
        assert await node.refused("inspector", path, {"finding": "ok\u202e"}) == "malformed"


def test_it_is_described_and_completed(declared: None) -> None:
    document = described((*OPERATIONS, NOTE, LIST))
    operation = document["paths"]["/v1/receipts/{receipt_id}/note-inspection"]["post"]
    assert operation["operationId"] == "note_inspection" and "conflict" in operation["x-wuxin-problems"]
    assert set(document["components"]["schemas"]["NoteInspectionBody"]["properties"]) == {"finding"}
    assert {"Inspection", "InspectionPage"} <= set(document["components"]["schemas"])
    assert call._assigned(BY_NAME["note_inspection"], ["finding=seals intact"]) == {"finding": "seals intact"}
