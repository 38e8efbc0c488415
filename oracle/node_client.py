"""The client of a member's own node: what a member asks, and what it hands in.

`NodeApi` is what a member needs of its node; `ClientNode` answers it through the HTTP SDK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Protocol

from oracle.registry import DEVICES_MAX
from wuxin_client import Client
from wuxin_evidence.attestation import Committee

PLEDGES_MAX = 10_000
PAGE = 500
"""The largest page that a node gives."""


class NodeApi(Protocol):
    """What an oracle member needs of its node. Every method raises the SDK's errors."""

    def devices(self) -> Sequence[Mapping[str, Any]]:
        """Enrolled devices, at most DEVICES_MAX."""
        ...

    def committee(self) -> Mapping[str, Any]:
        """The record of the committee in force, with `previous` and `next` where there are such."""
        ...

    def pledges(self) -> Sequence[Mapping[str, Any]]:
        """Pledges in any status, at most PLEDGES_MAX."""
        ...

    def receipt(self, receipt_id: str) -> Mapping[str, Any]:
        """One receipt. Raises NotFound."""
        ...

    def post_attestation(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        """Relay an attestation that k members signed."""
        ...

    def newest_anchor(self, origin: str) -> Mapping[str, Any] | None:
        """The newest checkpoint of a log in the facts; None when there is none."""
        ...

    def post_anchor(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        """Anchor a checkpoint of this member's log."""
        ...


class ClientNode:
    """The node through the HTTP SDK; method by method as `NodeApi` says."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def devices(self) -> Sequence[Mapping[str, Any]]:
        """See `NodeApi.devices`."""
        return [asdict(each) for each in islice(self._client.iter_devices(limit=PAGE), DEVICES_MAX)]

    def committee(self) -> Mapping[str, Any]:
        """See `NodeApi.committee`."""
        return asdict(self._client.get_committee())

    def pledges(self) -> Sequence[Mapping[str, Any]]:
        """See `NodeApi.pledges`."""
        return [asdict(each) for each in islice(self._client.iter_pledges(limit=PAGE), PLEDGES_MAX)]

    def receipt(self, receipt_id: str) -> Mapping[str, Any]:
        """See `NodeApi.receipt`."""
        return asdict(self._client.get_receipt(receipt_id))

    def post_attestation(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        """See `NodeApi.post_attestation`."""
        # A refusal by a ledger is not this member's to mend: another member may have been first.
        self._client.relay_attestation(**body, raise_on_failure=False, idempotency_key=idempotency_key)

    def newest_anchor(self, origin: str) -> Mapping[str, Any] | None:
        """See `NodeApi.newest_anchor`."""
        items = self._client.list_anchors(origin=origin, limit=1).items
        return asdict(items[0]) if items else None

    def post_anchor(self, body: Mapping[str, Any], idempotency_key: str) -> None:
        """See `NodeApi.post_anchor`."""
        self._client.anchor_checkpoint(**body, raise_on_failure=False, idempotency_key=idempotency_key)


def read_committees(record: Mapping[str, Any]) -> list[Committee]:
    """The committees that a node's record names: the previous one, the one in force, the next one."""
    named = (record.get("previous"), record, record.get("next"))
    return [read_committee(each) for each in named if each is not None]


def read_committee(record: Mapping[str, Any]) -> Committee:
    """The committee out of one record of the node, which says more about the members than an oracle needs."""
    fields = {name: record[name] for name in ("epoch", "threshold", "active_from_s")}
    names = ("organisation", "sm2_public_key", "evm_address")
    return Committee.from_json(
        {**fields, "members": [{name: member[name] for name in names} for member in record["members"]]}
    )
