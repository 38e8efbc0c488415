"""The consortium file: what it says, and the name of the field that is wrong."""

from pathlib import Path

import pytest

from chaincode.parties.committee import COMMITTEE_MEMBERS_MAX
from chaincode.parties.members import uscc_check_character
from network.membership.consortium import Consortium, ConsortiumError
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS


@pytest.fixture
def text(tmp_path: Path) -> str:
    write_consortium(tmp_path, start_ms=SCENARIO_START_MS)
    return (tmp_path / "consortium.toml").read_text("utf-8")


def test_the_demo_has_six_organisations_of_which_five_endorse_and_three_are_oracles(text: str) -> None:
    demo = Consortium.parse(text)
    assert [each.name for each in demo.endorsers] == ["bank", "insurer", "manufacturer", "warehouse", "regulator"]
    assert [each.name for each in demo.oracles] == ["bank", "insurer", "inspector"]
    assert (demo.facts.endorsements, demo.committee.threshold) == (3, 2)
    assert (demo.circle("e1").chain_id, demo.facts.channel, demo.facts.chaincode) == (262144, "wuxin", "facts")
    assert demo.circle("e1").currency == "CNY"
    assert len(demo.consortium_id) == 32


def test_a_demo_that_is_there_is_kept(tmp_path: Path) -> None:
    assert write_consortium(tmp_path, start_ms=SCENARIO_START_MS) == write_consortium(tmp_path, factor=60)


def test_two_demos_are_two_consortia(tmp_path: Path) -> None:
    assert write_consortium(tmp_path / "a").consortium_id != write_consortium(tmp_path / "b").consortium_id


SECOND_CIRCLE = """[[circle]]
chain = "{chain}"
chain_id = {chain_id}
currency = "CNY"
sealer = "bank"
members = ["bank"]

"""


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('format = "wuxin-consortium-1"', 'format = "2"', "format"),
        ("day_offset_s = 28800 ", "day_offset_s = 86400 ", "day_offset_s"),
        ("day_offset_s = 28800 ", "day_offset_s = -18000 ", "day_offset_s"),
        ("day_offset_s = 28800 ", "day_offset_s = 28800.0 ", "day_offset_s"),
        ("day_offset_s = 28800 ", "day_ofset_s = 28800 ", "day_offset_s"),
        ('name = "Wuxin demo"', 'name = "Wuxin demo"\ncolour = "red"', "colour"),
        ('kind = "scenario"', 'kind = "sundial"', "clock.kind"),
        ('kind = "scenario"', 'kind = "system"', "clock.factor"),
        ("factor = 1\n", "factor = 0\n", "clock.factor"),
        ("factor = 1\n", "factor = 100001\n", "clock.factor"),
        ("epoch = 1", "epoch = 2", "committee.epoch"),
        ('chain = "e1"', 'chain = "f"', "circle[0].chain"),
        ('chain = "e1"', 'chain = "1e"', "circle[0].chain"),
        ('chain = "e1"', 'chain = "e-1"', "circle[0].chain"),
        ("endorsements = 3", "endorsements = 6", "facts.endorsements"),
        ("endorsements = 3", "endorsements = true", "facts.endorsements"),
        ('orderer = "regulator"', 'orderer = "nobody"', "facts.orderer"),
        ("threshold = 2", "threshold = 1", "committee.threshold"),
        ("threshold = 2", "threshold = 4", "committee.threshold"),
        ('name = "insurer"', 'name = "Insurer!"', "organisation[1].name"),
        ('name = "insurer"', 'name = "bank"', "organisation[0].name"),
        ('msp_id = "InsurerMSP"', 'msp_id = "BankMSP"', "organisation[0].msp_id"),
        ("91440300MA5WUX1N31", "91440300MA5WUX1N32", "organisation[1].uscc"),
        ("91440300MA5WUX1N31", "91440300MA5WUX1", "organisation[1].uscc"),
        ('roles = ["insurer"]', 'roles = ["pirate"]', "organisation[1].roles[0]"),
        ('roles = ["insurer"]', "roles = []", "organisation[1].roles"),
        ('roles = ["insurer"]', 'roles = ["insurer"]\nendorse = true', "organisation[1].endorse"),
        ("orders = true\noracle = true", 'orders = true\noracle = "yes"', "organisation[0].oracle"),
        ('sealer = "bank"', 'sealer = "nobody"', "circle[0].sealer"),
        ('members = ["bank", ', 'members = ["nobody", ', "circle[0].members"),
        ("chain_id = 262144", "chain_id = 0", "circle[0].chain_id"),
        ('currency = "CNY"', 'currency = "yuan"', "circle[0].currency"),
        ('currency = "CNY"', "", "circle[0].currency"),
        ("[[circle]]\n", SECOND_CIRCLE.format(chain="e2", chain_id=262144) + "[[circle]]\n", "circle[0].chain_id"),
        ("[[circle]]\n", SECOND_CIRCLE.format(chain="e1", chain_id=7002) + "[[circle]]\n", "circle[0].chain"),
        ('roles = ["insurer"]', 'roles = ["insurer", "insurer"]', "organisation[1].roles"),
        ('members = ["bank", ', 'members = ["bank", "bank", ', "circle[0].members"),
        ('members = ["bank", ', 'members = [7, "bank", ', "circle[0].members[0]"),
        ('name = "Wuxin demo"', "name = 2026-01-01", "name"),
        ('name = "Wuxin demo"', 'name = ""', "name"),
        ('consortium_id = "', 'consortium_id = "A', "consortium_id"),
        ("91440300MA5WUX1N31", "９１440300MA5WUX1N31", "organisation[1].uscc"),
        ('name = "insurer"', 'name = "insurer\\n"', "organisation[1].name"),
        ("start_ms = ", "start_at_ms = ", "clock.start_at_ms"),
        (f"start_ms = {SCENARIO_START_MS}\n", "", "clock.start_ms"),
        ("[facts]", "[fact]", "facts"),
        ("[committee]", "[[committee]]", "committee"),
        ("[facts]", "[facts", "file"),
    ],
)
def test_what_is_wrong_is_named(text: str, old: str, new: str, field: str) -> None:
    assert old in text
    with pytest.raises(ConsortiumError) as found:
        Consortium.parse(text.replace(old, new, 1))
    assert found.value.field == field
    assert found.value.code == "malformed"
    assert field in found.value.hint


