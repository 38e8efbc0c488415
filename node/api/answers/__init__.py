"""What the API answers, field by field: the node's own records that are not the chaincode's.

Each is a frozen dataclass of described fields, and becomes a named schema of the API's description. A test holds what
is answered against them.
"""

from node.api.answers.commands import CommandAnswer, Problem, Transaction
from node.api.answers.consortium import Committees, Organisations, OrganisationView, Status
from node.api.answers.facts import (
    Acknowledged,
    AttestationView,
    AttestationWithChain,
    Event,
    EventDetail,
    EventPage,
    OracleDevice,
    SlotView,
    TakenBy,
)
from node.api.answers.lending import (
    AttestedLien,
    AttestedPrice,
    AttestedQuantity,
    Blocker,
    Collateral,
    CollateralFacility,
    Duty,
    Freshness,
)
from node.api.answers.obligations import (
    Approval,
    Deposits,
    Facility,
    FacilitySummary,
    FacilityTransaction,
    Movement,
    Reason,
    ReasonProgress,
)

__all__ = [
    "Acknowledged",
    "Approval",
    "AttestationView",
    "AttestationWithChain",
    "AttestedLien",
    "AttestedPrice",
    "AttestedQuantity",
    "Blocker",
    "Collateral",
    "CollateralFacility",
    "CommandAnswer",
    "Committees",
    "Deposits",
    "Duty",
    "Event",
    "EventDetail",
    "EventPage",
    "Facility",
    "FacilitySummary",
    "FacilityTransaction",
    "Freshness",
    "Movement",
    "OracleDevice",
    "OrganisationView",
    "Organisations",
    "Problem",
    "Reason",
    "ReasonProgress",
    "SlotView",
    "Status",
    "TakenBy",
    "Transaction",
]
