"""The doctor names what is wrong, where, and what to do; and finds nothing wrong where nothing is."""

import datetime
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from network.bringup import supervisor
from network.bringup.supervisor import Program
from network.membership.consortium import Consortium
from node.cli.main import app
from node.machine.doctor import Finding, files, running
from node.machine.processes import ENDPOINTS_FILE
from oracle.sources.broker import free_port
from oracle.storage.status import STATUS_FILE, Status
from tests.plays import until
from wuxin_client import Client
from wuxin_client.models import Duty
from wuxin_evidence.errors import EvidenceError

DAY_S = 86_400


def bad(home: Path) -> list[Finding]:
    """What is wrong with the files of a home."""
    return [each for each in files.examine(home, Consortium.load(home)) if not each.good]


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    assert found[0].hint
    return found[0]


def test_a_founded_home_has_nothing_wrong(home: Path):
    assert bad(home) == []


def change_keys(home: Path, org: str, **change: object) -> Path:
    path = home / "orgs" / org / "api-keys.json"
    document = json.loads(path.read_text())
    document["keys"]["operator"] |= change
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(("left_s", "told"), [(-1, "has expired"), (2.5 * DAY_S, "expires in 2.5 days")])
def test_an_api_key_that_runs_out_is_named_with_the_command_that_renews_it(home: Path, left_s: float, told: str):
    path = change_keys(home, "bank", expires_at_s=int(time.time() + left_s))
    found = only(bad(home))
    assert (found.where, found.what) == (str(path), f"the key operator of bank {told}")
    assert found.hint == f"wuxin keys issue --org bank --home {home}"


@pytest.mark.parametrize("content", ["{", '{"keys": 3}', '{"keys": {"operator": {}}}', "[]"])
def test_a_file_of_keys_that_holds_none_is_named(home: Path, content: str):
    path = home / "orgs" / "bank" / "api-keys.json"
    path.write_text(content)
    assert only(bad(home)).where == str(path)


def test_keys_that_are_kept_elsewhere_are_no_finding(home: Path):
    (home / "orgs" / "bank" / "api-keys.json").unlink()
    assert bad(home) == []


def expiring(days: int) -> bytes:
    now, key = datetime.datetime.now(datetime.UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=100))
        .not_valid_after(now + datetime.timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (expiring(-2), "it expired on "),
        (expiring(3), ", in 3 days"),
        (b"-----BEGIN CERTIFICATE-----\nx", "no certificate"),
    ],
    ids=["expired", "expires soon", "unreadable"],
)
def test_a_certificate_that_ran_out_or_soon_will_is_named(home: Path, content: bytes, told: str):
    path = home / "orgs" / "insurer" / "certificates" / "client.pem"
    path.write_bytes(content)
    found = only(bad(home))
    assert found.where == str(path) and told in found.what and "insurer" in found.hint


@pytest.mark.parametrize("content", [b"{", b'{"price_minor_per_t": 1}', b'{"price_minor_per_t": "7,5"}', b"\xff\xfe"])
def test_a_price_source_that_cannot_be_used_is_named_with_its_member(home: Path, content: bytes):
    path = home / "orgs" / "insurer" / "oracle" / "price-source.json"
    path.write_bytes(content)
    found = only(bad(home))
    assert found.where == str(path) and found.what.startswith("insurer attests no price: ")


def test_a_price_that_is_dated_in_milliseconds_is_named_and_what_to_write(home: Path):
    path = home / "orgs" / "insurer" / "oracle" / "price-source.json"
    price = json.loads(path.read_text())
    path.write_text(json.dumps({**price, "priced_at_s": price["priced_at_s"] * 1000}))
    found = only(bad(home))
    assert found.where == str(path) and "ahead of the clock" in found.what and "whole seconds" in found.hint


def test_a_price_in_another_currency_than_the_circles_is_named(home: Path):
    path = home / "orgs" / "insurer" / "oracle" / "price-source.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "currency": "USD"}))
    found = only(bad(home))
    assert "no lending circle has USD" in found.what and "CNY" in found.hint


def test_a_member_without_a_price_source_is_named(home: Path):
    (home / "orgs" / "insurer" / "oracle" / "price-source.json").unlink()
    assert only(bad(home)).what == "insurer has no price source and attests no price"


def test_a_file_with_keys_that_others_can_read_is_named(home: Path):
    path = home / "orgs" / "bank" / "keys" / "seat.json"
    path.chmod(0o644)
    assert only(bad(home)).hint.startswith(f"chmod 600 {path}")


