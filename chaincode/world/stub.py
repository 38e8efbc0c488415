"""What a transition may see and do: the world as one transaction sees it.

The embedded ledger implements `Stub` over SQLite, the chaincode server over a Fabric peer's stream, the unit tests
over a dictionary. All three keep Fabric's rules:

- reads see the state before the transaction, never its own writes;
- a range in a transaction meant for the ledger is refused with `errors.RangeInWrite`;
- private values leave only their SHA-256 in the transaction, the value goes to the collection's organisation.

Keys of the state (values are canonical JSON) are made by the functions below, so that each is written down once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chaincode.world.bounds import AssetId, DeviceId, PledgeId, ReceiptId, SlotId

EVENT_NAME: Final = "wuxin"
"""Fabric carries one event per transaction; all of ours go out in one list under this name."""


@dataclass(frozen=True)
class Caller:
    """Who signed the proposal. The organisation behind the MSP is looked up in the ledger, never taken from here."""

    msp_id: str
    certificate_pem: bytes


@dataclass(frozen=True)
class Entry:
    """One key of a range."""

    key: str
    value: bytes


@dataclass(frozen=True)
class Page:
    """A bounded part of a range, and where the next one begins; an empty bookmark says that nothing follows."""

    entries: Sequence[Entry]
    bookmark: str


@dataclass(frozen=True)
class KeyChange:
    """One committed write to a key; `value` is None where the key was deleted."""

    tx_id: str
    timestamp_s: int
    value: bytes | None


class Stub(Protocol):
    """One transaction's view of the ledger."""

    @property
    def tx_id(self) -> str:
        """Id of the transaction, 64 hex digits."""
        ...

    @property
    def timestamp_s(self) -> int:
        """The proposal's time in seconds UTC: set by the client, checked by the ledger, the same for all endorsers."""
        ...

    @property
    def caller(self) -> Caller:
        """Who signed the proposal."""
        ...

    @property
    def transient(self) -> Mapping[str, bytes]:
        """What came with the proposal and never goes into the transaction."""
        ...

    def get(self, key: str) -> bytes | None:
        """The committed value of a key, or None."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Write a key."""
        ...

    def delete(self, key: str) -> None:
        """Delete a key."""
        ...

    def set_key_policy(self, key: str, msp_ids: tuple[str, ...] | None) -> None:
        """Let only transactions endorsed by a peer of each of these MSPs write the key; None removes the policy."""
        ...

    def get_key_policy(self, key: str) -> tuple[str, ...] | None:
        """MSP ids of a key's own policy, or None where the channel's applies."""
        ...

    def get_private(self, collection: str, key: str) -> bytes | None:
        """The committed private value of a key, or None; only on a peer of the collection."""
        ...

    def put_private(self, collection: str, key: str, value: bytes) -> None:
        """Write a private value; the transaction carries its hash."""
        ...

    def delete_private(self, collection: str, key: str) -> None:
        """Delete a private value."""
        ...

    def get_private_hash(self, collection: str, key: str) -> bytes | None:
        """SHA-256 of the private value; known to every peer, member of the collection or not."""
        ...

    def range(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        """Keys from `start` (included) to `end` (excluded), at most `limit` of them, from `bookmark` on."""
        ...

    def history(self, key: str, limit: int) -> Sequence[KeyChange]:
        """Committed changes of a key, the newest first, at most `limit` of them."""
        ...

    def emit(self, name: str, payload: bytes) -> None:
        """Set the event of the transaction."""
        ...


CONSORTIUM_KEY: Final = "consortium"
COMMITTEE_HEAD_KEY: Final = "committee-head"


def implicit_collection(msp_id: str) -> str:
    """Fabric's built-in private collection of one organisation."""
    return f"_implicit_org_{msp_id}"


def member_key(organisation: str) -> str:
    """Where an organisation stands."""
    return f"member/{organisation}"


def msp_key(msp_id: str) -> str:
    """Where an MSP names its organisation."""
    return f"msp/{msp_id}"


def committee_key(epoch: int) -> str:
    """Where the committee of an epoch stands."""
    return f"committee/{epoch}"


def device_key(device_id: DeviceId) -> str:
    """Where a device stands."""
    return f"device/{device_id}"


def asset_key(asset_id: AssetId) -> str:
    """Where an asset stands."""
    return f"asset/{asset_id}"


def asset_instance_key(instance_id: str) -> str:
    """Where a thing names the asset that it is registered as."""
    return f"asset-instance/{instance_id}"


def asset_event_key(asset_id: AssetId, number: int) -> str:
    """Eight digits, so that the order of keys is the order of events."""
    return f"asset-event/{asset_id}/{number:08d}"


def slot_key(slot_id: SlotId) -> str:
    """Where a slot stands."""
    return f"slot/{slot_id}"


def slot_claim_key(slot_id: SlotId) -> str:
    """Where a slot names the receipt that holds it."""
    return f"slot-claim/{slot_id}"


def receipt_key(receipt_id: ReceiptId) -> str:
    """Where a receipt stands."""
    return f"receipt/{receipt_id}"


def pledge_key(pledge_id: PledgeId) -> str:
    """Where a pledge stands, and in private collections its terms."""
    return f"pledge/{pledge_id}"


def attestation_key(subject_hex: str, kind: int, sequence: int) -> str:
    """Sixteen digits hold every sequence up to 2^53−1 in order."""
    return f"attestation/{subject_hex}/{kind}/{sequence:016d}"


def attestation_head_key(subject_hex: str, kind: int) -> str:
    """Where the latest attestation of a subject and kind stands."""
    return f"attestation-head/{subject_hex}/{kind}"


def anchor_key(origin: str, size: int) -> str:
    """Where a checkpoint of a log stands; sixteen digits hold every size in order."""
    return f"anchor/{origin}/{size:016d}"


def anchor_head_key(origin: str) -> str:
    """Where the longest checkpoint of a log stands."""
    return f"anchor-head/{origin}"


def notice_ack_key(event_id: str, organisation: str) -> str:
    """Where an organisation's acknowledgement of an event stands."""
    return f"notice-ack/{event_id}/{organisation}"
