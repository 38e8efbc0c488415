"""What a chain begins with: addresses in the engines' spellings, who validates, who may send, keys made once."""

import json
import stat

import pytest

from network.bringup import besu
from network.bringup.cosmos.files import Ports, make_keys, render
from network.bringup.cosmos.genesis import BLOCK_GAS_MAX, GenesisValidator, bech32, checksum_address, genesis
from network.membership.keystore import KeystoreError
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS

TEMPLATE = {
    "chain_id": "template",
    "consensus": {"params": {"block": {"max_bytes": "1", "max_gas": "-1"}}},
    "app_state": {
        "bank": {"balances": [], "supply": []},
        "evm": {"params": {"evm_denom": "stake"}},
        "feemarket": {"params": {"no_base_fee": False}},
        "gov": {"params": {"min_deposit": [{"denom": "stake"}], "expedited_min_deposit": [{"denom": "stake"}]}},
        "mint": {"minter": {"inflation": "0.13"}, "params": {}},
        "slashing": {"params": {"min_signed_per_window": "0.5"}},
        "staking": {"params": {"bond_denom": "stake"}, "validators": [], "delegations": []},
    },
}
VALIDATORS = [GenesisValidator(f"org{n}", bytes([n]) * 20, bytes([n]) * 32) for n in range(1, 5)]


def made(senders=(b"\x05" * 20,)):
    return genesis(TEMPLATE, "wuxin-e1-0", "2026-01-01T00:00:00Z", VALIDATORS, senders)


@pytest.mark.parametrize(
    "text",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_an_address_is_written_with_the_standards_own_examples_capitals(text):
    assert checksum_address(bytes.fromhex(text[2:])) == text


def test_an_account_is_written_as_bip_173_says():
    raw = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    assert bech32("bc", raw) == "bc1w508d6qejxtdg4y5r3zarvary0c5xw7kj7gz7z"  # its example, without the version
    assert bech32("cosmos", bytes(20)) == "cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a"


def test_only_the_listed_accounts_may_create_and_call():
    access = made()["app_state"]["evm"]["params"]["access_control"]
    for what in ("create", "call"):
        assert access[what]["access_type"] == "ACCESS_TYPE_PERMISSIONED"
        assert access[what]["access_control_list"] == ["0x0505050505050505050505050505050505050505"]


def test_every_validator_has_the_same_power_and_nobody_a_token_to_spend():
    state = made()["app_state"]
    assert {each["tokens"] for each in state["staking"]["validators"]} == {str(10**18)}
    (pool,) = state["bank"]["balances"]
    assert pool["coins"] == state["bank"]["supply"] == [{"denom": "atest", "amount": str(4 * 10**18)}]
    assert state["mint"]["params"]["inflation_max"] == "0.000000000000000000"
    assert state["feemarket"]["params"]["no_base_fee"] is True


def test_the_template_stays_as_it_was():
    before = json.dumps(TEMPLATE)
    assert made()["consensus"]["params"]["block"]["max_gas"] == str(BLOCK_GAS_MAX)
    assert json.dumps(TEMPLATE) == before


def test_a_validators_keys_are_made_once_and_for_its_owner_only(tmp_path):
    keys = make_keys(tmp_path)
    render(tmp_path, "bank", Ports(1, 2, 3, 4), ["ab@127.0.0.1:5"], made())
    voted = tmp_path / "data" / "priv_validator_state.json"
    voted.write_text(json.dumps({"height": "7", "round": 0, "step": 3}))
    assert make_keys(tmp_path) == keys
    assert json.loads(voted.read_text())["height"] == "7"
    for name in ("priv_validator_key.json", "node_key.json"):
        assert stat.S_IMODE((tmp_path / "config" / name).stat().st_mode) == 0o600


def test_a_validators_key_that_others_may_read_is_refused(tmp_path):
    make_keys(tmp_path)
    (tmp_path / "config" / "priv_validator_key.json").chmod(0o644)
    with pytest.raises(KeystoreError) as refused:
        make_keys(tmp_path)
    assert refused.value.code == "keystore_mode"


def test_a_genesis_that_stands_is_not_written_again(tmp_path):
    make_keys(tmp_path)
    render(tmp_path, "bank", Ports(1, 2, 3, 4), [], made())
    render(tmp_path, "bank", Ports(1, 2, 3, 4), [], made(senders=[]))
    assert json.loads((tmp_path / "config" / "genesis.json").read_text()) == made()


def besu_nodes(organisations):
    return [besu.BesuNode(name, bytes([n]) * 64, f"10.0.0.{n}") for n, name in enumerate(organisations, start=1)]


def test_besus_genesis_names_the_validators_as_qbft_wants_them():
    extra = besu.extra_data([b"\x02" * 20, b"\x01" * 20, b"\x03" * 20, b"\x04" * 20]).hex()
    members = "".join(f"94{n:02x}" + f"{n:02x}" * 19 for n in (1, 2, 3, 4))
    assert extra == "f87aa0" + "00" * 32 + "f854" + members + "c080c0"


def test_besu_gets_a_file_of_each_kind_for_every_validator(tmp_path):
    consortium = write_consortium(tmp_path, start_ms=SCENARIO_START_MS)
    nodes = besu_nodes(consortium.circle("e1").validators)
    files = besu.files(consortium, "e1", nodes, [b"\x05" * 20])
    assert json.loads(files["genesis.json"])["config"]["chainId"] == 262144
    assert len(files) == 1 + 3 * 4
    assert "10.0.0.1" not in files["bank/static-nodes.json"]
    assert files["bank/permissions.toml"] == files["insurer/permissions.toml"]
    assert "revert-reason-enabled = true\n" in files["bank/config.toml"]


def test_besu_is_not_rendered_for_strangers_or_for_three(tmp_path):
    consortium = write_consortium(tmp_path, start_ms=SCENARIO_START_MS)
    validators = consortium.circle("e1").validators
    with pytest.raises(ValueError, match="no validator"):
        besu.files(consortium, "e1", besu_nodes([*validators[:3], "inspector"]), [])
    with pytest.raises(ValueError, match="4 validators"):
        besu.files(consortium, "e1", besu_nodes(validators[:3]), [])
