"""`wuxin call` speaks the declarations: names, fields and their kinds, exit statuses, completion."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from node.api.operations import OPERATIONS
from node.app import create_app
from node.cli import call
from node.cli.main import app
from node.machine.processes import ENDPOINTS_FILE
from wuxin_evidence.errors import NamedError

SLOT = "91310115MA3WUX3W6R/CALLED"
RUN = CliRunner()


@pytest.fixture
def served(home: Path) -> Iterator[Path]:
    """A home whose node answers on a socket of its own."""
    import threading

    server = uvicorn.Server(uvicorn.Config(create_app(home), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not (server.started and server.servers):
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    (home / ENDPOINTS_FILE).parent.mkdir(exist_ok=True)
    (home / ENDPOINTS_FILE).write_text(json.dumps({"api": f"http://127.0.0.1:{port}", "nodes": {}}))
    yield home
    server.should_exit = True
    thread.join(20)


def called(home: Path, *words: str, code: str | None = None, text: str = "") -> Any:
    """The answer of a call, or its code where it must be refused."""
    answer = RUN.invoke(app, ["call", *words, "--home", str(home)], input=text)
    if code is not None:
        assert isinstance(answer.exception, NamedError) and answer.exception.code == code, answer.exception
    else:
        assert answer.exit_code == 0, (answer.output, answer.exception)
    return json.loads(answer.output) if answer.output else None


def test_a_command_a_list_and_a_read_are_called_by_their_names(served: Path) -> None:
    done = called(served, "register_slot", "--field", f"slot_id={SLOT}", "--wait", "30")
    assert done["transaction"]["status"] == "committed"
    assert called(served, "list_slots", "--org", "bank", "--field", "limit=1")["items"][0]["slot_id"] == SLOT
    assert called(served, "get_slot", "--org", "bank", "--field", f"slot_id={SLOT}")["claimed_by"] is None
    found = called(
        served, "get_transaction", "--org", "warehouse", "--field", f"transaction_id={done['transaction']['id']}"
    )
    assert found == done["transaction"]


def test_fields_come_from_a_file_or_standard_input_and_the_line_counts_more(served: Path, tmp_path: Path) -> None:
    file = tmp_path / "slot.json"
    file.write_text(json.dumps({"slot_id": SLOT}))
    called(served, "register_slot", "--json", str(file), "--wait", "30")
    called(
        served, "register_slot", "--json", "-", "--field", f"slot_id={SLOT}-B", "--wait", "30", text='{"slot_id": "x"}'
    )
    assert {each["slot_id"] for each in called(served, "list_slots", "--org", "bank")["items"]} == {SLOT, SLOT + "-B"}


def test_the_same_key_is_the_same_command(served: Path) -> None:
    words = ("register_slot", "--field", f"slot_id={SLOT}", "--key", "once", "--wait", "30")
    assert called(served, *words) == called(served, *words)


def test_refusals_have_their_codes_and_a_failed_command_is_printed(served: Path) -> None:
    called(served, "get_receipt", "--org", "bank", "--field", "receipt_id=none", code="not_found")
    called(served, "list_receipts", "--org", "bank", "--field", "status=bogus", code="malformed")
    called(served, "register_slot", "--org", "bank", "--field", f"slot_id={SLOT}", code="forbidden")
    failed = called(
        served, "release_pledge", "--org", "bank", "--field", "pledge_id=none", "--wait", "30", code="not_found"
    )
    assert failed["transaction"]["status"] == "failed"


def test_what_is_wrong_on_the_line_is_named_before_anything_is_sent(home: Path) -> None:
    called(home, "isue_receipt", code="not_found")
    called(home, "register_slot", "--field", "slot=1", code="malformed")
    called(home, "list_slots", "--org", "bank", "--field", "limit=many", code="malformed")
    called(home, "list_slots", "--org", "bank", "--field", "limit=NaN", code="malformed")
    called(home, "list_slots", code="malformed")
    called(home, "accept_pledge", "--org", "bank", code="malformed")
    called(home, "list_slots", "--org", "bank", code="unavailable")


@pytest.mark.parametrize("text", ['{"slot_id": "a", "slot_id": "b"}', "[" * 100_000, '{"slot_id": NaN}', "\x00"])
def test_a_document_that_says_a_field_twice_or_is_no_json_is_malformed_before_anything_is_sent(
    home: Path, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "slot.json"
    file.write_text(text)
    called(home, "register_slot", "--json", str(file), code="malformed")
    called(home, "register_slot", "--json", "-", code="malformed", text=text)


@pytest.mark.parametrize("value", ['{"sum": 1, "sum": 2}', "[" * 100_000])
def test_a_value_on_the_line_that_says_a_field_twice_or_is_too_deep_is_malformed(home: Path, value: str) -> None:
    called(home, "issue_receipt", "--field", f"insurance={value}", code="malformed")


def test_an_organisation_that_is_none_is_answered_with_those_there_are(served: Path) -> None:
    with pytest.raises(NamedError, match="not_found: no organisation is named 'Manufaktur'") as refused:
        call.run(served, "list_slots", "Manufaktur", None, [], 0, None)
    assert "are bank, insurer, manufacturer, warehouse, regulator, inspector" in refused.value.hint


def test_a_key_that_is_gone_is_named_with_the_command_that_issues_one(served: Path) -> None:
    (served / "orgs" / "bank" / "api-keys.json").unlink()
    with pytest.raises(NamedError, match="unauthenticated") as refused:
        call.run(served, "list_slots", "bank", None, [], 0, None)
    assert f"wuxin keys issue --org bank --home {served}" in refused.value.hint


def test_a_transaction_is_printed_once_and_several_are_printed_all(served: Path) -> None:
    done = called(served, "register_slot", "--field", f"slot_id={SLOT}", "--wait", "30")
    assert set(done) == {"transaction"}
    two = {"transaction": {"id": "a"}, "transactions": [{"id": "a"}, {"id": "b"}]}
    assert call._without_repetition(two) == two


@pytest.mark.parametrize(("name", "meant"), [("draww", "draw"), ("receipt", "issue_receipt"), ("zzz", "")])
def test_an_unknown_name_is_answered_with_those_that_are_near(home: Path, name: str, meant: str) -> None:
    with pytest.raises(NamedError, match="not_found") as refused:
        call.run(home, name, None, None, [], 0, None)
    assert refused.value.hint.endswith("All of them: wuxin call --list")
    assert ("did you mean" in refused.value.hint) == bool(meant) and meant in refused.value.hint


def test_a_longer_wait_than_a_node_grants_is_refused(home: Path) -> None:
    called(home, "list_slots", "--wait", "61", code="malformed")
    called(home, "list_slots", "--wait", "-1", code="malformed")


def test_a_file_that_is_not_there_is_called_that(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NamedError, match=r"not_found: .*none\.json: no such file"):
        call.run(home, "draw", None, str(tmp_path / "none.json"), [], 0, None)
    told = RUN.invoke(app, ["verify", str(tmp_path / "none.zip")])
    assert told.output == f"unreadable: {tmp_path}/none.zip: no such file\n" and told.exit_code == 3


def test_the_list_names_every_operation_and_a_call_without_a_name_says_where_it_is() -> None:
    listed = RUN.invoke(app, ["call", "--list"])
    assert [line.split()[0] for line in listed.output.splitlines()] == [each.name for each in OPERATIONS]
    alone = RUN.invoke(app, ["call"])
    assert alone.exit_code == 2 and "wuxin call --list" in alone.output


def test_the_fields_of_an_operation_are_shown_with_unit_example_and_whether_they_are_required() -> None:
    shown = RUN.invoke(app, ["call", "draw", "--fields"]).output
    assert "facility_id (required): " in shown and "amount_minor (required, minor unit of the currency): " in shown
    assert "bind_device" not in shown
    assert "(optional" in RUN.invoke(app, ["call", "list_receipts", "--fields"]).output
    for each in OPERATIONS:
        assert call.field_list(each.name).count("      e.g. ") == len(call._fields(each)), each.name


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("ask GET /v1/facilities/{id}/reasons why", "ask `wuxin call list_reasons --field facility_id=…` why"),
        ("(GET /v1/facilities/<id>)", "(`wuxin call get_facility --field facility_id=…`)"),
        ("see GET /v1/facilities/my-line: it", "see `wuxin call get_facility --field facility_id=my-line`: it"),
        ("see GET /v1/statuses", "see GET /v1/statuses"),
        ("read its log", "read its log"),
    ],
)
def test_a_hint_names_the_call_instead_of_the_route(hint: str, told: str) -> None:
    assert call.as_calls(hint) == told


def test_a_bundle_is_asked_for_by_the_same_rule_as_every_other_answer(served: Path, tmp_path: Path) -> None:
    words = ["evidence", "get", "ab" * 32, "--out", str(tmp_path / "x.zip"), "--home", str(served)]
    several = RUN.invoke(app, words)
    assert isinstance(several.exception, NamedError) and several.exception.code == "malformed"
    assert "add --org, one of bank" in several.exception.hint
    unknown = RUN.invoke(app, [*words, "--org", "bank"])
    assert isinstance(unknown.exception, NamedError) and unknown.exception.code == "not_found"
    assert not (tmp_path / "x.zip").exists()


def completed(*words: str, home: Path | None = None) -> list[str]:
    """What the shell gets for a line whose last word is unfinished, as its completion script asks for it."""
    asked = {
        "COMP_WORDS": " ".join(("wuxin", *words)),
        "COMP_CWORD": str(len(words)),
        "_WUXIN_COMPLETE": "complete_bash",
    }
    environment = {**os.environ, **asked} | ({"WUXIN_HOME": str(home)} if home else {})
    command = [sys.executable, "-c", "import sys; sys.argv = ['wuxin']; from node.cli.main import main; main()"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_a_shell_completes_names_fields_and_organisations(home: Path) -> None:
    assert completed("call", "list_f") == ["list_facilities", "list_facility_transactions"]
    assert completed("call", "draw", "--field", "f") == ["facility_id="]
    assert completed("call", "accept_pledge", "--org", "bank", "--field", "salt=x", "--field", "te") == ["terms="]
    assert completed("call", "no_such", "--field", "f") == []
    assert completed("call", "draw", "--org", "ins", home=home) == ["insurer", "inspector"]
    assert completed("evidence", "get", "x", "--org", "b", home=home) == ["bank"]
    assert completed("call", "draw", "--org", "b", home=home / "none") == []
