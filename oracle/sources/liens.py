"""Liens (attestation kind 2), read from the member's own node: every pledge that is or was accepted, with its receipt.

    read_liens(node) -> lien_active, receipt_status, receipt_quantity_g of each pledge

`chaincode.security.lien` says when a pledge rests on its receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaincode.security import lien
from oracle.node_client import NodeApi
from oracle.sources.values import SourceValues
from wuxin_client.errors import NotFound
from wuxin_evidence.attestation import LIEN

RECEIPT_STATUS = {"active": 1, "delivered": 2, "cancelled": 3, "expired": 4}
"""The number that stands for each status of a receipt in the indicator `receipt_status`; 0 for any other status."""


def read_liens(node: NodeApi) -> list[SourceValues]:
    """The values of every pledge that is active or released. Raises the node's errors."""
    found: list[SourceValues] = []
    for pledge in node.pledges():
        if pledge["status"] not in ("active", "released"):
            continue
        try:
            found.append(_lien(pledge, node.receipt(str(pledge["receipt_id"]))))
        except NotFound:  # the node's read model may be a block behind; the next look finds the receipt
            continue
    return found


def _lien(pledge: Mapping[str, Any], receipt: Mapping[str, Any]) -> SourceValues:
    pledge_id = str(pledge.get("pledge_id") or pledge["id"])
    active = lien.rests(receipt, {**pledge, "pledge_id": pledge_id})
    values = {
        "lien_active": int(active),
        "receipt_status": RECEIPT_STATUS.get(str(receipt["status"]), 0),
        "receipt_quantity_g": int(receipt["quantity_g"]),
    }
    return SourceValues(LIEN, "pledge", pledge_id, values, standing=active)
