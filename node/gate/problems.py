"""Problems: every refusal leaves the node in one shape (RFC 9457) with one of the codes of the formats.

    refuse with Problem("not_found", detail, hint) anywhere below the API
      → ``problem_response`` gives application/problem+json with code, detail, hint, status

The codes are shared with chaincode, contracts, CLI and SDK; new ones are added, none is renamed. Errors of the
other rooms (``Rejected``, ``EvidenceError`` …) carry ``code``, ``detail`` and ``hint`` and pass through unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse

from wuxin_evidence.errors import NamedError

LANGUAGE = "en"  # what details and hints are written in; codes are what programs and translations go by
DETAIL_CHARS_MAX = 2_000  # a problem explains; it does not carry a document

_STATUS_BY_CODE = {
    "malformed": 400,
    "wrong_aad": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "cancelled": 409,
    "too_large": 413,
    "unsupported_action": 422,
    "internal": 500,
    "unavailable": 503,
}
_STATUS_OF_A_RULE = 409  # any other code says: the request is well formed and the state or a rule refuses it

_TITLES = {
    "malformed": "The request is not well formed",
    "unauthenticated": "No valid key was given",
    "forbidden": "This key may not do that",
    "not_found": "There is no such thing",
    "too_large": "The request exceeds a bound",
    "unsupported_action": "The action cannot be carried out",
    "idempotency_mismatch": "The idempotency key was used for another body",
    "unavailable": "A part that is needed does not answer",
    "internal": "The node failed",
}


class Problem(NamedError):
    """A refusal that names its code, what happened, and what to do next."""

    def __init__(self, code: str, detail: str, hint: str = "", *, transaction_id: str | None = None) -> None:
        super().__init__(code, detail, hint)
        self.transaction_id = transaction_id


def status_of(code: str) -> int:
    """HTTP status of a problem code; a code this table does not list is a rule's refusal, 409."""
    return _STATUS_BY_CODE.get(code, _STATUS_OF_A_RULE)


def title_of(code: str) -> str:
    """A code in words."""
    return _TITLES.get(code, code.replace("_", " ").capitalize())


def problem_document(
    code: str,
    detail: str,
    hint: str,
    *,
    transaction_id: str | None = None,
    instance: str | None = None,
    status: int | None = None,
) -> dict[str, Any]:
    """The RFC 9457 object: type, title, status, code, detail, hint, and transaction_id where there is one.

    `status` is the code's own, except where HTTP has one that says more (405).
    """
    document: dict[str, Any] = {
        "type": f"urn:wuxin:problem:{code}",
        "title": title_of(code),
        "status": status or status_of(code),
        "code": code,
        "detail": detail[:DETAIL_CHARS_MAX],
        "hint": hint[:DETAIL_CHARS_MAX],
    }
    if instance is not None:
        document["instance"] = instance
    if transaction_id is not None:
        document["transaction_id"] = transaction_id
    return document


def problem_response(
    code: str,
    detail: str,
    hint: str,
    *,
    transaction_id: str | None = None,
    instance: str | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem as an answer, in the language of its words."""
    document = problem_document(code, detail, hint, transaction_id=transaction_id, instance=instance, status=status)
    said = {"Content-Language": LANGUAGE, **(headers or {})}
    if code == "unauthenticated":
        said["WWW-Authenticate"] = "Bearer"
    return JSONResponse(document, status_code=document["status"], media_type="application/problem+json", headers=said)
