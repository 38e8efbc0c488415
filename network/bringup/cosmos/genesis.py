"""The first state of a natively run obligations chain: who validates, who may send, and that nothing costs anything.

Workflow: `evmd init` writes a genesis document with every module's defaults; `genesis` takes it and returns the
consortium's. Validators are put into the staking state directly, so that no signed genesis transaction has to be
gathered from anybody: each has the same power, its operator is the organisation's own account, and all tokens that
exist are staked. There is no inflation, no fee and no free token, so power cannot be bought and nothing can be paid.

Only the accounts in `senders` may create contracts or call them; the chain mines a stranger's transaction as failed.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from wuxin_evidence.ids import keccak256

DENOMINATION = "atest"
"""The engine's own unit; it has 18 decimals and nobody can spend any."""

POWER = 1
STAKE = 10**18 * POWER
"""What one unit of voting power is staked with where a token has 18 decimals."""

BLOCK_GAS_MAX = 400_000_000
"""Forty transactions at our fixed limit: the engine fills a block by limits, not by what is used."""

_NEVER_JAILED = {
    "signed_blocks_window": "10000",
    "min_signed_per_window": "0.000000000000000000",
    "slash_fraction_double_sign": "0.000000000000000000",
    "slash_fraction_downtime": "0.000000000000000000",
}
"""A member's machine may be away for a week and comes back with its vote. Who signs twice is named by the evidence in
the blocks; what follows from it is the members' decision, not the engine's."""

_NOT_BONDED_POOL = sha256(b"not_bonded_tokens_pool").digest()[:20]
"""The account of the staking module that holds what is staked and not bonded yet."""

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_POLYNOMIAL = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

Json = dict[str, Any]


@dataclass(frozen=True)
class GenesisValidator:
    """An organisation's validator: its account (20 bytes) and its Ed25519 consensus key (32)."""

    organisation: str
    account: bytes
    consensus_key: bytes


def genesis(
    template: Mapping[str, Any],
    chain: str,
    begins_at: str,
    validators: Sequence[GenesisValidator],
    senders: Iterable[bytes],
) -> Json:
    """The genesis document. `template` is what `evmd init` wrote, `chain` the name that every vote is for, `begins_at`
    RFC 3339, `senders` accounts of 20 bytes."""
    document = copy.deepcopy(dict(template))
    document |= {"chain_id": chain, "genesis_time": begins_at}
    document["consensus"]["params"]["block"]["max_gas"] = str(BLOCK_GAS_MAX)
    state: Json = document["app_state"]
    _money_of_nobody(state)
    _staked(state, validators)
    state["slashing"]["params"] |= _NEVER_JAILED
    access = {
        "access_type": "ACCESS_TYPE_PERMISSIONED",
        "access_control_list": [checksum_address(each) for each in sorted(senders)],
    }
    state["evm"]["params"]["access_control"] = {"create": access, "call": access}
    return document


def checksum_address(address: bytes) -> str:
    """The mixed-case text of an address (EIP-55), the only one that the engine's lists compare with."""
    text = address.hex()
    digest = keccak256(text.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) > 7 else c for c, d in zip(text, digest, strict=False))


def bech32(prefix: str, raw: bytes) -> str:
    """An address as the engine's own accounts are written (BIP 173)."""
    number = int.from_bytes(raw, "big")
    padding = -len(raw) * 8 % 5
    size = (len(raw) * 8 + padding) // 5
    words = [(number << padding) >> 5 * (size - 1 - at) & 31 for at in range(size)]
    expanded = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]
    check = _polymod([*expanded, *words, *([0] * 6)]) ^ 1
    return prefix + "1" + "".join(_BECH32[word] for word in [*words, *(check >> 5 * (5 - at) & 31 for at in range(6))])


def _money_of_nobody(state: Json) -> None:
    """One denomination everywhere, no inflation, no fee, gas used as counted."""
    state["mint"]["minter"]["inflation"] = "0.000000000000000000"
    state["mint"]["params"] |= {
        "mint_denom": DENOMINATION,
        "inflation_rate_change": "0.000000000000000000",
        "inflation_max": "0.000000000000000000",
        "inflation_min": "0.000000000000000000",
    }
    state["staking"]["params"]["bond_denom"] = DENOMINATION
    for deposit in ("min_deposit", "expedited_min_deposit"):
        state["gov"]["params"][deposit][0]["denom"] = DENOMINATION
    state["evm"]["params"]["evm_denom"] = DENOMINATION
    state["bank"]["denom_metadata"] = [
        {
            "description": "the unit of the engine's gas, of which nobody owns any",
            "denom_units": [
                {"denom": DENOMINATION, "exponent": 0, "aliases": []},
                {"denom": "test", "exponent": 18, "aliases": []},
            ],
            "base": DENOMINATION,
            "display": "test",
            "name": "Test Token",
            "symbol": "TEST",
            "uri": "",
            "uri_hash": "",
        }
    ]
    state["feemarket"]["params"] |= {
        "no_base_fee": True,
        "base_fee": "0.000000000000000000",
        "min_gas_price": "0.000000000000000000",
        "min_gas_multiplier": "0.000000000000000000",
    }


def _staked(state: Json, validators: Sequence[GenesisValidator]) -> None:
    """Every validator with the same stake of its own, not bonded yet: the engine bonds them before the first block."""
    state["staking"]["validators"] = [_validator(each) for each in validators]
    state["staking"]["delegations"] = [
        {
            "delegator_address": bech32("cosmos", each.account),
            "validator_address": bech32("cosmosvaloper", each.account),
            "shares": f"{STAKE}.000000000000000000",
        }
        for each in validators
    ]
    staked = [{"denom": DENOMINATION, "amount": str(STAKE * len(validators))}]
    state["bank"]["balances"] = [{"address": bech32("cosmos", _NOT_BONDED_POOL), "coins": staked}]
    state["bank"]["supply"] = staked


def _validator(validator: GenesisValidator) -> Json:
    key = base64.b64encode(validator.consensus_key).decode()
    return {
        "operator_address": bech32("cosmosvaloper", validator.account),
        "consensus_pubkey": {"@type": "/cosmos.crypto.ed25519.PubKey", "key": key},
        "jailed": False,
        "status": "BOND_STATUS_UNBONDED",
        "tokens": str(STAKE),
        "delegator_shares": f"{STAKE}.000000000000000000",
        "description": {
            "moniker": validator.organisation,
            "identity": "",
            "website": "",
            "security_contact": "",
            "details": "",
        },
        "unbonding_height": "0",
        "unbonding_time": "1970-01-01T00:00:00Z",
        "commission": {
            "commission_rates": {
                "rate": "0.000000000000000000",
                "max_rate": "0.000000000000000000",
                "max_change_rate": "0.000000000000000000",
            },
            "update_time": "1970-01-01T00:00:00Z",
        },
        "min_self_delegation": "1",
        "unbonding_on_hold_ref_count": "0",
        "unbonding_ids": [],
    }


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for at, term in enumerate(_BECH32_POLYNOMIAL):
            if top >> at & 1:
                check ^= term
    return check
