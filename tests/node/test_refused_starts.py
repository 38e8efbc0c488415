"""A program that cannot start says so in one named line, and ends with a status; it shows no trace."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from node import __main__ as node_program
from node.cli import main as cli
from node.products import product
from tests.node.conftest import running

SHIPPED = product("weighed-stock").sample


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: Callable[[], None], *words: object
) -> tuple[int, str, str]:
    """(exit status, the named line, what follows it) of a program that must refuse."""
    monkeypatch.setattr(sys, "argv", ["program", *(str(word) for word in words)])
    monkeypatch.delenv("WUXIN_TRACE", raising=False)
    with pytest.raises(SystemExit) as ended:
        program()
    told = capsys.readouterr().err
    assert "Traceback" not in told
    named, _, hint = told.partition("\n")
    assert isinstance(ended.value.code, int)
    return ended.value.code, named, hint.strip()


@pytest.mark.parametrize("place", ["nothing is there", "an empty folder"])
@pytest.mark.parametrize(
    "command",
    [
        ["device", "replay", SHIPPED / "bin6.csv", "--mapping", SHIPPED / "bin.toml"],
        ["device", "replay", SHIPPED / "bin6.csv", "--mapping", SHIPPED / "bin.toml", "--device", "scale-1"],
        ["quarantine", "ls"],
        ["endorser", "stop", "bank"],
        ["endorser", "start", "bank"],
        ["rebuild"],
        ["rebuild", "--check"],
    ],
    ids=lambda words: " ".join(str(word) for word in words[:2]),
)
def test_a_home_without_a_consortium_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[object],
    place: str,
) -> None:
    home = tmp_path / "home"
    if place == "an empty folder":
        home.mkdir()
    status, named, hint = refusal(monkeypatch, capsys, cli.main, *command, "--home", home)
    assert (status, named) == (cli.REFUSED, f"not_found: {home} has no consortium.toml")
    assert f"wuxin serve --home {home}" in hint


def test_a_pack_of_a_device_that_this_home_has_no_key_of_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = tmp_path / "readings.json"
    readings.write_text("[]")
    words = ["pack", "sign", readings, "--device", "d", "--boot", 1, "--seq", 1, "--out", tmp_path / "out"]
    status, named, _ = refusal(monkeypatch, capsys, cli.main, *words, "--home", tmp_path)
    assert status == cli.REFUSED and named.startswith("unknown_device: ")


def test_a_node_without_a_home_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, named, _ = refusal(monkeypatch, capsys, node_program.main, "--home", tmp_path)
    assert (status, named) == (cli.REFUSED, f"not_found: {tmp_path} has no consortium.toml")


def test_a_node_over_a_keystore_that_others_can_read_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "orgs" / "bank" / "keys" / "seat.json").chmod(0o644)
    status, named, hint = refusal(monkeypatch, capsys, node_program.main, "--home", home)
    assert status == cli.REFUSED and named.startswith("forbidden: ") and hint.startswith("chmod 600 ")


@pytest.fixture
async def served(home: Path):
    async with running(home, ["bank"]):
        yield home


def test_a_node_of_an_organisation_that_another_serves_is_named(
    served: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, named, _ = refusal(monkeypatch, capsys, node_program.main, "--home", served, "--org", "bank")
    assert (status, named) == (cli.REFUSED, "conflict: another process serves bank from this home")
