"""Bring up the obligations of a circle: deploy, connect, grant, and what each role does once at the beginning.

Workflow (the order and its reasons are in contracts/loader.py):

    deploy_obligations    the administrator deploys, connects and grants roles, then the record is written
    appoint_committee     the regulator appoints the first oracle committee
    register_profile      the regulator admits an asset profile
    load_pack             a bank loads a rule pack
    open_accounts         a bank lists deposit accounts, mints and lets the facility draw on its own

The committee contract is created first, over the address that the access manager will have, so that the very first
transaction of this ledger names the consortium, as the first of the other one does. The administrator is the
regulator of the circle, where it has one: it can grant roles, so it must not be a party to the lending.

Each step after the deployment carries a command id of its own and may be repeated; a deployment that was cut short
before its record was written is done again, over new contracts.

Which engine runs the chain is the affair of `bind`, which gives a seat's port over it: `bind_embedded` in
network/obligations/embedded/circle.py, `bind` in network/obligations/jsonrpc/circle.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.loader import (
    BANK,
    DEPLOY_ORDER,
    INSURER,
    LINE_RAISE_DELAY_S,
    LINE_RAISER,
    REGULATOR,
    RESTRICTED,
    RulePack,
    load_artifact,
)
from network.membership.consortium import Circle, Consortium, Organisation
from network.membership.homes import home_of
from network.membership.published import first_committee, public_keys
from network.membership.seats import Seat, open_seat
from network.membership.trust_file import set_contracts
from network.obligations.jsonrpc.chain import Web3Chain
from network.obligations.jsonrpc.deployment import Bind, Deployment, abi_of
from network.obligations.jsonrpc.signing import contract_address
from network.ports import Chain, Rejected
from wuxin_evidence.ids import command_id, keccak256

KINDS_ALL = 0b1111
"""An asset profile serves scheduled, alarm, lien and price attestations: 1 << kind each."""

_ROLES: Mapping[str, int] = {"bank": BANK, "insurer": INSURER, "regulator": REGULATOR}


async def deploy_obligations(
    home: Path,
    consortium: Consortium,
    bind: Bind,
    *,
    chain: str = "e1",
) -> Deployment:
    """Deploy and connect the contracts and grant the circle's roles, unless the record says that it was done.

    Also names the attestation feed and the credit facility in the home's trust file. Raises Rejected, Unavailable,
    KeystoreError.
    """
    standing = Deployment.load(home, chain)
    if standing is not None:
        return standing
    circle = consortium.circle(chain)
    admin = _seat(home, administrator(consortium, circle))
    port = bind(admin, None)
    try:
        first_block = await port.height() + 1
        addresses = await _create(port, consortium.consortium_id, circle.currency)
    finally:
        await port.aclose()
    deployment = Deployment(chain, circle.chain_id, first_block, addresses)
    port = bind(admin, deployment)
    try:
        await _wire(home, consortium, port, deployment)
    finally:
        await port.aclose()
    deployment.save(home)
    set_contracts(home, chain, addresses["AttestationFeed"], addresses["CreditFacility"])
    return deployment


async def set_up_circle(
    home: Path,
    consortium: Consortium,
    bind: Bind,
    *,
    profiles: Sequence[tuple[bytes, int]],
    packs: Sequence[RulePack],
    deposits_minor: Mapping[str, int],
    chain: str = "e1",
) -> Deployment:
    """Everything a demo needs, by the seats of the organisations of this home.

    `profiles` are (hash of 32 bytes, window in seconds), `packs` the rule packs, `deposits_minor` the
    opening deposit of each organisation (zero lists the account only).
    """
    deployment = await deploy_obligations(home, consortium, bind, chain=chain)
    circle = consortium.circle(chain)
    regulator, bank = (_seat(home, _first_with(consortium, circle, role)) for role in ("regulator", "bank"))
    regulating, banking = bind(regulator, deployment), bind(bank, deployment)
    try:
        await appoint_committee(home, consortium, regulator, regulating)
        for profile, window_s in profiles:
            await register_profile(regulator, regulating, profile, window_s, consortium.day_offset_s)
        for pack in packs:
            await load_pack(bank, banking, pack)
        await open_accounts(home, bank, banking, deployment, deposits_minor)
    finally:
        await regulating.aclose()
        await banking.aclose()
    return deployment


def administrator(consortium: Consortium, circle: Circle) -> Organisation:
    """Who deploys and grants roles: the circle's regulator, or its sealer where there is none."""
    try:
        return _first_with(consortium, circle, "regulator")
    except Rejected:
        return consortium.organisation(circle.sealer)


async def appoint_committee(home: Path, consortium: Consortium, seat: Seat, chain: Chain) -> None:
    """As the regulator: the oracle members that the consortium file names, as the first committee."""
    committee = first_committee(home, consortium)
    members = sorted((member.evm_address, keccak256(member.organisation.encode())) for member in committee.members)
    await _once(
        seat,
        chain,
        "OracleCommittee",
        "appoint",
        [committee.epoch, committee.threshold, committee.active_from_s, members],
        f"committee/{committee.epoch}",
    )


