"""The Python SDK of a Wuxin node: `Client`, its models and its errors."""

from wuxin_client.client import Client
from wuxin_client.errors import (
    Conflict,
    Denied,
    Malformed,
    NotFound,
    Rejected,
    Unanswered,
    Unavailable,
    WuxinError,
)
from wuxin_client.models import Blocker, Collateral, Event, Page, Reason, Transaction

__all__ = [
    "Blocker",
    "Client",
    "Collateral",
    "Conflict",
    "Denied",
    "Event",
    "Malformed",
    "NotFound",
    "Page",
    "Reason",
    "Rejected",
    "Transaction",
    "Unanswered",
    "Unavailable",
    "WuxinError",
]
