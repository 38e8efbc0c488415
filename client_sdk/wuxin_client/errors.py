"""Errors of the SDK: one tree with two branches, the caller's fault and the world's.

    WuxinError                    .code .detail .hint .transaction_id
    ├── Rejected                  the caller's fault: the same request is refused again, so change the request
    │   ├── Malformed             a field is missing, unknown or out of bounds (400, 413, 415)
    │   ├── Denied                no key, or a key that is not allowed to do this (401, 403)
    │   ├── NotFound              nothing has that id, or no such route exists (404, 405)
    │   ├── Conflict              the state of a ledger or a rule forbids the request now (409, 422)
    │   └── TransactionFailed     a ledger refused the command after the node had accepted the request; .transaction
    └── Unavailable               the world's fault: repeat the same request later (429, 5xx); .idempotency_key
        ├── Unanswered            no answer within the timeouts; the request may have taken effect
        ├── StillPending          the command had no final state within `wait_s`; .transaction
        └── Unreadable            the answer is not an answer of this API: a wrong address, or another version

`code` is for programs: the codes are those of the API's problems, of the chaincode and of the contracts, and a code
never changes its meaning. `detail` and `hint` are sentences for people: what happened, and what to do next.
`transaction_id` names the transaction that the error is about, or is None.

    >>> try:
    ...     node.issue_receipt(**receipt, wait_s=10)
    ... except TransactionFailed as refused:
    ...     print(refused.code)
    slot_claimed
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wuxin_client.models import Transaction
from wuxin_evidence.errors import NamedError


class WuxinError(NamedError):
    """A refusal or a failure, with its code, its detail, a hint and the id of its transaction."""

    def __init__(self, code: str, detail: str, hint: str = "", transaction_id: str | None = None) -> None:
        super().__init__(code, detail, hint)
        self.transaction_id = transaction_id


class Rejected(WuxinError):
    """The caller's fault: the same request is refused again."""


class Malformed(Rejected):
    """A field is missing, unknown, of the wrong type or out of bounds; `detail` names the field."""


class Denied(Rejected):
    """The key is missing, unknown, expired, or not allowed to do this."""


class NotFound(Rejected):
    """Nothing has that id, or the node has no such route."""


class Conflict(Rejected):
    """A rule or the present state of a ledger forbids the request; `code` names the rule."""


class TransactionFailed(Rejected):
    """A ledger refused a command; `transaction` is the final transaction, and `code` says why."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(
            transaction.code or "conflict",
            transaction.detail or "the ledger refused the command",
            transaction.hint or "",
            transaction.id,
        )
        self.transaction = transaction


class Unavailable(WuxinError):
    """The world's fault: the node, or a part that the node needs, does not answer.

    `idempotency_key` is the key of the command that was sent (None for a question). Repeating the command with this
    key never makes a second transaction.
    """

    idempotency_key: str | None = None


class Unanswered(Unavailable):
    """No answer within the timeouts; the request may have taken effect."""


class StillPending(Unavailable):
    """A command had no final state within `wait_s`; the ledger may still commit or refuse the command.

    `transaction` is the last state that was seen. `wait(error.transaction, wait_s)` goes on waiting.
    """

    def __init__(self, transaction: Transaction, wait_s: float) -> None:
        detail = f"transaction {transaction.id} ({transaction.command}) is still pending after {wait_s:g} s"
        super().__init__("unavailable", detail, "wait for it again: it may still be committed", transaction.id)
        self.transaction = transaction


class Unreadable(Unavailable):
    """The answer is not an answer of this API."""

    def __init__(self, detail: str) -> None:
        super().__init__("malformed", detail, "check the address, and that node and SDK are of one version")


_BY_STATUS: dict[int, type[WuxinError]] = {
    400: Malformed,
    401: Denied,
    403: Denied,
    404: NotFound,
    405: NotFound,
    413: Malformed,
    415: Malformed,
}
_TOO_MANY_REQUESTS = 429


def from_problem(status: int, problem: Mapping[str, Any]) -> WuxinError:
    """Makes the error for an answer with this HTTP status and this RFC 9457 problem (empty if there was none)."""
    is_of_the_world = status >= 500 or status == _TOO_MANY_REQUESTS
    kind = Unavailable if is_of_the_world else _BY_STATUS.get(status, Conflict)
    transaction_id = problem.get("transaction_id")
    return kind(
        str(problem.get("code") or ("unavailable" if is_of_the_world else "conflict")),
        str(problem.get("detail") or problem.get("title") or f"the node answered {status}"),
        str(problem.get("hint") or ""),
        transaction_id if isinstance(transaction_id, str) else None,
    )
