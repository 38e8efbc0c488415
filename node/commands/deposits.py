"""Commands on a lending circle's deposits, each beside the contract call that carries it out; see `obligations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from chaincode.access import BANK
from chaincode.world.bounds import Amount, Described, Organisation, PositiveAmount
from node.commands.declaration import Making, obligation


@dataclass(frozen=True)
class ListAccount:
    """Whether an organisation may hold deposits."""

    organisation: Annotated[Organisation, Described("Whose account.", example="manufacturer")]
    listed: Annotated[bool, Described("False takes the permission back.", example=True)] = True


@dataclass(frozen=True)
class MintDeposits:
    """Deposits to issue."""

    organisation: Annotated[Organisation, Described("Who gets them; its account is listed.", example="bank")]
    amount_minor: Annotated[PositiveAmount, Described("How much is issued.", example=1000000000)]


@dataclass(frozen=True)
class AllowFacilities:
    """What facilities may take of the caller's deposits."""

    amount_minor: Annotated[Amount, Described("How much, for all draws together; 0 stops them.", example=1000000000)]


@obligation(
    "list_account",
    on="deposit",
    path="/deposits/list",
    id_field="organisation",
    call="DepositToken.list",
    roles={BANK},
    events=("account_listed",),
    problems=("not_found", "command_repeated", "reverted"),
    en="Allow an organisation to hold deposits, or no longer.",
    zh="允许或不再允许某机构持有存款凭证。",
)
def list_account(making: Making, wanted: ListAccount) -> list[Any]:
    """Make the arguments of the token's `list`."""
    return [making.address_of(wanted.organisation), wanted.listed]


@obligation(
    "mint_deposits",
    on="deposit",
    path="/deposits/mint",
    id_field="organisation",
    call="DepositToken.mint",
    roles={BANK},
    events=("minted", "transfer"),
    problems=("not_found", "command_repeated", "reverted"),
    en="Issue deposits.",
    zh="发行存款凭证。",
)
def mint_deposits(making: Making, wanted: MintDeposits) -> list[Any]:
    """Make the arguments of the token's `mint`; minor units."""
    return [making.address_of(wanted.organisation), wanted.amount_minor]


@obligation(
    "allow_facilities",
    on="deposit",
    path="/deposits/allow",
    id_field="",
    call="DepositToken.approve",
    takes_command_id=False,
    roles={BANK},
    events=("approval",),
    problems=("reverted",),
    en="Say how much the caller's facilities may take of its deposits for draws.",
    zh="设定本行授信可从存款中支取的上限。",
)
def allow_facilities(making: Making, wanted: AllowFacilities) -> list[Any]:
    """Make the arguments of the token's `approve` for the facilities' contract; minor units."""
    return [making.facility_contract(), wanted.amount_minor]
