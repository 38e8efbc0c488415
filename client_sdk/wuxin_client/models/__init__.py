# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""What a node answers and what its commands are made of, as frozen values."""

from wuxin_client.models.anchors import Anchor
from wuxin_client.models.assets import Asset, AssetEvent
from wuxin_client.models.attestations import (
    AttestationView,
    AttestationWithChain,
    Inclusion,
    PackProof,
    SignedStatement,
    StatedIndicator,
    StatedSignature,
    Statement,
    TakenBy,
)
from wuxin_client.models.collateral import (
    AttestedLien,
    AttestedPrice,
    AttestedQuantity,
    Blocker,
    Collateral,
    CollateralFacility,
    Freshness,
)
from wuxin_client.models.committee import Committees
from wuxin_client.models.deposits import Deposits
from wuxin_client.models.devices import Device
from wuxin_client.models.duties import Duty
from wuxin_client.models.events import Acknowledged, EventDetail
from wuxin_client.models.facilities import Facility, FacilityTransaction, Movement, ReasonProgress
from wuxin_client.models.oracle import OracleDevice
from wuxin_client.models.organisations import OrganisationView
from wuxin_client.models.pledges import Pledge
from wuxin_client.models.receipts import Depositor, Goods, Insurance, Lien, Receipt
from wuxin_client.models.shared import Approval, Event, Reason, Transaction
from wuxin_client.models.slots import Slot, SlotView
from wuxin_client.models.status import ClockSetting, LedgerStatus, Status

__all__ = [
    "Acknowledged",
    "Anchor",
    "Approval",
    "Asset",
    "AssetEvent",
    "AttestationView",
    "AttestationWithChain",
    "AttestedLien",
    "AttestedPrice",
    "AttestedQuantity",
    "Blocker",
    "ClockSetting",
    "Collateral",
    "CollateralFacility",
    "Committees",
    "Depositor",
    "Deposits",
    "Device",
    "Duty",
    "Event",
    "EventDetail",
    "Facility",
    "FacilityTransaction",
    "Freshness",
    "Goods",
    "Inclusion",
    "Insurance",
    "LedgerStatus",
    "Lien",
    "Movement",
    "OracleDevice",
    "OrganisationView",
    "PackProof",
    "Pledge",
    "Reason",
    "ReasonProgress",
    "Receipt",
    "SignedStatement",
    "Slot",
    "SlotView",
    "StatedIndicator",
    "StatedSignature",
    "Statement",
    "Status",
    "TakenBy",
    "Transaction",
]
