"""The doctor on the real network: break one thing, read what it says, mend it."""

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from network.bringup.fabric.doctor.findings import Finding
from network.bringup.fabric.layout import layout_of
from network.bringup.fabric.network import Server, Version, doctor, server_program, servers_of, status, up
from network.bringup.fabric.nodes import orderer_program, peer_program
from network.bringup.supervisor import Program, start, stop
from tests.altered_chaincode import Fault, altered
from tests.engines import FABRIC, Ledgers, on

pytestmark = on(FABRIC)

MENDED_WITHIN_S = 30.0


def _findings(ledgers: Ledgers) -> dict[str, Finding]:
    """By place; on a sound network none."""
    return {each.place: each for each in doctor(ledgers.network_home, ledgers.consortium)}


def _wait_until_sound(ledgers: Ledgers) -> None:
    deadline = time.monotonic() + MENDED_WITHIN_S
    while found := _findings(ledgers):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@contextmanager
def _stopped(ledgers: Ledgers, *programs: Program) -> Iterator[None]:
    stop(ledgers.network_home, [program.name for program in programs])
    try:
        yield
    finally:
        start(ledgers.network_home, programs)
        _wait_until_sound(ledgers)


def _server(ledgers: Ledgers, number: int) -> Server:
    layout = layout_of(ledgers.network_home, ledgers.consortium)
    return servers_of(layout, Version.of_this_source().name)[number]


def test_a_sound_network_has_no_findings(ledgers: Ledgers) -> None:
    assert _findings(ledgers) == {}


def test_a_stopped_peer_is_named(ledgers: Ledgers) -> None:
    peer = layout_of(ledgers.network_home, ledgers.consortium).peers[0]

    with _stopped(ledgers, peer_program(peer)):
        found = _findings(ledgers)

    assert set(found) == {peer.name}
    assert str(peer.port) in found[peer.name].detail


def test_a_peer_that_hangs_is_named(ledgers: Ledgers) -> None:
    peer = layout_of(ledgers.network_home, ledgers.consortium).peers[1]
    pid = status(ledgers.network_home)[peer.name].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        found = _findings(ledgers)
    finally:
        os.kill(pid, signal.SIGCONT)
    _wait_until_sound(ledgers)

    assert set(found) == {peer.name}
    assert found[peer.name].severity == "error"


def test_a_stopped_chaincode_server_is_named(ledgers: Ledgers) -> None:
    server = _server(ledgers, 2)

    with _stopped(ledgers, server_program(server)):
        found = _findings(ledgers)

    place = f"chaincode.{server.peer.organisation.name}"
    assert set(found) == {place}
    assert str(server.port) in found[place].detail


def test_a_chaincode_server_that_hangs_is_named_with_its_log(ledgers: Ledgers) -> None:
    server = _server(ledgers, 1)
    pid = status(ledgers.network_home)[server.name].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        found = _findings(ledgers)
    finally:
        os.kill(pid, signal.SIGKILL)  # as the hint says
    _wait_until_sound(ledgers)

    place = f"chaincode.{server.peer.organisation.name}"
    assert set(found) == {place}
    assert "hangs" in found[place].detail
    assert str(server.log) in found[place].hint
    assert server.log.exists()


def test_a_chaincode_server_under_a_wrong_id_is_named_with_both_ids(ledgers: Ledgers) -> None:
    server = _server(ledgers, 3)
    program = server_program(server)
    wrong = f"facts_wrong:{'0' * 64}"
    argv = tuple(wrong if each == server.package.package_id else each for each in program.argv)

    with _stopped(ledgers, program):
        start(ledgers.network_home, [dataclasses.replace(program, argv=argv)])
        found = _when_it_listens(ledgers, f"chaincode.{server.peer.organisation.name}")

    assert wrong in found.detail
    assert server.package.package_id in found.detail


def _when_it_listens(ledgers: Ledgers, place: str) -> Finding:
    deadline = time.monotonic() + MENDED_WITHIN_S
    while True:
        found = _findings(ledgers).get(place)
        if found is not None and "registers as" in found.detail:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_a_package_that_was_taken_away_is_named_and_up_puts_it_back(ledgers: Ledgers) -> None:
    server = _server(ledgers, 4)
    (file,) = (server.peer.folder / "data/lifecycle/chaincodes").glob(f"{server.package.label}.*")
    file.unlink()
    try:
        found = _findings(ledgers)
    finally:
        up(ledgers.network_home, ledgers.consortium)

    assert set(found) == {server.peer.name}
    assert server.package.package_id in found[server.peer.name].detail
    assert _findings(ledgers) == {}


@pytest.mark.parametrize(("fault", "words"), [("wrong", "computes another result"), ("slow", "no answer")])
async def test_an_endorser_whose_chaincode_is_altered_is_named(ledgers: Ledgers, fault: Fault, words: str) -> None:
    async with altered(ledgers, "insurer", fault):
        found = await asyncio.to_thread(_findings, ledgers)
    await asyncio.to_thread(_wait_until_sound, ledgers)

    assert set(found) == {"chaincode.insurer"}
    assert words in found["chaincode.insurer"].detail


def test_too_few_orderers_are_counted(ledgers: Ledgers) -> None:
    first, second, *_ = layout_of(ledgers.network_home, ledgers.consortium).orderers

    with _stopped(ledgers, orderer_program(first), orderer_program(second)):
        found = _findings(ledgers)

    assert {first.name, second.name, "channel"} <= set(found)
    assert "2 of 4 orderers answer; 3 must agree" in found["channel"].detail


def test_the_command_says_the_same(ledgers: Ledgers) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "node.cli.main", "network", "doctor", "--json", "--home", str(ledgers.network_home)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr
