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

from node.gate.problem_words import WORDS
from wuxin_evidence.errors import NamedError

ENGLISH, CHINESE = "en", "zh"
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


class Problem(NamedError):
    """A refusal that names its code, what happened, and what to do next."""

    def __init__(self, code: str, detail: str, hint: str = "", *, transaction_id: str | None = None) -> None:
        super().__init__(code, detail, hint)
        self.transaction_id = transaction_id


def status_of(code: str) -> int:
    """HTTP status of a problem code; a code this table does not list is a rule's refusal, 409."""
    return _STATUS_BY_CODE.get(code, _STATUS_OF_A_RULE)


def title_of(code: str, language: str = ENGLISH) -> str:
    """A code in words; one that nobody declared, of a contract newer than this node, in its own."""
    words = WORDS.get(code)
    if words is None:
        return code.replace("_", " ").capitalize()
    return words.zh if language == CHINESE else words.en


def problem_document(
    code: str,
    detail: str,
    hint: str,
    *,
    transaction_id: str | None = None,
    instance: str | None = None,
    status: int | None = None,
    language: str = ENGLISH,
) -> dict[str, Any]:
    """The RFC 9457 object: type, title, status, code, detail, hint, and transaction_id where there is one.

    `status` is the code's own, except where HTTP has one that says more (405). In Chinese the title and what to do are
    the code's; the detail and the hint of the case stay as they were composed.
    """
    words = WORDS.get(code)
    if language == CHINESE and words is not None:
        hint = f"{words.do_zh}（{hint}）" if hint else words.do_zh
    document: dict[str, Any] = {
        "type": f"urn:wuxin:problem:{code}",
        "title": title_of(code, language),
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
    language: str = ENGLISH,
) -> JSONResponse:
    """The problem as an answer, in `language` as far as the code's own words go."""
    document = problem_document(
        code, detail, hint, transaction_id=transaction_id, instance=instance, status=status, language=language
    )
    known = language if code in WORDS else ENGLISH
    said = {"Content-Language": known, "Vary": "Accept-Language", **(headers or {})}
    if code == "unauthenticated":
        said["WWW-Authenticate"] = "Bearer"
    return JSONResponse(document, status_code=document["status"], media_type="application/problem+json", headers=said)
