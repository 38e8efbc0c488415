"""Products and the demo's founding are data: what is founded and lent against is what folder and home say."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from network.membership.consortium import Consortium
from network.membership.seats import create_home
from network.ports import Rejected
from node.demo.founding import demo_product, prepare, write_consortium
from node.machine.founding import found_over, judging_hashes
from node.products import product, product_of, products, profiles, rule_pack, rule_packs
from oracle.profile import Profile
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError


def test_every_product_is_complete_and_fits_together() -> None:
    for each in products():
        profile = Profile.load(each.profile())
        assert each.about.valuation.quantity_indicator in profile.indicators
        assert product_of(each.pack) == each
        assert {entry.indicator for rule in each.pack.content.rules for entry in rule.inputs} <= set(profile.indicators)
        assert (each.sample / "NOTICE.md").is_file()


def test_a_profile_is_known_by_its_hash_at_every_pace() -> None:
    for each in products():
        for pace in (1, *each.about.paces):
            raw = canonical_json(each.profile_at(pace))
            assert profiles()[hashlib.sha256(raw).digest()] == raw
            assert Profile.parse(each.profile_at(pace)).hash in profiles()


def test_a_home_adds_its_own_profile(tmp_path: Path) -> None:
    own = {**demo_product().profile_at(1), "name": "our-own", "grace_s": 61}
    (tmp_path / "profile.json").write_text(json.dumps(own))
    assert set(profiles(tmp_path)) - set(profiles()) == {Profile.parse(own).hash}


def further_pack(home: Path, pack_id: str, value: int = 5) -> None:
    document = json.loads(json.dumps(demo_product().pack.document)) | {"id": pack_id}
    document["rules"][0]["when"]["conditions"][0]["value"] = value
    (home / "packs").mkdir(exist_ok=True)
    (home / "packs" / f"{pack_id}-{value}.json").write_text(json.dumps(document))


def test_a_home_adds_rule_packs_by_hash_and_by_id(tmp_path: Path) -> None:
    further_pack(tmp_path, "our-stock-2")
    (added,) = (each for digest, each in rule_packs(tmp_path).items() if digest not in rule_packs())
    assert (
        rule_pack("our-stock-2", tmp_path) == rule_pack(added.hash.hex(), tmp_path) == rule_packs(tmp_path)[added.hash]
    )
    assert rule_pack(demo_product().pack.id, tmp_path) == demo_product().pack
    with pytest.raises(EvidenceError, match="our-stock-2") as refused:
        rule_pack("our-stock-2")
    assert refused.value.code == "not_found"


def test_the_shipped_pack_in_a_home_is_the_shipped_pack(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    shutil.copy(demo_product().folder / "pack.json", tmp_path / "packs" / "again.json")
    assert rule_packs(tmp_path) == rule_packs()


def test_two_packs_that_share_an_id_are_refused(tmp_path: Path) -> None:
    """Whoever proposes by that id would not know which rules the facility is under."""
    further_pack(tmp_path, demo_product().pack.id)
    with pytest.raises(EvidenceError) as refused:
        rule_packs(tmp_path)
    assert refused.value.code == "conflict"


def test_a_file_in_packs_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "x.json").write_text("{}")
    with pytest.raises(EvidenceError) as refused:
        rule_packs(tmp_path)
    assert refused.value.code == "malformed"


def test_a_pack_for_a_thing_that_no_product_is_has_no_valuation(tmp_path: Path) -> None:
    document = dict(demo_product().pack.document) | {"id": "herd-1", "asset_type": "herd"}
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "herd.json").write_text(json.dumps(document))
    with pytest.raises(EvidenceError, match="herd") as refused:
        product_of(rule_pack("herd-1", tmp_path))
    assert refused.value.code == "not_found"


def test_the_demo_is_prepared_from_its_data(tmp_path: Path) -> None:
    consortium = prepare(tmp_path)
    assert json.loads((tmp_path / "deposits.json").read_text()) == {"bank": 10**11, "manufacturer": 0}
    price = json.loads((tmp_path / "orgs" / "inspector" / "oracle" / "price-source.json").read_text())
    assert price["currency"] == consortium.circles[0].currency
    assert price["commodity"] == demo_product().story["receipt"]["commodity"]
    assert judging_hashes(tmp_path) == {
        "profile warehouse-weight-1": Profile.load(demo_product().profile()).hash.hex(),
        "rule pack warehouse-stock-1": demo_product().pack.hash.hex(),
    }


def test_a_home_that_has_a_profile_of_its_own_is_not_given_another(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(demo_product().profile_at(30)))
    prepare(tmp_path)
    assert Profile.load(tmp_path / "profile.json").windows.window_s == 30
    assert not (tmp_path / "packs").exists()


def test_founding_a_home_without_a_profile_is_refused_with_what_to_copy(tmp_path: Path) -> None:
    create_home(tmp_path, write_consortium(tmp_path))
    with pytest.raises(Rejected, match=r"profile\.json") as refused:
        found_over(tmp_path)
    assert refused.value.code == "not_found"
    assert str(product("weighed-stock").profile()) in refused.value.hint


@pytest.mark.parametrize("text", ["{", "[]", '{"bank": "1"}', '{"bank": -1}', '{"bank": true}', '{"bank": 1.0}'])
def test_deposits_that_are_no_amounts_are_refused(tmp_path: Path, text: str) -> None:
    prepare(tmp_path)
    (tmp_path / "deposits.json").write_text(text)
    with pytest.raises(Rejected) as refused:
        found_over(tmp_path)
    assert refused.value.code == "malformed"
    assert not (tmp_path / "ledger").exists(), "nothing is founded"


RENAMED = {
    name: f"{name[::-1]}-7" for name in ("bank", "insurer", "manufacturer", "warehouse", "regulator", "inspector")
}


def renamed(text: str) -> str:
    """Organisations by other names; their roles stay."""
    for old, new in RENAMED.items():
        text = text.replace(f'roles = ["{old}"]', f"roles = [@{old}@]").replace(f'"{old}"', f'"{new}"')
        text = text.replace(f"@{old}@", f'"{old}"')
    return text


def test_no_code_knows_an_organisation_by_its_name(tmp_path: Path) -> None:
    """Roles are what code knows: a consortium with other names is founded as the demo's is."""
    text = (write_consortium(tmp_path / "demo"), (tmp_path / "demo" / "consortium.toml").read_text())[1]
    home = tmp_path / "renamed"
    home.mkdir()
    (home / "consortium.toml").write_text(renamed(text))
    prepare(home)
    (home / "deposits.json").write_text(json.dumps({RENAMED["bank"]: 10**9, RENAMED["manufacturer"]: 0}))
    found_over(home)
    consortium = Consortium.load(home)
    assert {each.name for each in consortium.organisations} == set(RENAMED.values())
    assert (home / "ledger" / "obligations-e1.json").is_file()
