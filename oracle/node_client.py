"""What a member asks its own organisation's node, and what it makes of the answers.

    read_committees(record) whose signatures count, and for which windows
    read_liens(node)        every open pledge with its receipt -> lien_active, receipt_status, receipt_quantity_g
    read_price(path)        the member's own price file -> price_minor_per_t

Receipt status as a number: 1 active, 2 delivered, 3 cancelled, 4 expired, 0 anything else. A pledge is a lien when both
the pledge and the receipt's own entry say active and name each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from oracle.anchors import AnchorNode
from oracle.registry import DEVICES_MAX
from oracle.standing import Read
from wuxin_client import Client
from wuxin_client.errors import NotFound
from wuxin_client.models import AnchorCheckpoint, RelayAttestation
from wuxin_evidence.attestation import LIEN, PRICE, Committee
from wuxin_evidence.errors import malformed

RECEIPT_STATUS = {"active": 1, "delivered": 2, "cancelled": 3, "expired": 4}
PLEDGES_MAX = 10_000
PRICE_FILE = "price-source.json"
PRICE_FIELDS = ("commodity", "price_minor_per_t", "currency", "source", "priced_at_s")


class NodeApi(AnchorNode, Protocol):
    """What an oracle member needs of its node."""

    def devices(self) -> Sequence[Mapping[str, Any]]: ...

    def committee(self) -> Mapping[str, Any]: ...

    def pledges(self) -> Sequence[Mapping[str, Any]]: ...

    def receipt(self, receipt_id: str) -> Mapping[str, Any]: ...

    def post_attestation(self, body: Mapping[str, Any], idempotency_key: str) -> None: ...


class ClientNode:
    """The node through the HTTP SDK."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def devices(self) -> Sequence[Mapping[str, Any]]:
        return [each for each, _ in zip(self._client.devices.all(), range(DEVICES_MAX), strict=False)]

    def committee(self) -> Mapping[str, Any]:
        return self._client.committee()

    def pledges(self) -> Sequence[Mapping[str, Any]]:
        return [each for each, _ in zip(self._client.pledges.all(), range(PLEDGES_MAX), strict=False)]

    def receipt(self, receipt_id: str) -> Mapping[str, Any]:
        return self._client.receipts.get(receipt_id)

    def post_attestation(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        self._client.attestations.relay(cast("RelayAttestation", body), idempotency_key=idempotency_key)

    def anchored(self, origin: str) -> Mapping[str, Any] | None:
        return self._client.anchors.newest(origin)

    def post_anchor(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        self._client.anchors.post(cast("AnchorCheckpoint", body), idempotency_key=idempotency_key)


def read_committee(record: Mapping[str, Any]) -> Committee:
    """The committee out of the node's record, which says more about it than members need."""
    fields = {name: record[name] for name in ("epoch", "threshold", "active_from_s")}
    names = ("organisation", "sm2_public_key", "evm_address")
    return Committee.from_json(
        {**fields, "members": [{name: member[name] for name in names} for member in record["members"]]}
    )


def read_committees(record: Mapping[str, Any]) -> list[Committee]:
    """The committee in force, the one before it and the next one, as far as the node names them."""
    named = (record.get("previous"), record, record.get("next"))
    return [read_committee(each) for each in named if each is not None]


def read_liens(node: NodeApi) -> list[Read]:
    """One reading per pledge that is or was accepted."""
    reads: list[Read] = []
    for pledge in node.pledges():
        if pledge["status"] not in ("active", "released"):
            continue
        try:
            reads.append(_lien(pledge, node.receipt(str(pledge["receipt_id"]))))
        except NotFound:
            continue
    return reads


def read_price(home: Path) -> list[Read]:
    """The price in the member's own file; none when there is no file. Raises `malformed`.

    The file is one JSON object: commodity, price_minor_per_t, currency, source, priced_at_s (seconds UTC).
    """
    path = home / PRICE_FILE
    if not path.exists():
        return []
    try:
        row = json.loads(path.read_text("utf-8"))
        price, priced_at_s = row["price_minor_per_t"], row["priced_at_s"]
        missing = [name for name in PRICE_FIELDS if name not in row]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(f"{path}: {error!r}", f"an object of {', '.join(PRICE_FIELDS)}") from error
    if missing or type(price) is not int or type(priced_at_s) is not int or price <= 0 or priced_at_s <= 0:
        raise malformed(f"{path}: {missing or 'price and time'}", "integers, in minor units per tonne and seconds UTC")
    return [Read(PRICE, "commodity", str(row["commodity"]), {"price_minor_per_t": price}, since_s=priced_at_s)]


def _lien(pledge: Mapping[str, Any], receipt: Mapping[str, Any]) -> Read:
    pledge_id = str(pledge.get("pledge_id") or pledge["id"])
    lien: Mapping[str, Any] = receipt.get("lien") or {}
    active = pledge["status"] == "active" and lien.get("pledge_id") == pledge_id and lien.get("status") == "active"
    values = {
        "lien_active": int(active),
        "receipt_status": RECEIPT_STATUS.get(str(receipt["status"]), 0),
        "receipt_quantity_g": int(receipt["quantity_g"]),
    }
    return Read(LIEN, "pledge", pledge_id, values, standing=active)
