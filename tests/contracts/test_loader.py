"""A rule pack is executed in full or refused; nothing in it is ignored."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import loader
from contracts.loader import (
    ACTIONS,
    DEPLOY_ORDER,
    EXECUTABLE_ACTIONS,
    RESTRICTED,
    load_artifact,
    load_rule_pack,
    parse_rule_pack,
)
from node.products import product
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import indicator_id, keccak256

SHIPPED = product("weighed-stock").pack
Pack = dict[str, Any]
Change = Callable[[Pack], object]


@pytest.fixture
def pack() -> Pack:
    return copy.deepcopy(dict(SHIPPED.document))


def refusal(document: object) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        parse_rule_pack(document)
    return caught.value


def test_the_shipped_pack_freezes_on_an_unexplained_loss() -> None:
    packed, rules = SHIPPED.to_call()
    assert len(packed) == 32
    condition = {"indicator": hexed(indicator_id("unexplained_loss_g")), "comparator": 2, "threshold": 3_000_000}
    action = {"action": 5, "unit": 0, "amount": 0, "cap": 0, "stackGroup": bytes(32), "purpose": bytes(32)}
    bank_and_insurer = 0b0110
    assert rules == [
        {
            "id": hexed(keccak256(b"unexplained-loss")),
            "version": 1,
            "matchAny": False,
            "windows": 1,
            "onMissing": 1,
            "cureWindows": 3,
            "approverRoles": bank_and_insurer,
            "conditions": [{**condition, "minQualityBp": 10_000}],
            "actions": [action],
        }
    ]


def hexed(value: bytes) -> str:
    return "0x" + value.hex()


def test_the_hash_is_of_what_the_pack_says_and_not_of_how_it_is_written(tmp_path: Path, pack: Pack) -> None:
    rewritten = tmp_path / "pack.json"
    rewritten.write_text(json.dumps(dict(reversed(pack.items())), indent=7), "utf-8")
    assert load_rule_pack(rewritten).hash == SHIPPED.hash
    pack["rules"][0]["when"]["conditions"][0]["value"] += 1
    assert parse_rule_pack(pack).hash != SHIPPED.hash


PLAIN = frozenset(ACTIONS) - {
    "change_limit",
    "change_rate",
    "change_premium",
    "change_coverage",
    "waive_fee",
    "release_payable_financing",
    "release_limit_for_purpose",
    "split_loss",
}
SIZE: Pack = {"amount": -80, "unit": "bp", "cap": 100, "stack_group": "rate"}


def described(action: str) -> Pack:
    """The action with the fields that the schema wants for it."""
    if action in PLAIN:
        return {"action": action}
    if action == "split_loss":
        shares = [{"bearer": "insurer", "share_bp": 7000}, {"bearer": "bank", "share_bp": 3000}]
        return {"action": action, "shares": shares}
    purpose = {"purpose": "spare_parts"} if action.startswith("release_") else {}
    return {"action": action, **SIZE, **purpose}


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - EXECUTABLE_ACTIONS))
def test_an_action_of_the_field_is_understood_and_refused_until_it_is_executable(pack: Pack, action: str) -> None:
    pack["rules"][0]["then"].append(described(action))
    refused = refusal(pack)
    assert refused.code == "unsupported_action"
    assert action in refused.detail


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - PLAIN))
def test_a_sized_action_without_its_size_is_malformed(pack: Pack, action: str) -> None:
    pack["rules"][0]["then"] = [{"action": action}]
    assert refusal(pack).code == "malformed"


def set_window(mode: str) -> Change:
    return lambda rule: rule["when"]["window"].update(mode=mode)


def set_condition(**fields: object) -> Change:
    return lambda rule: rule["when"]["conditions"][0].update(fields)


def set_baseline(rule: Pack) -> None:
    condition = rule["when"]["conditions"][0]
    del condition["value"]
    condition["baseline"] = {"of": "trailing_mean", "windows": 7, "share_bp": 9000}


@pytest.mark.parametrize(
    "change",
    [
        *(set_window(mode) for mode in ("consecutive_readings", "hours", "rolling", "forecast")),
        *(set_condition(aggregation=name) for name in ("sum", "mean", "min", "max", "count")),
        set_baseline,
        lambda rule: rule["inputs"][0].update(min_sources=2),
    ],
)
def test_what_the_contracts_cannot_count_is_refused(pack: Pack, change: Change) -> None:
    change(pack["rules"][0])
    assert refusal(pack).code == "unsupported_action"


def test_consecutive_days_are_daily_windows(pack: Pack) -> None:
    pack["rules"][0]["when"]["window"] = {"mode": "consecutive_days", "count": 7}
    assert parse_rule_pack(pack).to_call()[1][0]["windows"] == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda pack: pack.pop("format"),
        lambda pack: pack.update(format="wuxin-rule-pack/2"),
        lambda pack: pack.update(surprise=1),
        lambda pack: pack.update(version=0),
        lambda pack: pack.update(version=True),
        lambda pack: pack.update(rules=[]),
        lambda pack: pack.update(rules=pack["rules"] * 2),
        lambda pack: pack.update(rules=pack["rules"] * 9),
        lambda pack: pack.update(id="Warehouse Stock"),
        lambda pack: pack["rules"][0].update(source={"wording": ""}),
        lambda pack: pack["rules"][0].pop("reverse"),
        lambda pack: pack["rules"][0]["reverse"].update(cure_windows=0),
        lambda pack: pack["rules"][0]["reverse"].update(approvals=["warehouse"]),
        lambda pack: pack["rules"][0]["reverse"].update(approvals=["bank", "bank"]),
        lambda pack: pack["rules"][0]["when"].update(on_missing="ignore"),
        lambda pack: pack["rules"][0]["when"].update(conditions=[]),
        lambda pack: pack["rules"][0]["when"]["window"].update(count=0),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].update(comparator="=>"),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].update(value="3000000"),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].update(value=3e6),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].update(value=2**53),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].pop("value"),
        lambda pack: pack["rules"][0]["when"]["conditions"][0].update(indicator="quantity_g"),
        lambda pack: pack["rules"][0]["inputs"][0].update(unit="kg"),
        lambda pack: pack["rules"][0]["inputs"][0].update(min_quality_bp=10_001),
        lambda pack: pack["rules"][0].update(then=[]),
        lambda pack: pack["rules"][0].update(then=[{"action": "do_magic"}]),
        lambda pack: pack["rules"][0].update(then=[{"action": "freeze_limit", "amount": 1}]),
    ],
)
def test_a_pack_outside_the_schema_is_malformed(pack: Pack, change: Change) -> None:
    change(pack)
    assert refusal(pack).code == "malformed"


@pytest.mark.parametrize("document", [None, 1, "pack", [], {}])
def test_another_document_is_malformed(document: object) -> None:
    assert refusal(document).code == "malformed"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"id": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_bytes_that_are_no_exact_json_are_malformed(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "pack.json").write_bytes(raw)
    with pytest.raises(EvidenceError) as caught:
        load_rule_pack(tmp_path / "pack.json")
    assert caught.value.code == "malformed"


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_bytes(b" " * 300_000)
    with pytest.raises(EvidenceError) as caught:
        load_rule_pack(tmp_path / "pack.json")
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("name", ["pack", "no/such/file.json"])
def test_an_unknown_pack_is_not_found(name: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        load_rule_pack(Path(name))
    assert caught.value.code == "not_found"


def test_an_unknown_contract_is_not_found() -> None:
    with pytest.raises(EvidenceError) as caught:
        load_artifact("../packs/schema")
    assert caught.value.code == "not_found"


def test_an_artifact_has_what_a_deployment_needs() -> None:
    for name in DEPLOY_ORDER:
        artifact = load_artifact(name)
        constructor = next(entry for entry in artifact.abi if entry["type"] == "constructor")
        assert constructor["inputs"]
        assert len(artifact.bytecode) > 1000


def test_python_and_solidity_number_the_actions_and_roles_alike() -> None:
    sources = Path(loader.__file__).parent / "src"
    documented = (sources / "interfaces" / "IRuleBook.sol").read_text("utf-8").split("@param action ")[1]
    numbered = re.findall(r"(\d+) ([a-z_]+)", documented.split(". Executable")[0])
    assert numbered == [(str(number), action) for number, action in enumerate(ACTIONS, 1)]
    roles = re.findall(r"uint64 internal constant (\w+) = (\d+);", (sources / "Roles.sol").read_text("utf-8"))
    assert len(roles) == 4
    assert all(getattr(loader, name) == int(number) for name, number in roles)


def test_every_restricted_function_is_there_to_be_opened() -> None:
    for (contract, _), functions in RESTRICTED.items():
        known = {entry.get("name") for entry in load_artifact(contract).abi if entry["type"] == "function"}
        assert known >= set(functions)
