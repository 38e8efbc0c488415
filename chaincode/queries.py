"""What a member may ask the ledger of facts; evaluated, never submitted.

Programs that read much read the node's read model instead. These exist so that the model can be checked against what it
was made from.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from chaincode.access import ANYONE
from chaincode.declaration import command
from chaincode.parties.committee import Committee
from chaincode.parties.consortium import Consortium
from chaincode.parties.members import Member
from chaincode.security.pledges import Pledge
from chaincode.security.receipts import Lien, Owner, Quantity, Receipt, ReceiptStatus, TheReceipt, require_receipt
from chaincode.statements.anchors import Anchor
from chaincode.statements.attestations import AttestationHead, AttestationRecord
from chaincode.statements.notices import Acknowledgement
from chaincode.things.assets import Asset, AssetEvent, AssetInstance
from chaincode.things.devices import Device
from chaincode.things.slots import Claim, Slot
from chaincode.world.bounds import Count, Described, Seconds, Text, Whole, one_of
from chaincode.world.errors import Refusal
from chaincode.world.stub import Stub

RECORDS: Final[dict[str, type[Any]]] = {
    "member": Member,
    "committee": Committee,
    "device": Device,
    "asset": Asset,
    "asset-event": AssetEvent,
    "asset-instance": AssetInstance,
    "slot": Slot,
    "slot-claim": Claim,
    "receipt": Receipt,
    "pledge": Pledge,
    "attestation": AttestationRecord,
    "attestation-head": AttestationHead,
    "anchor": Anchor,
    "anchor-head": Anchor,
    "notice-ack": Acknowledgement,
    "consortium": Consortium,
}
"""Kind to record, for all that may be asked for; `consortium` is a single record and its id is empty."""

KINDS: Final = tuple(kind for kind in RECORDS if kind != "consortium")
"""Kinds of which there are many, so that they can be listed."""

LIST_LIMIT_MAX: Final = 200
"""A small page: range reads under load have brought Fabric peers down."""

HISTORY_LIMIT_MAX: Final = 200
"""The newest changes of one key; the full story is in the blocks."""

PAGE_BYTES_MAX: Final = 512 * 1024
"""Half of what a canonical JSON answer may have."""

BOOKMARK_CHARS_MAX: Final = 512

AFTER_SLASH: Final = chr(ord("/") + 1)
"""Ends the range of keys that begin with `<kind>/`."""

RecordKind = Annotated[str, one_of(*RECORDS), Described("Kind of record, which its key begins with.", "receipt")]
RecordId = Annotated[
    str,
    Text(0, 256, r"[A-Za-z0-9:._/-]*", "the key after its kind and slash"),
    Described("What the key says after its kind and slash; empty for `consortium`.", "receipt-1"),
]
Record = Annotated[object, Described("The record, as its kind has it.", {"receipt_id": "receipt-1"})]
Bookmark = Annotated[str, Text(0, BOOKMARK_CHARS_MAX)]


@dataclass(frozen=True)
class RecordQuery:
    """The argument of `get`."""

    kind: RecordKind
    id: RecordId = ""


@dataclass(frozen=True)
class HistoryQuery:
    """The argument of `history`."""

    kind: RecordKind
    id: RecordId = ""
    limit: Annotated[int, Whole(1, HISTORY_LIMIT_MAX), Described("How many changes at most.", 20)] = HISTORY_LIMIT_MAX


@dataclass(frozen=True)
class ReceiptQuery:
    """The argument of `lien_check`."""

    receipt_id: TheReceipt


@dataclass(frozen=True)
class ListQuery:
    """The argument of `list`."""

    kind: Annotated[str, one_of(*KINDS), Described("Kind of the records, which their keys begin with.", "receipt")]
    limit: Annotated[int, Whole(1, LIST_LIMIT_MAX), Described("How many records at most.", 20)] = LIST_LIMIT_MAX
    bookmark: Annotated[Bookmark, Described("Where the page begins, as the page before it said.", "receipt/r-7")] = ""


@dataclass(frozen=True)
class LienAnswer:
    """What rests on a receipt."""

    receipt_id: TheReceipt
    status: ReceiptStatus
    owner: Owner
    quantity_g: Quantity
    lien: Annotated[Lien | None, Described("The pledge that rests on the receipt; null where it is free.")]


@dataclass(frozen=True)
class RecordChange:
    """One committed change of a record."""

    tx_id: Annotated[str, Text(), Described("Id of the transaction that made the change.", "9c" * 32)]
    timestamp_s: Annotated[Seconds, Described("Time of that transaction.", 1_641_200_000)]
    value: Annotated[
        object, Described("The record as it was then; null where it was deleted.", {"receipt_id": "receipt-1"})
    ]


@dataclass(frozen=True)
class ListedRecord:
    """A record of a list."""

    id: RecordId
    value: Record


@dataclass(frozen=True)
class RecordPage:
    """A page of a list."""

    items: Annotated[
        tuple[ListedRecord, ...], Count(0, LIST_LIMIT_MAX), Described("Records in the order of their keys.")
    ]
    bookmark: Annotated[Bookmark, Described("Where the next page begins; empty where the list ends.", "receipt/r-7")]


@command(
    "get",
    on="record",
    id_field="id",
    submitting=False,
    roles=ANYONE,
    problems=("not_found",),
    en="One record as it stands in the state.",
    zh="查询一条记录的当前状态。",
)
def get(stub: Stub, caller: Member, query: RecordQuery) -> object:
    """One record as it stands in the state. Errors: malformed, not_found."""
    key = _key(query.kind, query.id)
    value = stub.get(key)
    if value is None:
        raise Refusal("not_found", f"there is no {key}", "check the kind and the id")
    return json.loads(value)


@command(
    "lien_check",
    on="receipt",
    submitting=False,
    roles=ANYONE,
    problems=("not_found",),
    en="The pledge that rests on a receipt, if any.",
    zh="查询仓单上的质押状态。",
)
def lien_check(stub: Stub, caller: Member, query: ReceiptQuery) -> LienAnswer:
    """What rests on a receipt, by one read of it. Errors: malformed, not_found."""
    receipt = require_receipt(stub, query.receipt_id)
    return LienAnswer(receipt.receipt_id, receipt.status, receipt.owner, receipt.quantity_g, receipt.lien)


@command(
    "history",
    on="record",
    id_field="id",
    submitting=False,
    roles=ANYONE,
    problems=("not_found", "too_large"),
    en="The newest changes of one record.",
    zh="查询一条记录的最近变更。",
)
def history(stub: Stub, caller: Member, query: HistoryQuery) -> tuple[RecordChange, ...]:
    """The newest changes of one record. Errors: malformed, not_found, too_large."""
    key = _key(query.kind, query.id)
    changes = stub.history(key, query.limit)
    if not changes:
        raise Refusal("not_found", f"there never was a {key}", "check the kind and the id")
    _require_answerable([change.value or b"" for change in changes])
    return tuple(
        RecordChange(change.tx_id, change.timestamp_s, None if change.value is None else json.loads(change.value))
        for change in changes
    )


@command(
    "list",
    on="record",
    id_field="kind",
    submitting=False,
    roles=ANYONE,
    problems=("too_large", "unsupported_action"),
    en="A page of the records of one kind.",
    zh="分页查询某一类记录。",
)
def list_kind(stub: Stub, caller: Member, query: ListQuery) -> RecordPage:
    """A page of the records of a kind, in the order of their keys.

    Errors: malformed, too_large, unsupported_action (submitted instead of evaluated).
    """
    prefix = f"{query.kind}/"
    page = stub.range(prefix, query.kind + AFTER_SLASH, query.limit, query.bookmark)
    _require_answerable([entry.value for entry in page.entries])
    items = tuple(ListedRecord(entry.key.removeprefix(prefix), json.loads(entry.value)) for entry in page.entries)
    return RecordPage(items, page.bookmark)


def _key(kind: str, ident: str) -> str:
    return f"{kind}/{ident}" if ident else kind


def _require_answerable(values: Sequence[bytes]) -> None:
    size = sum(len(value) for value in values)
    if size > PAGE_BYTES_MAX:
        raise Refusal("too_large", f"{len(values)} records have {size} bytes", "pass a smaller limit")
