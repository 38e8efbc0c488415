"""Deposits: from the deposit token's logs to what a draw can be paid from.

    AccountListed ─▶ deposit_account.listed     Transfer ─▶ balances     Approval ─▶ deposit_allowance
    Connected ─▶ which contract takes draws     Drawn ─▶ the allowance that it used

ERC-20 tells no event when an allowance is used, so it is counted down with each draw; one of 2^256 − 1 is without
end. A repayment uses no allowance.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from contracts.mirror.facility import Funding
from network.ports import Log
from node.projection import tables
from node.projection.decoded import bare
from node.projection.facts import put

CONTRACT = "DepositToken"
UNLIMITED = 2**256 - 1
NOBODY = "00" * 20
"""Deposits come from here when they are issued."""


def apply_deposit(connection: Connection, log: Log) -> None:
    """Apply a log of the deposit token; those that change no account are passed over."""
    if log.event == "Connected":
        put(connection, tables.deposit_spender, {"ledger": log.chain, "facility": bare(log.args["facility"])})
    elif log.event == "AccountListed":
        _change(connection, bare(log.args["account"]), 0, listed=bool(log.args["listed"]))
    elif log.event == "Transfer":
        amount = int(log.args["value"])
        _change(connection, bare(log.args["from"]), -amount)
        _change(connection, bare(log.args["to"]), amount)
    elif log.event == "Approval":
        _allow(connection, bare(log.args["owner"]), bare(log.args["spender"]), int(log.args["value"]))


def use_allowance(connection: Connection, lender: str, amount_minor: int) -> None:
    """Count down what the lender lets the facility contract take, after a draw of `amount_minor`."""
    spender = _spender(connection)
    if spender is None:
        return
    allowed = _allowance(connection, lender, spender)
    if allowed < UNLIMITED:
        _allow(connection, lender, spender, max(0, allowed - amount_minor))


def funding(connection: Connection, lender: str, borrower: str) -> Funding:
    """What the deposit token says of two accounts (hex without 0x); what was never told is zero and not listed."""
    accounts = {
        row.account: row
        for row in connection.execute(
            select(tables.deposit_account).where(tables.deposit_account.c.account.in_((lender, borrower)))
        ).all()
    }
    balance = accounts[lender].balance_minor if lender in accounts else 0
    allowed = _allowance(connection, lender, _spender(connection))
    return Funding(
        min(balance, allowed),
        lender_listed=lender in accounts and accounts[lender].listed,
        borrower_listed=borrower in accounts and accounts[borrower].listed,
    )


def _change(connection: Connection, account: str, amount_minor: int, *, listed: bool | None = None) -> None:
    if account == NOBODY:
        return
    table = tables.deposit_account
    row = connection.execute(select(table).where(table.c.account == account)).first()
    was_listed, balance = (row.listed, row.balance_minor) if row is not None else (False, 0)
    put(
        connection,
        table,
        {
            "account": account,
            "listed": was_listed if listed is None else listed,
            "balance_minor": balance + amount_minor,
        },
    )


def _allow(connection: Connection, owner: str, spender: str, amount_minor: int) -> None:
    row = {"owner": owner, "spender": spender, "amount_minor": amount_minor}
    put(connection, tables.deposit_allowance, row)


def _allowance(connection: Connection, owner: str, spender: str | None) -> int:
    table = tables.deposit_allowance
    wanted = select(table.c.amount_minor).where(table.c.owner == owner, table.c.spender == spender)
    return connection.execute(wanted).scalar() or 0


def _spender(connection: Connection) -> str | None:
    return connection.execute(select(tables.deposit_spender.c.facility)).scalar()
