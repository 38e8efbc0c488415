"""What a node answers, as frozen values.

Each model reads the fields it names and keeps the whole answer in `.raw`, so that a node that says more than this SDK
knows loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NotRequired, Required, Self, TypedDict, TypeVar

Json = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Transaction:
    """One command on its way to a ledger: `pending`, then `committed` or `failed`; a failed one carries its code."""

    id: str
    command: str
    organisation: str
    ledger: str
    status: str
    tx_id: str | None
    block: int | None
    code: str | None
    detail: str | None
    hint: str | None
    result: Any
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, raw: Json) -> Self:
        names = (
            "id",
            "command",
            "organisation",
            "ledger",
            "status",
            "tx_id",
            "block",
            "code",
            "detail",
            "hint",
            "result",
        )
        return cls(**{name: raw.get(name) for name in names}, raw=raw)  # pyright: ignore[reportArgumentType] -- the node's schema holds these types

    @property
    def final(self) -> bool:
        return self.status != "pending"

    @property
    def committed(self) -> bool:
        return self.status == "committed"


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items in order, and the cursor after the last of them (None at the end)."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True)
class Event:
    """Something a ledger said; `id` is its place there and never changes."""

    id: str
    ledger: str
    type: str
    subject_kind: str | None
    subject_id: str | None
    at_s: int
    tx_id: str
    body: Json
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, raw: Json) -> Self:
        return cls(
            raw["id"],
            raw["ledger"],
            raw["type"],
            raw.get("subject_kind"),
            raw.get("subject_id"),
            raw["at_s"],
            raw["tx_id"],
            raw.get("body", {}),
            raw,
        )


@dataclass(frozen=True)
class Blocker:
    """One reason why a collateral is not lendable, since when, and who can change that."""

    code: str
    since_s: int | None
    next_actor: str | None
    hint: str


@dataclass(frozen=True)
class Collateral:
    """The answer a bank can lend on. `raw` holds quantity, price, freshness, facility and `as_of`."""

    receipt_id: str
    lendable: bool
    blockers: tuple[Blocker, ...]
    headroom_minor: int | None
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, raw: Json) -> Self:
        blockers = tuple(
            Blocker(b["code"], b.get("since_s"), b.get("next_actor"), b.get("hint", "")) for b in raw["blockers"]
        )
        return cls(raw["receipt_id"], raw["lendable"], blockers, raw.get("headroom_minor"), raw)


@dataclass(frozen=True)
class Reason:
    """Why a facility is frozen; `reason_key` names this very opening."""

    reason_key: str
    rule: str
    opened_at_s: int
    cleared_at_s: int | None
    clean_windows: int
    manual: bool
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, raw: Json) -> Self:
        return cls(
            raw["reason_key"],
            str(raw.get("rule", "")),
            raw["opened_at_s"],
            raw.get("cleared_at_s"),
            raw.get("clean_windows", 0),
            raw.get("manual", False),
            raw,
        )


class EnrolDevice(TypedDict, total=False):
    device_id: Required[str]
    suite: Required[str]
    public_key: Required[str]
    firmware_hash: Required[str]
    slots: list[str]
    asset_id: str
    certificate: str


class RegisterAsset(TypedDict):
    asset_id: str
    epc: str
    latitude_e7: int
    longitude_e7: int
    commissioned_at_ms: int
    description: str


class AssetEvent(TypedDict):
    type: str
    previous_hash: str
    document_hash: str
    latitude_e7: int
    longitude_e7: int
    at_ms: int


class IssueReceipt(TypedDict):
    """Every field that an issued receipt must state (Civil Code of the PRC, section 909)."""

    receipt_id: str
    slots: list[str]
    owner: str
    beneficiary: str
    commodity: str
    quantity_g: int
    depositor: Json
    goods: Json
    loss_standard_bp: int
    storage_place: str
    storage_until_s: int
    storage_fee_minor: int
    insurance: Json
    issued_place: str
    issued_at_s: int
    keeper: str


class ProposePledge(TypedDict):
    pledge_id: str
    receipt_id: str
    pledgee: str
    registration_number: str
    accept_until_s: int
    terms: Json
    salt: str


class ProposeFacility(TypedDict):
    facility_id: str
    receipt_id: str
    pledge_id: str
    borrower: str
    line_minor: int
    currency: str
    advance_rate_bp: int
    rate_bp: int
    maturity_s: int
    max_quantity_age_s: int
    max_lien_age_s: int
    max_price_age_s: int


class RelayAttestation(TypedDict):
    attestation: Json
    subject_kind: str
    subject_id: str
    packs: list[str]
    checkpoint: NotRequired[str]
    inclusion: NotRequired[Json]
    consistency: NotRequired[Json]


class AnchorCheckpoint(TypedDict):
    """`note` is a signed checkpoint; `consistency` the proof from the newest anchored size, empty for the first."""

    origin: str
    note: str
    consistency: list[str]