def test_a_committee_that_the_facts_would_refuse_is_refused_here(text: str) -> None:
    for number in range(COMMITTEE_MEMBERS_MAX - 2):
        body = f"91110108MA6{number:06d}"
        text += (
            f'\n[[organisation]]\nname = "more-{number}"\nmsp_id = "More{number}MSP"\n'
            f'uscc = "{body}{uscc_check_character(body)}"\nroles = ["inspector"]\noracle = true\n'
        )
    with pytest.raises(ConsortiumError, match="17 have oracle = true, at most 16 may") as found:
        Consortium.parse(text.replace("threshold = 2", "threshold = 9"))
    assert found.value.field == "organisation"


def test_an_organisation_that_is_not_there_is_named(text: str) -> None:
    with pytest.raises(ConsortiumError, match="pirate"):
        Consortium.parse(text).organisation("pirate")


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"name = " + b"[" * 100_000, b"\x00"])
def test_bytes_that_are_no_toml_are_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "consortium.toml").write_bytes(raw)
    with pytest.raises(ConsortiumError) as found:
        Consortium.load(tmp_path)
    assert found.value.field == "file"


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "consortium.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert Consortium.load(tmp_path) == Consortium.parse(text)


def test_more_organisations_than_a_transaction_carries_are_refused(text: str) -> None:
    one = '\n[[organisation]]\nname = "more"\nmsp_id = "MoreMSP"\nuscc = "91110108MA6WUX5P74"\nroles = ["inspector"]\n'
    with pytest.raises(ConsortiumError) as found:
        Consortium.parse(text + one * 59)
    assert found.value.field == "organisation"
    assert "64" in found.value.detail


def test_the_statement_says_the_whole_file_in_json(text: str) -> None:
    demo = Consortium.parse(text)
    statement = demo.statement()
    assert statement["format"] == "wuxin-consortium-1"
    assert statement["consortium_id"] == demo.consortium_id.hex()
    assert statement["clock"] == {"kind": "scenario", "start_ms": SCENARIO_START_MS, "factor": 1}
    assert statement["organisations"][3] == {
        "name": "warehouse",
        "msp_id": "WarehouseMSP",
        "uscc": "91310115MA3WUX3W6R",
        "roles": ["warehouse"],
        "endorses": True,
        "oracle": False,
        "orders": False,
    }
    assert statement["circles"][0]["currency"] == "CNY"
