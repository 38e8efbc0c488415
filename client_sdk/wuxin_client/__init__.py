"""The Python SDK of a Wuxin node: two clients, the models they speak in, and the errors they raise.

    >>> with Client("http://127.0.0.1:8080", api_key) as node:
    ...     answer = node.get_collateral("receipt-1")
    ...     print(answer.lendable, [(each.code, each.next_actor, each.hint) for each in answer.blockers])

`Client` blocks, `AsyncClient` awaits; the two have the same methods, one for every route of the API. Arguments of a
command that have a shape of their own, and all answers, are frozen dataclasses of `wuxin_client.models`. The errors are
drawn as one tree in `wuxin_client.errors`.
"""

from wuxin_client.aio.client import AsyncClient
from wuxin_client.errors import (
    Conflict,
    Denied,
    Malformed,
    NotFound,
    Rejected,
    StillPending,
    TransactionFailed,
    Unanswered,
    Unavailable,
    Unreadable,
    WuxinError,
)
from wuxin_client.places import FilePlace, Place
from wuxin_client.records import Page
from wuxin_client.sync.client import Client

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "Denied",
    "FilePlace",
    "Malformed",
    "NotFound",
    "Page",
    "Place",
    "Rejected",
    "StillPending",
    "TransactionFailed",
    "Unanswered",
    "Unavailable",
    "Unreadable",
    "WuxinError",
]
"""Everything that a program needs but the models."""
