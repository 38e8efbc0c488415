"""Tokenised deposits: who may hold them, how many there are, how many a lender lets its facilities take."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import Field

from network.ports import Chain
from node.api.context import PREFIX, Caller, Here
from node.api.fields import Amount, Body, Json, Organisation, PositiveAmount
from node.api.sending import Sends

router = APIRouter(prefix=PREFIX, tags=["deposits"])


class ListAccount(Body):
    organisation: Organisation = Field(examples=["manufacturer"])
    listed: bool = True


class MintDeposits(Body):
    organisation: Organisation = Field(examples=["bank"])
    amount_minor: PositiveAmount = Field(examples=[1000000000])


class AllowFacilities(Body):
    amount_minor: Amount = Field(examples=[1000000000])


@router.post("/deposits/list")
async def list_account(sender: Sends, body: ListAccount) -> Response:
    """Allow an organisation to hold deposits, or no longer."""
    address = sender.node.address_of(body.organisation)
    call = "DepositToken.list"
    return await sender.obligation(
        "list_account", call, body.organisation, body.model_dump(), lambda: [address, body.listed]
    )


@router.post("/deposits/mint")
async def mint_deposits(sender: Sends, body: MintDeposits) -> Response:
    address = sender.node.address_of(body.organisation)
    call = "DepositToken.mint"
    return await sender.obligation(
        "mint_deposits", call, body.organisation, body.model_dump(), lambda: [address, body.amount_minor]
    )


@router.post("/deposits/allow")
async def allow_facilities(sender: Sends, body: AllowFacilities) -> Response:
    """How much the caller's facilities may take from its deposits for draws."""
    spender = await _facility_address(sender.node.act_as(sender.principal).chain)
    name, call, lender = "allow_facilities", "DepositToken.approve", sender.principal.organisation
    return await sender.obligation(name, call, lender, body.model_dump(), lambda: [spender, body.amount_minor])


@router.get("/deposits/{organisation}")
async def get_deposits(node: Here, caller: Caller, organisation: Organisation) -> Json:
    """Asked of the chain: balance, whether it is listed, and what its facilities may still take."""
    chain = node.act_as(caller).chain
    address = node.address_of(organisation)
    spender = await _facility_address(chain)
    return {
        "organisation": organisation,
        "address": address,
        "balance_minor": await chain.call("DepositToken", "balanceOf", [address]),
        "allowance_minor": await chain.call("DepositToken", "allowance", [address, spender]),
        "listed": await chain.call("DepositToken", "isListed", [address]),
    }


async def _facility_address(chain: Chain) -> str:
    return str(await chain.call("DepositToken", "facility", []))