async def register_profile(seat: Seat, chain: Chain, profile: bytes, window_s: int, day_offset_s: int) -> None:
    """As the regulator: admit an asset profile by its hash (32 bytes)."""
    args = [profile, KINDS_ALL, window_s, day_offset_s]
    await _once(seat, chain, "AttestationFeed", "registerProfile", args, f"profile/{profile.hex()}")


async def load_pack(seat: Seat, chain: Chain, pack: RulePack) -> None:
    """As a bank: load a rule pack."""
    await _once(seat, chain, "RuleBook", "loadPack", [*pack.to_call()], f"pack/{pack.hash.hex()}")


async def open_accounts(
    home: Path, seat: Seat, chain: Chain, deployment: Deployment, deposits_minor: Mapping[str, int]
) -> None:
    """As a bank: list the organisations' accounts, mint opening deposits, allow the facility the bank's own."""
    for organisation, amount_minor in sorted(deposits_minor.items()):
        account = public_keys(home, organisation).evm_address
        await _once(seat, chain, "DepositToken", "list", [account, True], f"account/{organisation}")
        if not amount_minor:
            continue
        if organisation == seat.name and not await _was_done(seat, chain, "DepositToken", f"deposit/{seat.name}"):
            await _done(chain, "DepositToken", "approve", [deployment.addresses["CreditFacility"], amount_minor])
        await _once(seat, chain, "DepositToken", "mint", [account, amount_minor], f"deposit/{organisation}")


async def _create(chain: Web3Chain, consortium_id: bytes, currency: str) -> dict[str, bytes]:
    manager = contract_address(chain.address, await chain.next_nonce() + 1)
    made: dict[str, bytes] = {"AccessManager": manager}

    async def create(name: str, *args: Any) -> None:
        made[name] = await chain.create(load_artifact(name).bytecode, abi_of(name), args)

    await create("OracleCommittee", manager, consortium_id)
    await create("AccessManager", chain.address)
    if made["AccessManager"] != manager:
        raise Rejected("conflict", "the administrator's account was used during the deployment", "deploy again")
    await asyncio.gather(
        create("AttestationFeed", manager, made["OracleCommittee"]),
        create("RuleBook", manager),
        create("DepositToken", manager, f"Deposit {currency}", f"D{currency}"),
    )
    await create("CreditFacility", manager, made["AttestationFeed"], made["RuleBook"], made["DepositToken"])
    return {name: made[name] for name in DEPLOY_ORDER}


async def _wire(home: Path, consortium: Consortium, chain: Chain, deployment: Deployment) -> None:
    """Connect the contracts, open the restricted functions to their roles, grant the roles."""
    at = deployment.addresses
    steps: list[tuple[str, str, list[Any]]] = [
        ("AttestationFeed", "connect", [at["RuleBook"], at["CreditFacility"]]),
        ("RuleBook", "connect", [at["AttestationFeed"], at["CreditFacility"]]),
        ("DepositToken", "connect", [at["CreditFacility"]]),
    ]
    for (contract, role), functions in RESTRICTED.items():
        selectors = [abi_of(contract).selector(function) for function in functions]
        steps.append(("AccessManager", "setTargetFunctionRole", [at[contract], selectors, role]))
    for member in consortium.circle(deployment.chain).members:
        account = public_keys(home, member).evm_address
        roles = [(_ROLES[role], 0) for role in consortium.organisation(member).roles if role in _ROLES]
        if (BANK, 0) in roles:
            roles.append((LINE_RAISER, LINE_RAISE_DELAY_S))
        steps.extend(("AccessManager", "grantRole", [role, account, delay_s]) for role, delay_s in roles)
    await asyncio.gather(*(_done(chain, *step) for step in steps))


def _seat(home: Path, organisation: Organisation) -> Seat:
    return open_seat(home_of(home, organisation.name), organisation.name)


def _first_with(consortium: Consortium, circle: Circle, role: str) -> Organisation:
    for name in circle.members:
        if role in consortium.organisation(name).roles:
            return consortium.organisation(name)
    raise Rejected("not_found", f"the circle of {circle.chain} has no {role}", "name one among its members")


async def _once(seat: Seat, chain: Chain, contract: str, function: str, args: Sequence[Any], what: str) -> None:
    """A command of the set-up; one that was done before is left as it is."""
    if not await _was_done(seat, chain, contract, what):
        await _done(chain, contract, function, [_command(seat, chain, what), *args])


async def _was_done(seat: Seat, chain: Chain, contract: str, what: str) -> bool:
    return await chain.call(contract, "commandUsed", [seat.evm_key.address, _command(seat, chain, what)])


def _command(seat: Seat, chain: Chain, what: str) -> bytes:
    return command_id(seat.name, f"setup/{chain.name}/{what}")


async def _done(chain: Chain, contract: str, function: str, args: Sequence[Any]) -> None:
    result = await chain.transact(contract, function, args)
    if result.status == 0:
        code = result.code or "conflict"
        raise Rejected(code, f"{contract}.{function}: {result.detail}", "", tx_id=result.tx_hash)