def test_a_damaged_trust_file_is_named(home: Path):
    (home / "trust.json").write_text("{}")
    assert only(bad(home)).where == str(home / "trust.json")


def test_a_full_disk_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "DISK_FREE_MIN_BYTES", 1 << 62)
    assert "MiB free" in only(bad(home)).what


def test_a_clock_that_was_set_back_is_named(home: Path):
    future = time.time() + 3_600
    os.utime(home / "ledger" / "facts.db", (future, future))
    found = only(bad(home))
    assert (found.where, found.what) == ("this machine", "its clock is 3600 s behind what it has written itself")


@pytest.fixture
def supervised(home: Path) -> Iterator[Path]:
    """A member that runs, one that ends at once, and a broker that was killed; endpoints where nobody listens."""
    shell = {"oracle-bank": "sleep 100", "oracle-insurer": "echo no such key; exit 3", "broker": "sleep 100"}
    programs = [
        Program(name, ("/bin/sh", "-c", f"{text}"), {}, home, home / "run" / f"{name}.log")
        for name, text in shell.items()
    ]
    supervisor.start(home, programs)
    url = "http://127.0.0.1:9"
    told = {"api": url, "nodes": {"bank": url}, "mqtt": "127.0.0.1:9", "pids": {}}
    (home / ENDPOINTS_FILE).write_text(json.dumps(told))
    yield home
    supervisor.stop(home)


def found_of(home: Path) -> dict[str, Finding]:
    return {each.where: each for each in running.examine(home, Consortium.load(home))}


def test_a_process_that_does_not_run_is_told_with_its_end_and_its_last_line(supervised: Path):
    until(lambda: supervisor.states(supervised)["oracle-insurer"].restarts >= 3, "some ends")
    until(lambda: not supervisor.states(supervised)["oracle-insurer"].running, "its end")
    found = found_of(supervised)
    assert found["oracle-bank"].good and "oracle-bank runs (pid " in found["oracle-bank"].what
    insurer = found["oracle-insurer"]
    assert not insurer.good
    assert "ended by exit status 3" in insurer.what and insurer.what.endswith("its last line: no such key")
    assert str(supervised / "run" / "oracle-insurer.log") in insurer.hint


def test_a_broker_and_a_node_that_take_no_connection_are_named(supervised: Path):
    found = found_of(supervised)
    assert not found["broker"].good and "nobody takes connections at 127.0.0.1:9" in found["broker"].what
    assert not found["node of bank"].good


def test_each_trouble_of_an_oracle_member_is_named_with_its_beginning_and_what_to_do(supervised: Path):
    status = Status(supervised / "orgs" / "bank" / "oracle" / STATUS_FILE, lambda: 1_641_054_600)
    status.problem("price", EvidenceError("not_found", "price-source.json is missing", "write it"))
    status.problem("slot s-1 window 7", EvidenceError("unavailable", "insurer says 5", ""))
    price, window = (
        each for each in running.examine(supervised, Consortium.load(supervised)) if each.where == "oracle of bank"
    )
    assert not price.good and not window.good
    assert price.what == "price, since 2022-01-01T16:30:00Z: not_found: price-source.json is missing"
    assert price.hint == "write it"
    assert window.what == "slot s-1 window 7, since 2022-01-01T16:30:00Z: unavailable: insurer says 5"
    assert window.hint == f"read {supervised}/run/oracle-bank.log"
    for about in ("price", "slot s-1 window 7"):
        status.solved(about)
    assert "oracle of bank" not in found_of(supervised)


def test_a_node_is_named_after_all_that_it_serves(supervised: Path):
    url = "http://127.0.0.1:9"
    told = {"api": url, "nodes": {"bank": url, "insurer": url}, "mqtt": "127.0.0.1:9", "pids": {}}
    (supervised / ENDPOINTS_FILE).write_text(json.dumps(told))
    assert not found_of(supervised)["node of bank, insurer"].good


def test_a_half_done_state_is_told_in_words_with_who_has_to_do_what():
    duty = Duty(
        receipt_id="r-1",
        pledge_id="p-1",
        code="facts_ahead",
        since_s=0,
        next_actor="oracle",
        deadline_s=9,
        hint="relay the attestation to the obligations",
        overdue=False,
    )

    class Node:
        def list_duties(self) -> SimpleNamespace:
            return SimpleNamespace(items=[duty])

    (found,) = running._duties(cast(Client, Node()))
    assert (found.where, found.what) == ("receipt r-1", "The obligations lack an attestation (facts_ahead)")
    assert found.hint == "an oracle member has to act: relay the attestation to the obligations"


