"""Where the contracts are: a record that is damaged is named before a transaction goes to a wrong address."""

import json
from pathlib import Path

import pytest

from contracts.loader import DEPLOY_ORDER
from network.obligations.jsonrpc.deployment import Deployment, record_path
from network.ports import Unavailable

ADDRESSES = {name: bytes([number]) * 20 for number, name in enumerate(DEPLOY_ORDER, 1)}
RECORD = Deployment("e1", 262144, 3, ADDRESSES)


def altered(home: Path, **fields: object) -> None:
    RECORD.save(home)
    path = record_path(home, "e1")
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_what_was_saved_is_loaded_and_nothing_lies_beside_it(tmp_path: Path):
    RECORD.save(tmp_path)
    assert Deployment.load(tmp_path, "e1") == Deployment.standing(tmp_path, "e1") == RECORD
    assert [each.name for each in record_path(tmp_path, "e1").parent.iterdir()] == ["obligations-e1.json"]


def test_a_home_without_contracts_says_what_to_do_first(tmp_path: Path):
    assert Deployment.load(tmp_path, "e1") is None
    with pytest.raises(Unavailable, match="the contracts of e1 are not deployed") as refused:
        Deployment.standing(tmp_path, "e1")
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff{}", "[" * 100_000])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str):
    RECORD.save(tmp_path)
    record_path(tmp_path, "e1").write_text(text)
    with pytest.raises(Unavailable, match="is no record of deployed contracts") as refused:
        Deployment.load(tmp_path, "e1")
    assert "copy it from another member" in refused.value.hint


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("11" * 20, "not bytes in hex with 0x"),
        ("0x" + "11" * 19, "an address has not 20 bytes"),
        ("0x" + "11" * 32, "an address has not 20 bytes"),
        ("0x" + "1g" * 20, "not bytes in hex with 0x"),
        (None, "not bytes in hex with 0x"),
        (7, "not bytes in hex with 0x"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: object, said: str):
    texts: dict[str, object] = {name: "0x" + raw.hex() for name, raw in ADDRESSES.items()}
    altered(tmp_path, addresses={**texts, "CreditFacility": address})
    with pytest.raises(Unavailable, match=said):
        Deployment.load(tmp_path, "e1")


@pytest.mark.parametrize("name", DEPLOY_ORDER)
def test_a_contract_that_is_not_in_it_is_named(tmp_path: Path, name: str):
    altered(tmp_path, addresses={each: "0x" + raw.hex() for each, raw in ADDRESSES.items() if each != name})
    with pytest.raises(Unavailable, match=name):
        Deployment.load(tmp_path, "e1")


@pytest.mark.parametrize("field", ["chain_id", "first_block"])
@pytest.mark.parametrize("value", [None, "many", [], {}])
def test_a_number_that_is_none_is_refused(tmp_path: Path, field: str, value: object):
    altered(tmp_path, **{field: value})
    with pytest.raises(Unavailable, match="is no record"):
        Deployment.load(tmp_path, "e1")


def test_another_chains_record_under_this_name_is_refused(tmp_path: Path):
    altered(tmp_path, chain="e2")
    with pytest.raises(Unavailable, match="it is about the chain 'e2'"):
        Deployment.load(tmp_path, "e1")
