"""What a member may ask the ledger of facts; evaluated, never submitted.

Programs that read much read the node's read model instead. These exist so that the model can be checked against what it
was made from.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.parties.members import Member
from chaincode.security.receipts import require_receipt
from chaincode.world.errors import Refusal
from chaincode.world.fields import Ident, Text, Whole, parse
from chaincode.world.stub import Stub

KINDS: Final = (
    "member",
    "committee",
    "device",
    "asset",
    "asset-event",
    "asset-instance",
    "slot",
    "slot-claim",
    "receipt",
    "pledge",
    "attestation",
    "attestation-head",
    "anchor",
    "anchor-head",
    "notice-ack",
)
"""Records that may be asked for by kind; `consortium` is a single record and its id is empty."""

LIST_LIMIT_MAX: Final = 200
"""A small page: range reads under load have brought Fabric peers down."""

HISTORY_LIMIT_MAX: Final = 200
"""The newest changes of one key; the full story is in the blocks."""

PAGE_BYTES_MAX: Final = 512 * 1024
"""Half of what a canonical JSON answer may have."""

BOOKMARK_CHARS_MAX: Final = 512

AFTER_SLASH: Final = chr(ord("/") + 1)
"""Ends the range of keys that begin with `<kind>/`."""

Kind = Annotated[str, Text(1, 32, "|".join(KINDS), f"one of {', '.join(KINDS)}")]
RecordKind = Annotated[str, Text(1, 32, "|".join((*KINDS, "consortium")), f"consortium or one of {', '.join(KINDS)}")]
RecordId = Annotated[str, Text(0, 256, r"[A-Za-z0-9:._/-]*", "the key after its kind and slash")]


@dataclass(frozen=True)
class RecordQuery:
    kind: RecordKind
    id: RecordId = ""


@dataclass(frozen=True)
class HistoryQuery:
    kind: RecordKind
    id: RecordId = ""
    limit: Annotated[int, Whole(1, HISTORY_LIMIT_MAX)] = HISTORY_LIMIT_MAX


@dataclass(frozen=True)
class ReceiptQuery:
    receipt_id: Ident


@dataclass(frozen=True)
class ListQuery:
    kind: Kind
    limit: Annotated[int, Whole(1, LIST_LIMIT_MAX)] = LIST_LIMIT_MAX
    bookmark: Annotated[str, Text(0, BOOKMARK_CHARS_MAX)] = ""


def get(stub: Stub, caller: Member, raw: object) -> object:
    """One record as it stands in the state. Errors: malformed, not_found."""
    query = parse(RecordQuery, raw)
    key = _key(query.kind, query.id)
    value = stub.get(key)
    if value is None:
        raise Refusal("not_found", f"there is no {key}", "check the kind and the id")
    return json.loads(value)


def lien_check(stub: Stub, caller: Member, raw: object) -> object:
    """What rests on a receipt, by one read of it: {receipt_id, status, owner, quantity_g, lien}.

    Errors: malformed, not_found.
    """
    receipt = require_receipt(stub, parse(ReceiptQuery, raw).receipt_id)
    return {
        "receipt_id": receipt.receipt_id,
        "status": receipt.status,
        "owner": receipt.owner,
        "quantity_g": receipt.quantity_g,
        "lien": receipt.lien,
    }


def history(stub: Stub, caller: Member, raw: object) -> object:
    """The newest changes of one record: [{tx_id, timestamp_s, value or null}].

    Errors: malformed, not_found, too_large.
    """
    query = parse(HistoryQuery, raw)
    key = _key(query.kind, query.id)
    changes = stub.history(key, query.limit)
    if not changes:
        raise Refusal("not_found", f"there never was a {key}", "check the kind and the id")
    _require_answerable([change.value or b"" for change in changes])
    return [
        {
            "tx_id": change.tx_id,
            "timestamp_s": change.timestamp_s,
            "value": None if change.value is None else json.loads(change.value),
        }
        for change in changes
    ]


def list_kind(stub: Stub, caller: Member, raw: object) -> object:
    """A page of the records of a kind: {items: [{id, value}], bookmark}; an empty bookmark ends the list.

    Errors: malformed, too_large, unsupported_action (submitted instead of evaluated).
    """
    query = parse(ListQuery, raw)
    prefix = f"{query.kind}/"
    page = stub.range(prefix, query.kind + AFTER_SLASH, query.limit, query.bookmark)
    _require_answerable([entry.value for entry in page.entries])
    items = [{"id": entry.key.removeprefix(prefix), "value": json.loads(entry.value)} for entry in page.entries]
    return {"items": items, "bookmark": page.bookmark}


def _key(kind: str, ident: str) -> str:
    return f"{kind}/{ident}" if ident else kind


def _require_answerable(values: Sequence[bytes]) -> None:
    size = sum(len(value) for value in values)
    if size > PAGE_BYTES_MAX:
        raise Refusal("too_large", f"{len(values)} records have {size} bytes", "pass a smaller limit")