BEATING = """
import sys, time
from pathlib import Path
from oracle.storage.status import Status
status = Status(Path(sys.argv[1]), lambda: 0)
while True:
    status.alive()
    time.sleep(0.1)
"""


@pytest.fixture
def lively(home: Path) -> Iterator[tuple[Path, int]]:
    """A real broker, and a process that writes a member's status as the member does; with the broker's port."""
    port = free_port()
    status = home / "orgs" / "bank" / "oracle" / STATUS_FILE
    commands = {
        "broker": (sys.executable, "-m", "oracle.sources.broker", "--port", str(port)),
        "oracle-bank": (sys.executable, "-c", BEATING, str(status)),
    }
    supervisor.start(
        home, [Program(name, argv, {}, home, home / "run" / f"{name}.log") for name, argv in commands.items()]
    )
    told = {"api": "http://127.0.0.1:9", "nodes": {}, "mqtt": f"127.0.0.1:{port}", "pids": {}}
    (home / ENDPOINTS_FILE).write_text(json.dumps(told))
    until(lambda: not list(wrong_of(home)), "both to answer")
    yield home, port
    for state in supervisor.states(home).values():
        if state.pid is not None:
            os.kill(state.pid, signal.SIGCONT)
    supervisor.stop(home)


def wrong_of(home: Path) -> Iterator[Finding]:
    of_ours = ("broker", "oracle-bank", "oracle of bank")
    consortium = Consortium.load(home)
    return (each for each in running.examine(home, consortium) if each.where in of_ours and not each.good)


def test_a_broker_that_stands_still_is_named_and_one_that_was_woken_is_well(
    lively: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
):
    home, port = lively
    monkeypatch.setattr(running, "CONNECT_S", 0.5)
    pid = supervisor.states(home)["broker"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    until(lambda: len(list(wrong_of(home))) == 2, "the stop")
    process, answer = wrong_of(home)
    assert f"broker stands still: somebody stopped process {pid}" in process.what
    assert process.hint.startswith(f"wake it: kill -CONT {pid}")
    assert answer.what == f"it does not answer at 127.0.0.1:{port} within 0.5 s" and "it hangs" in answer.hint
    os.kill(pid, signal.SIGCONT)
    until(lambda: not list(wrong_of(home)), "its answer")


def test_a_member_that_stands_still_is_named_by_its_process_and_by_its_silence(
    lively: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
):
    home, _ = lively
    monkeypatch.setattr(running, "SILENT_S", 5)
    pid = supervisor.states(home)["oracle-bank"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    until(lambda: len(list(wrong_of(home))) == 2, "the silence", timeout_s=30)
    process, silence = wrong_of(home)
    assert "oracle-bank stands still" in process.what
    assert silence.where == "oracle of bank" and silence.what.startswith("it hangs: no sign of life for ")
    assert silence.hint.startswith(f"end it, and the supervisor starts it again: kill -KILL {pid}")


def test_what_takes_connections_and_speaks_no_mqtt_is_no_broker(supervised: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(b"HTTP/1.1 400 Bad Request")

        thread = threading.Thread(target=answer)
        thread.start()
        (found,) = running._broker(address, supervised)
        thread.join()
    assert not found.good and "answers no MQTT" in found.what and found.hint


def test_a_home_over_which_nothing_runs_is_told_so_with_the_command_that_starts_it(home: Path):
    found = found_of(home)[str(home)]
    assert not found.good and found.hint == f"start it: wuxin serve --home {home}"


def test_endpoints_that_a_killed_serve_left_are_told_as_that(home: Path):
    (home / "run").mkdir(exist_ok=True)
    (home / ENDPOINTS_FILE).write_text('{"mqtt": "127.0.0.1:9", "nodes": {}}')
    found = found_of(home)[str(home / ENDPOINTS_FILE)]
    assert not found.good and "was killed" in found.what and found.hint == f"wuxin serve --home {home}"


def test_the_exit_status_and_the_json_tell_the_same(home: Path):
    done = CliRunner().invoke(app, ["doctor", "--json", "--home", str(home)])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert {frozenset(row) for row in rows} == {frozenset({"good", "where", "what", "hint"})}
    assert all(row["hint"] for row in rows if not row["good"])


def test_a_folder_that_is_no_home_is_one_finding(tmp_path: Path):
    done = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path)])
    assert done.exit_code == 1
    assert "BAD" in done.stdout and f"wuxin serve --home {tmp_path}" in done.stdout
