"""The obligations in the node's own terms: carrying a command to a contract, and what is asked of contracts.

A contract carries a command id out once, and a refused command uses none; so `command_repeated` for an id that only
this seat can have used says that an earlier sending took effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from network.ports import Chain, Rejected, TxResult
from node.ledgers.seat_ledgers import SeatLedgers
from wuxin_evidence.ids import command_id


async def carry_obligation(own: SeatLedgers, call: str, args: Sequence[Any], idempotency_key: str | None) -> TxResult:
    """Send `Contract.function` and wait for its block; None for a function that takes no command id.

    Raises Rejected `malformed` (arguments that no sending mends; nothing was sent), Unavailable.
    """
    contract, _, function = call.partition(".")
    try:
        given = [_argument(value) for value in args]
    except ValueError as error:
        raise Rejected("malformed", f"{call}: {error}", "this node kept arguments that no chain takes") from error
    # Only functions that act for a member take an id; of the others a repeat changes nothing by itself.
    if idempotency_key is not None:
        given.insert(0, command_id(own.name, idempotency_key))
    return await own.chain.transact(contract, function, given)


@dataclass(frozen=True)
class DepositAccount:
    """An account of deposits, as the chain has it now; amounts in minor units."""

    balance_minor: int
    allowance_minor: int
    """What facilities may still take of it for draws."""
    listed: bool
    """Whether it may hold deposits."""


@dataclass(frozen=True)
class ReversalProgress:
    """How far the undoing of a reason is; roles are bits, as a rule names them."""

    clean_windows: int
    cure_windows: int
    required_roles: int
    approved_roles: int


async def facility_contract(chain: Chain) -> str:
    """Ask for the address of the contract that moves deposits for facilities, 0x hex. Raises PortError."""
    return str(await chain.call("DepositToken", "facility", []))


async def deposit_account(chain: Chain, address: str) -> DepositAccount:
    """Ask for the deposits at an address, 0x hex. Raises PortError."""
    spender = await facility_contract(chain)
    return DepositAccount(
        balance_minor=await chain.call("DepositToken", "balanceOf", [address]),
        allowance_minor=await chain.call("DepositToken", "allowance", [address, spender]),
        listed=await chain.call("DepositToken", "isListed", [address]),
    )


async def reversal_progress(chain: Chain, facility: str, reason: str) -> ReversalProgress:
    """Ask how far a standing reason is from being undone; both keys 0x hex. Raises PortError."""
    said = await chain.call("CreditFacility", "reversal", [facility, reason])
    return ReversalProgress(said["cleanWindows"], said["cureWindows"], said["requiredRoles"], said["approvedRoles"])


def _argument(value: Any) -> Any:
    """JSON back to what a contract takes: 0x hex to bytes, ``int:`` text to an integer, lists and objects within."""
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    if isinstance(value, str) and value.startswith("int:"):
        return int(value[4:])
    if isinstance(value, list):
        return [_argument(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _argument(item) for name, item in cast("dict[str, Any]", value).items()}
    return value
