# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of receipts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Depositor:
    """存货人, as the paper receipt names it (民法典 §909(1))."""

    name: str
    """Name of the depositor. Source: 民法典 §909(1). At most 512 characters."""
    address: str
    """Address of the depositor. Source: 民法典 §909(1). At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """仓储物: kind, quality, packaging, pieces and marks; the quantity stands on the receipt, in grams."""

    name: str
    """Kind of goods, 品种. Source: 民法典 §909(2). At most 512 characters."""
    quality: str
    """Grade or quality, 质量. Source: 民法典 §909(2). At most 512 characters."""
    packaging: str
    """How the goods are packed, 包装. Source: 民法典 §909(2). At most 512 characters."""
    pieces: int
    """Number of pieces, 件数. Unit: pieces. Source: 民法典 §909(2). At least 1."""
    marks: str
    """Marks on the goods, such as the lot, 标记. Source: 民法典 §909(2). At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insurance:
    """仓储物的保险: sum, period and insurer (民法典 §909(7))."""

    amount_minor: int
    """Sum insured. Unit: minor unit of the currency. Source: 民法典 §909(7). At least 0."""
    currency: str
    """Currency of the sum insured, by ISO 4217. At most 3 characters."""
    from_s: int
    """Beginning of the insured period. Unit: s. Source: 民法典 §909(7). At least 0."""
    until_s: int
    """End of the insured period, after its beginning. Unit: s. Source: 民法典 §909(7). At least 0."""
    insurer: str
    """Name of the insurer. Source: 民法典 §909(7). At most 512 characters."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lien:
    """The pledge on a receipt: `proposed` by the owner or `active` since the pledgee accepted."""

    pledge_id: str
    """The pledge that rests on the receipt. At most 128 characters."""
    pledgee: str
    """Bank to which the goods are pledged, 质权人. At most 32 characters."""
    status: str
    """`proposed` until the pledgee accepts, then `active`."""
    since_s: int
    """Ledger time at which this status began. Unit: s. At least 0."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt 仓单 in the state: as it was issued, and what became of it."""

    receipt_id: str
    """Id of the new receipt, made by the warehouse. At most 128 characters."""
    slots: tuple[str, ...]
    """Free slots of the warehouse that hold the goods. At most 64 items."""
    owner: str
    """Organisation that owns the goods, 存货人 or its successor. At most 32 characters."""
    beneficiary: str
    """Organisation for whose account the goods are kept. At most 32 characters."""
    commodity: str
    """Commodity whose price values the goods. At most 128 characters."""
    quantity_g: int
    """Mass of the goods. Unit: g. Source: 民法典 §909(2). At least 1."""
    depositor: Depositor
    """Who deposited the goods, 存货人. Source: 民法典 §909(1)."""
    goods: Goods
    """What is stored, 仓储物. Source: 民法典 §909(2)."""
    loss_standard_bp: int
    """Loss that is normal while the goods are stored, 损耗标准. Unit: 0.01 %. Source: 民法典 §909(3). From 0 to
    10000.
    """
    storage_place: str
    """Where the goods are stored, 储存场所. Source: 民法典 §909(4). At most 512 characters."""
    storage_until_s: int
    """End of the storage period, after the issue. Unit: s. Source: 民法典 §909(5). At least 0."""
    storage_fee_minor: int
    """Storage fee, 仓储费. Unit: minor unit of the currency. Source: 民法典 §909(6). At least 0."""
    storage_fee_currency: str
    """Currency of the storage fee, by ISO 4217. At most 3 characters."""
    insurance: Insurance
    """Insurance of the goods. Source: 民法典 §909(7)."""
    issued_place: str
    """Where the receipt is issued, 填发地. Source: 民法典 §909(8). At most 512 characters."""
    issued_at_s: int
    """When the receipt is issued; not ahead of the ledger's time. Unit: s. Source: 民法典 §909(8). At least 0."""
    keeper: str
    """Who signs for the warehouse, 保管人. Source: 民法典 §909(8). At most 512 characters."""
    created_at_s: int
    """Ledger time at which the record was first written. Unit: s. At least 0."""
    updated_tx: str
    """Id of the transaction that wrote the record last. At most 512 characters."""
    warehouse: str
    """Organisation that issued it and keeps the goods. At most 32 characters."""
    status: str
    """`active` until the receipt is cancelled or its goods are delivered."""
    lien: Lien | None
    """The pledge that rests on the receipt; null while there is none."""
    closing_reason: str | None
    """Why the warehouse cancelled it; null while it did not. At most 512 characters."""
    delivery_requested_s: int | None
    """When the owner asked for delivery; null while it did not. Unit: s. At least 0."""
    block: int
    """The block of its last change. At least 0."""
    tx_id: str
    """The transaction of its last change, hex."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
