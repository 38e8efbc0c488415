"""Schemas of answers that the API's description does not name yet. What it names wins, and is deleted here."""

from __future__ import annotations

from typing import Any

from tests.client.generate.document import operation_name

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}
_FLAG = {"type": "boolean"}
_OBJECT = {"type": "object", "additionalProperties": True}


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _record(about: str, required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    properties = {**required, **{name: _maybe(each) for name, each in optional.items()}}
    return {"type": "object", "description": about, "properties": properties, "required": list(required)}


SCHEMAS = {
    "Transaction": _record(
        "One command on its way to a ledger: `pending`, then `committed` or `failed`; a failed one carries its code.",
        {"id": _TEXT, "command": _TEXT, "organisation": _TEXT, "ledger": _TEXT, "status": _TEXT},
        {"attempt": _WHOLE, "tx_id": _TEXT, "block": _WHOLE, "code": _TEXT, "detail": _TEXT, "hint": _TEXT,
         "result": {}, "created_at_ms": _WHOLE, "updated_at_ms": _WHOLE},
    ),
    "Event": _record(
        "Something that a ledger said; `id` is its place there and never changes.",
        {"id": _TEXT, "ledger": _TEXT, "type": _TEXT, "at_s": _WHOLE, "tx_id": _TEXT, "body": _OBJECT},
        {"subject_kind": _TEXT, "subject_id": _TEXT, "content_hash": _TEXT},
    ),
    "Blocker": _record(
        "One reason why a collateral is not lendable, since when, and who can change that.",
        {"code": _TEXT, "hint": _TEXT},
        {"since_s": _WHOLE, "next_actor": _TEXT, "detail": _TEXT},
    ),
    "Collateral": _record(
        "Whether a receipt can be lent on now, and if not, each reason why.",
        {"receipt_id": _TEXT, "lendable": _FLAG, "blockers": {"type": "array", "items": {"$ref": "#/Blocker"}}},
        {"headroom_minor": _WHOLE, "limit_minor": _WHOLE, "facility": _OBJECT},
    ),
    "Reason": _record(
        "Why a facility is frozen; `reason_key` names this very opening.",
        {"reason_key": _TEXT, "opened_at_s": _WHOLE, "clean_windows": _WHOLE, "manual": _FLAG},
        {"rule": _TEXT, "cleared_at_s": _WHOLE},
    ),
}  # fmt: skip
READS = {"get_transaction": "Transaction", "get_event": "Event", "get_collateral": "Collateral"}
LISTS = {"list_transactions": "Transaction", "list_facility_transactions": "Transaction", "list_events": "Event",
         "list_reasons": "Reason"}  # fmt: skip


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The description with these schemas where it leaves an answer open; changes it in place."""
    schemas = document["components"]["schemas"]
    for name, schema in SCHEMAS.items():
        schemas.setdefault(name, schema)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = operation_name(operation["operationId"], method, path)
            for content in operation["responses"].get("200", {}).get("content", {}).values():
                answer = content["schema"]
                if "$ref" in answer or answer.get("properties"):
                    continue
                if name in READS:
                    content["schema"] = {"$ref": f"#/{READS[name]}"}
                if name in LISTS:
                    items = {"type": "array", "items": {"$ref": f"#/{LISTS[name]}"}}
                    content["schema"] = {"type": "object", "properties": {"items": items}}
    return document
