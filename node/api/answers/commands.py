"""What a command answers, and a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole, one_of
from node.commands.commands import STATUSES


@dataclass(frozen=True)
class Transaction:
    """Where a command stands on one ledger."""

    id: Annotated[
        str,
        Text(),
        Described("The transaction's id at this node, a UUIDv7.", example="018f2a6c-0000-7000-8000-000000000000"),
    ]
    command: Annotated[str, Text(), Described("The command, as the API calls it.", example="issue_receipt")]
    organisation: Annotated[str, Text(), Described("Whose command it is.", example="warehouse")]
    ledger: Annotated[str, Text(), Described("`facts`, or the name of a chain.", example="facts")]
    status: Annotated[
        str, one_of(*STATUSES), Described("Where it stands; all but `pending` is final.", example="committed")
    ]
    attempt: Annotated[
        int,
        Whole(0),
        Described(
            "0 until something may have been sent; then 1, and one more whenever another transaction came first.",
            example=1,
        ),
    ]
    tx_id: Annotated[Annotated[str, Text()] | None, Described("The ledger's transaction id, hex.", example="9f" * 32)]
    block: Annotated[Annotated[int, Whole(0)] | None, Described("The block on its ledger.", example=120)]
    code: Annotated[
        Annotated[str, Text()] | None,
        Described("Why it failed, waits or was cancelled, by a problem's code.", example="facility_frozen"),
    ]
    detail: Annotated[Annotated[str, Text(0, 2000)] | None, Described("The same in words.", example="a reason stands")]
    hint: Annotated[Annotated[str, Text(0, 2000)] | None, Described("What to do next.", example="ask for the reasons")]
    result: Annotated[
        object,
        Described(
            "What the ledger answered: a record, or the events of a chain; else null.",
            example={"receipt_id": "receipt-1"},
        ),
    ]
    created_at_ms: Annotated[int, Whole(0), Described("When it was accepted, UTC.", example=1641114000000)]
    updated_at_ms: Annotated[int, Whole(0), Described("When it last changed, UTC.", example=1641114000500)]


@dataclass(frozen=True)
class CommandAnswer:
    """A command's transactions; of most commands there is one."""

    transaction: Annotated[Transaction, Described("The first of them.")]
    transactions: Annotated[
        tuple[Transaction, ...], Described("All of them, in the order in which they are delivered.")
    ]


@dataclass(frozen=True)
class Problem:
    """A refusal (RFC 9457)."""

    type: Annotated[
        str, Text(), Described("The problem's name.", example="urn:wuxin:problem:malformed", source="RFC 9457")
    ]
    title: Annotated[str, Text(), Described("The code in words.", example="The request is not well formed")]
    status: Annotated[int, Whole(400, 599), Described("The HTTP status.", example=400)]
    code: Annotated[str, Text(), Described("What programs go by.", example="malformed")]
    detail: Annotated[str, Text(0, 2000), Described("What is wrong with this request.", example="limit: is above 500")]
    hint: Annotated[str, Text(0, 2000), Described("What to do next.", example="pass 1 to 500")]
    instance: Annotated[Annotated[str, Text()] | None, Described("The path.", example="/v1/receipts")] = None
    transaction_id: Annotated[
        Annotated[str, Text()] | None,
        Described("The transaction that it is about.", example="018f2a6c-0000-7000-8000-000000000000"),
    ] = None
