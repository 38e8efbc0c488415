"""What the node says of the facts beside the chaincode's own records: slots, attestations, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole
from node.api.answers.values import AtS, Block, TxId


@dataclass(frozen=True)
class SlotView:
    """A slot, and which receipt holds it."""

    slot_id: Annotated[str, Text(), Described("The slot.", example="91310115MA3WUX3W6R/BIN-16")]
    warehouse: Annotated[str, Text(), Described("The organisation that keeps it.", example="warehouse")]
    created_at_s: AtS
    updated_tx: TxId
    block: Block
    tx_id: TxId
    claimed_by: Annotated[Annotated[str, Text()] | None, Described("The receipt that holds it.", example="receipt-1")]


@dataclass(frozen=True)
class OracleDevice:
    """What an oracle member needs to admit a device's packs."""

    device_id: Annotated[str, Text(), Described("The device.", example="scale-16")]
    suite: Annotated[str, Text(), Described("Its signature suite.", example="sm2-sm3")]
    public_key: Annotated[str, Text(), Described("Its raw public key, hex.", example="04" + "ab" * 64)]
    status: Annotated[str, Text(), Described("Packs of an active device only are admitted.", example="active")]
    slots: Annotated[
        tuple[Annotated[str, Text()], ...], Described("The slots it measures.", example=["91310115MA3WUX3W6R/BIN-16"])
    ]
    asset_id: Annotated[Annotated[str, Text()] | None, Described("The asset it measures.", example="turbine-7")]


@dataclass(frozen=True)
class TakenBy:
    """The transaction by which a chain took an attestation."""

    tx_id: TxId
    block: Block
    at_s: AtS


@dataclass(frozen=True)
class AttestationView:
    """An attestation that the facts recorded."""

    id: Annotated[str, Text(), Described("Subject, kind and sequence.", example="ab" * 32 + "/0/0000000113311743")]
    subject: Annotated[str, Text(), Described("The hash of kind and id of the subject, hex.", example="ab" * 32)]
    subject_kind: Annotated[str, Text(), Described("What it is about.", example="slot")]
    subject_id: Annotated[str, Text(), Described("Which one.", example="91310115MA3WUX3W6R/BIN-16")]
    digest: Annotated[str, Text(), Described("The digest that members signed, hex.", example="cd" * 32)]
    epoch: Annotated[int, Whole(0), Described("The committee that signed.", example=1)]
    kind: Annotated[int, Whole(0, 255), Described("0 scheduled, 1 alarm, 2 lien, 3 price.", example=0)]
    kind_name: Annotated[str, Text(), Described("The same as a word.", example="scheduled")]
    sequence: Annotated[int, Whole(0), Described("Window index · 2^16 + n.", example=113311743)]
    window_start_s: Annotated[int, Whole(0), Described("The window's begin, UTC.", example=1641113100)]
    window_end_s: Annotated[int, Whole(0), Described("The window's end, UTC.", example=1641114000)]
    attestation: Annotated[object, Described("The signed statement, as JSON.", example={"epoch": 1, "kind": 0})]
    signatures: Annotated[
        object, Described("The signatures that counted on the facts.", example=[{"organisation": "bank", "sm2": "ab"}])
    ]
    created_at_s: AtS
    updated_tx: TxId
    block: Block
    tx_id: TxId


@dataclass(frozen=True)
class AttestationWithChain(AttestationView):
    """An attestation, with where the caller's chain took it; null for an organisation outside the circle."""

    obligations: Annotated[TakenBy | None, Described("Where the obligations took it.")]


@dataclass(frozen=True)
class Event:
    """One event of either ledger."""

    id: Annotated[str, Text(), Described("Its place on its ledger.", example="e1:44.2")]
    ledger: Annotated[str, Text(), Described("`facts`, or the name of a chain.", example="e1")]
    type: Annotated[str, Text(), Described("What happened.", example="drawn")]
    subject_kind: Annotated[str, Text(), Described("To what.", example="facility")]
    subject_id: Annotated[str, Text(), Described("To which one.", example="facility-1")]
    at_s: AtS
    tx_id: TxId
    body: Annotated[object, Described("What the ledger said, under its own names.", example={"amountMinor": 100000000})]


@dataclass(frozen=True)
class EventPage:
    """The events after a cursor, in the order of each ledger, and the cursor after them."""

    items: Annotated[tuple[Event, ...], Described("The events.")]
    cursor: Annotated[
        str, Text(0), Described("What to ask after next; empty at the very beginning.", example="f:120.3.0~e1:44.2")
    ]


@dataclass(frozen=True)
class Acknowledged:
    """That an organisation received an event."""

    organisation: Annotated[str, Text(), Described("Who.", example="insurer")]
    at_s: AtS
    tx_id: TxId
    content_hash: Annotated[str, Text(), Described("What it was shown, SHA-256 in hex.", example="ef" * 32)]


@dataclass(frozen=True)
class EventDetail(Event):
    """An event, the hash of its content, and who acknowledged it."""

    content_hash: Annotated[str, Text(), Described("SHA-256 of what the ledger said, hex.", example="ef" * 32)]
    acknowledgements: Annotated[tuple[Acknowledged, ...], Described("Who acknowledged it.")]
