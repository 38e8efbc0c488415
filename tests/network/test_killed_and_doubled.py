"""Bringing up and separating, when it was killed in the middle, or is done twice at once, or is watched by others."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from network.bringup.fabric.layout import layout_of
from network.bringup.fabric.nodes import write_file, write_orderer, write_peer
from network.bringup.listeners import listeners
from network.membership.consortium import Consortium, ConsortiumError
from network.membership.homes import HOMES, home_of, separate


def closed(path: Path) -> bool:
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_what_a_killed_separation_left_is_no_second_copy_of_the_keys(home: Path, consortium: Consortium) -> None:
    left = home / HOMES / "bank.4711.making" / "orgs" / "bank" / "keys"
    left.mkdir(parents=True)
    (left / "seat.json").write_text("secret")
    separate(home, consortium)
    assert sorted(each.name for each in (home / HOMES).iterdir()) == sorted(o.name for o in consortium.organisations)


def test_a_killed_separation_is_finished_by_a_process_with_the_same_id(home: Path, consortium: Consortium) -> None:
    (home / HOMES / f"bank.{os.getpid()}.making" / "orgs").mkdir(parents=True)
    separate(home, consortium)
    assert home_of(home, "bank") != home


@pytest.mark.parametrize("engine", ["fabric", "evm"])
def test_a_home_with_nodes_is_not_separated_under_them(home: Path, consortium: Consortium, engine: str) -> None:
    (home / engine / "bank").mkdir(parents=True)
    with pytest.raises(ConsortiumError) as refused:
        separate(home, consortium)
    assert engine in str(refused.value)
    assert (home / "orgs" / "bank" / "keys").is_dir() and not (home / HOMES).exists()


def test_a_file_that_a_killed_process_with_the_same_id_left_half_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / f"key.pem.{os.getpid()}.partial").write_text("half")
    write_file(tmp_path / "key.pem", b"whole", private=True)
    assert (tmp_path / "key.pem").read_bytes() == b"whole" and closed(tmp_path / "key.pem")


def test_the_folders_of_nodes_are_closed_to_others_because_ledgers_hold_private_values(
    home: Path, consortium: Consortium
) -> None:
    real = replace(consortium, clock=replace(consortium.clock, kind="system", start_ms=0, factor=1))
    layout = layout_of(home, real)
    open_before = layout.peers[0].folder
    open_before.mkdir(parents=True)
    open_before.chmod(0o755)
    write_orderer(layout.orderers[0])
    write_peer(layout.peers[0])
    folders = [layout.orderers[0].folder, layout.peers[0].folder, layout.peers[0].chaincode_folder]
    assert [each.name for each in folders if not closed(each)] == []


def test_nobody_else_can_hold_the_lock_of_the_ports(tmp_path: Path) -> None:
    listeners(tmp_path, ["fabric/bank/peer"])
    assert closed(tmp_path / "network.json.lock")
