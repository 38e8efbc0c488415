"""Carrying a command to the obligations: a contract's function, its arguments from JSON, and the command's id.

A contract carries a command id out once, and a refused command uses none; so `command_repeated` for an id that only
this seat can have used says that an earlier sending took effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from network.ports import Rejected, TxResult
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
    if idempotency_key is not None:
        given.insert(0, command_id(own.name, idempotency_key))
    return await own.chain.transact(contract, function, given)


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
