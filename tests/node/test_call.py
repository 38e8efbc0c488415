"""`wuxin call` speaks the declarations: names, fields and their kinds, exit statuses, completion."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
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
    called(home, "list_slots", code="malformed")
    called(home, "accept_pledge", "--org", "bank", code="malformed")
    called(home, "list_slots", "--org", "bank", code="unavailable")


def test_a_shell_completes_names_and_fields() -> None:
    assert [name for name, _ in call.names_beginning("list_f")] == ["list_facilities", "list_facility_transactions"]
    assert len(call.names_beginning("")) == len(OPERATIONS)
    context = typer.Context(typer.main.get_command(app))
    context.params["command"] = "accept_pledge"
    assert [name for name, _ in call.fields_beginning(context, "")] == ["pledge_id=", "facility_id=", "terms=", "salt="]
    assert [name for name, _ in call.fields_beginning(context, "fa")] == ["facility_id="]
