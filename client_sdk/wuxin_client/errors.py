"""What can go wrong when talking to a node.

    WuxinError                 .code .detail .hint .transaction_id
    ├── Rejected               the request was understood and refused: sending it again changes nothing
    │   ├── Malformed          a field is missing, unknown or out of bounds (400, 413)
    │   ├── Denied             no key, or a key that may not do this (401, 403)
    │   ├── NotFound           nothing has that id (404)
    │   └── Conflict           the state of a ledger forbids it now (409, 422)
    └── Unavailable            the node or a ledger did not answer: the same request may be repeated
        └── Unanswered         no response at all, or none within the time given

The codes are those of the problems of the HTTP API, the chaincode and the contracts; they never change their meaning.
"""

from collections.abc import Mapping
from typing import Any

from wuxin_evidence.errors import NamedError


class WuxinError(NamedError):
    """One refusal or failure, with what to do about it."""

    def __init__(self, code: str, detail: str, hint: str = "", transaction_id: str | None = None) -> None:
        super().__init__(code, detail, hint)
        self.transaction_id = transaction_id


class Rejected(WuxinError):
    """The caller's fault: change the request."""


class Malformed(Rejected):
    """A field is missing, unknown, of the wrong unit or out of bounds."""


class Denied(Rejected):
    """The key is missing, unknown, or not allowed to do this."""


class NotFound(Rejected):
    """Nothing has that id."""


class Conflict(Rejected):
    """A rule or the present state of a ledger forbids it; `code` names which."""


class Unavailable(WuxinError):
    """The world's fault: repeat the same request with the same key."""


class Unanswered(Unavailable):
    """No response, or none within the time given; the request may have taken effect."""


_BY_STATUS: dict[int, type[WuxinError]] = {
    400: Malformed,
    401: Denied,
    403: Denied,
    404: NotFound,
    413: Malformed,
    415: Malformed,
}


def from_problem(status: int, problem: Mapping[str, Any]) -> WuxinError:
    """The error for an RFC 9457 problem answered with this HTTP status."""
    kind = Unavailable if status >= 500 or status == 429 else _BY_STATUS.get(status, Conflict)
    return kind(
        str(problem.get("code", "unavailable" if status >= 500 else "conflict")),
        str(problem.get("detail") or problem.get("title") or f"the node answered {status}"),
        str(problem.get("hint", "")),
        problem.get("transaction_id"),
    )
