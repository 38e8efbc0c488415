"""A node refuses to start on a home that would work and be wrong."""

import shutil
from pathlib import Path

import pytest

from node.app import create_app
from node.projection import tables
from node.projection.rebuild import rebuild
from node.settings import SettingsError, check
from tests.node.conftest import running


def refused(home: Path, orgs: list[str] | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        create_app(home, orgs)
    assert error.value.hint
    return error.value.code


def test_a_key_that_others_can_read(home: Path) -> None:
    (home / "orgs" / "bank" / "keys" / "seat.json").chmod(0o644)
    assert refused(home) == "forbidden"
    assert check(home, ["insurer"]).organisations == ("insurer",), "another organisation's seat is not its business"


def test_api_keys_that_others_can_read(home: Path) -> None:
    (home / "orgs" / "bank" / "api-keys.json").chmod(0o640)
    assert refused(home) == "forbidden"


def test_a_trust_file_of_another_consortium(home: Path) -> None:
    path = home / "trust.json"
    text = path.read_text()
    path.write_text(text.replace(check(home, None).consortium.consortium_id.hex(), "ab" * 32))
    assert refused(home) == "conflict"
    path.unlink()
    assert refused(home) == "not_found"


def test_a_scenario_clock_outside_the_demo(home: Path) -> None:
    path = home / "consortium.toml"
    path.write_text(path.read_text().replace('kind = "system"', 'kind = "scenario"\nstart_ms = 1641114000000'))
    check(home, None)
    (home / "demo").unlink()
    assert refused(home) == "forbidden"


def test_an_organisation_that_is_not_there(home: Path) -> None:
    assert refused(home, ["nobody"]) == "not_found"
    assert refused(home, []) == "not_found"
    assert refused(home / "elsewhere") == "not_found"


async def test_one_organisation_is_served_by_one_process(home: Path) -> None:
    async with running(home, ["bank"]):
        async with running(home, ["warehouse"]) as other:
            answer = await other.get("bank", "/v1/status")
            assert answer.json()["code"] == "forbidden", "this process does not serve the bank"
        with pytest.raises(SettingsError) as error:
            async with running(home, ["bank", "insurer"]):
                pass
        assert error.value.code == "conflict"


async def test_two_processes_share_one_read_model(home: Path) -> None:
    async with running(home, ["bank"]) as first, running(home, ["warehouse"]) as second:
        slot = "91310115MA3WUX3W6R/BIN-1"
        await second.done("warehouse", "/v1/slots", {"slot_id": slot})
        at = second.node.position.at("f")
        assert await first.node.position.reached("f", at, 10)
        assert (await first.get("bank", "/v1/slots/by-id", slot_id=slot)).json()["warehouse"] == "warehouse"


def test_the_read_model_is_rebuilt_by_one_command(home: Path) -> None:
    made = rebuild(home)
    assert made and made.rows > 10
    assert rebuild(home, check=True).as_dict() == {"equal": True, "rows": made.rows, "differences": ()}


def test_a_check_with_no_read_model_refuses_and_creates_none(home: Path) -> None:
    file = home / "readmodel.db"
    file.unlink(missing_ok=True)
    before = sorted(home.iterdir())
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=True)
    assert refused.value.code == "not_found" and sorted(home.iterdir()) == before


def contents(home: Path) -> dict[str, bytes | None]:
    """Every path below a home, with the bytes of each file."""
    return {str(each): each.read_bytes() if each.is_file() else None for each in sorted(home.rglob("*"))}


@pytest.mark.parametrize("lost", ["ledger", "ledger/facts.db", "ledger/obligations-e1.db"])
def test_a_check_in_a_home_without_a_ledger_refuses_and_makes_none(home: Path, lost: str) -> None:
    rebuild(home)
    for each in [*(home / lost).glob("*"), home / lost]:
        if each.is_file():
            each.unlink()
    if lost == "ledger":
        (home / lost).rmdir()
    before = contents(home)
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=True)
    assert refused.value.code == "not_found" and "nothing to compare with" in refused.value.detail
    assert contents(home) == before


def test_a_check_without_read_model_and_ledger_changes_nothing(home: Path) -> None:
    shutil.rmtree(home / "ledger")
    tables.remove(home / "readmodel.db")
    before = contents(home)
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=True)
    assert refused.value.hint == f"make one: wuxin rebuild --home {home}; then check again"
    assert contents(home) == before


@pytest.mark.parametrize("only_check", [True, False])
@pytest.mark.parametrize("database", ["readmodel.db", "local.db"])
def test_a_database_that_is_a_folder_is_named_and_left(home: Path, database: str, only_check: bool) -> None:
    (home / database).unlink(missing_ok=True)
    (home / database).mkdir()
    before = contents(home)
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=only_check)
    assert refused.value.code == "malformed" and f"{database} is no file" in refused.value.detail
    assert contents(home) == before


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" + bytes(84)])
def test_a_check_neither_compares_nor_removes_what_is_no_read_model(home: Path, content: bytes) -> None:
    file = home / "readmodel.db"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=True)
    assert refused.value.code == "not_found" and file.read_bytes() == content


def test_a_check_of_a_read_model_that_has_read_nothing_refuses(home: Path) -> None:
    tables.remove(home / "readmodel.db")
    tables.open_read_model(home / "readmodel.db").close()
    with pytest.raises(SettingsError) as refused:
        rebuild(home, check=True)
    assert refused.value.code == "not_found" and "no block" in refused.value.detail


def test_a_check_names_the_row_that_was_altered(home: Path) -> None:
    rebuild(home)
    store = tables.open_read_model(home / "readmodel.db")
    with store.write() as connection:
        connection.execute(tables.member.update().values(record={}).where(tables.member.c.id == "bank"))
    store.close()
    report = rebuild(home, check=True)
    assert not report and report.differences == ("member: bank differs",) and report.rows > 10
