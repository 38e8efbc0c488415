"""Locks of a home: an operator who runs `wuxin network up` twice at once has one network."""

import threading
import time
from pathlib import Path

import pytest

from network.membership.connections import FabricNode, FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import create_home
from node.demo.founding import write_consortium
from node.machine.network import up
from node.settings import ServingLocks, Settings


def test_two_that_bring_up_one_home_do_so_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    create_home(tmp_path, write_consortium(tmp_path))
    inside, most = 0, 0

    def fabric_up(home: Path, consortium: Consortium, *, show: object) -> FactsConnection:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.3)
        inside -= 1
        return FactsConnection((FabricNode("bank", "BankMSP", "127.0.0.1:1", "pem"),))

    monkeypatch.setattr("network.bringup.fabric.network.up", fabric_up)
    monkeypatch.setattr("node.machine.founding.found_over", lambda home: None)
    both = [threading.Thread(target=up, args=(tmp_path, ["fabric"])) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert most == 1
    assert not (tmp_path / "network.lock").stat().st_mode & 0o077


def test_nobody_else_can_hold_the_lock_under_which_an_organisation_is_served(tmp_path: Path):
    consortium = write_consortium(tmp_path)
    locks = ServingLocks(Settings(tmp_path, consortium, ("bank",), "e1"))
    assert not (tmp_path / "run" / "serving-bank.lock").stat().st_mode & 0o077
    locks.release()
