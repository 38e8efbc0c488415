"""What a contract refuses is told in the names that its caller used, with what to do next."""

import re
from pathlib import Path

import pytest
from sqlalchemy import insert

from network.obligations.jsonrpc.abi import snake_case
from node.commands.contract_refusals import HINT, HINTS, in_names
from node.projection import tables
from node.projection.tables import open_read_model
from tests.node.conftest import Running
from tests.node.story import FACILITY, Story
from wuxin_evidence.ids import facility_key, subject

PROBLEMS = Path(__file__).parents[2] / "contracts" / "src" / "interfaces" / "IProblems.sol"
BANK, SLOT = "cb" * 20, subject("slot", "S/BIN-1").hex()


def test_every_error_of_the_contracts_says_what_to_do_next() -> None:
    errors = [snake_case(name) for name in re.findall(r"^\s*error (\w+)\(", PROBLEMS.read_text("utf-8"), re.MULTILINE)]
    assert len(errors) > 20
    assert [name for name in errors if not HINTS.get(name)] == []
    assert HINT


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        (f"facility_id 0x{facility_key('f-1').hex()}, reasons 1", "facility_id f-1, reasons 1"),
        (f"caller 0x{BANK}", "caller bank"),
        (f"caller 0x{BANK.upper()}", "caller bank"),
        (f"subject 0x{SLOT}, observed_at 0", "subject S/BIN-1, observed_at 0"),
        (f"account 0x{BANK}, id 0x{SLOT}", "account bank, id S/BIN-1"),
        (f"id 0x{'ee' * 32}", f"id 0x{'ee' * 32}"),
        (f"caller 0x{'ee' * 20}", f"caller 0x{'ee' * 20}"),
        (f"data 0x{BANK}00", f"data 0x{BANK}00"),
        ("amount_minor 5, headroom_minor 3", "amount_minor 5, headroom_minor 3"),
        ("", ""),
    ],
)
def test_a_hash_or_an_address_is_told_by_the_name_that_it_has(tmp_path: Path, detail: str, told: str) -> None:
    model = open_read_model(tmp_path / "model.db")
    with model.write() as connection:
        connection.execute(insert(tables.subject_name), [{"subject": SLOT, "kind": "slot", "ident": "S/BIN-1"}])
    assert in_names(detail, "f-1", {BANK: "bank"}, model) == told


async def test_a_refused_command_names_the_facility_and_the_caller_as_the_api_does(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await story.pledge_it()

    async def refused(organisation: str, facility_id: str, action: str, **body: int | str) -> dict[str, str]:
        answer = await node.post(organisation, f"/v1/facilities/{facility_id}/{action}", body)
        found = answer.json()["transaction"]
        assert found["status"] == "failed" and found["tx_id"], found
        return found

    unknown = await refused("manufacturer", "no-such-line", "draw", amount_minor=5)
    assert (unknown["code"], unknown["detail"]) == ("not_found", "id no-such-line")
    assert "GET /v1/facilities" in unknown["hint"]
    stranger = await refused("insurer", FACILITY, "draw", amount_minor=5)
    assert (stranger["code"], stranger["detail"]) == ("forbidden", "caller insurer")
    assert "GET /v1/facilities/{id}" in stranger["hint"]
    early = await refused("manufacturer", FACILITY, "draw", amount_minor=5)
    assert early["code"] == "facility_not_active" and f"facility_id {FACILITY}" in early["detail"] and early["hint"]
    assert all("0x" not in each["detail"] for each in (unknown, stranger, early))
