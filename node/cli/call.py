"""`wuxin call`: any operation of the API by its name, on the running node of a home.

    wuxin call issue_receipt --json receipt.json --org warehouse --wait 10
    wuxin call list_receipts --field owner=manufacturer --org bank

Names, fields and their kinds are those of the declarations, which also complete them in a shell. Prints the answer as
JSON.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import typer

from chaincode.world.description import Field, describe
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from node.api.operation import ZIP, Operation
from node.api.operations import BY_NAME, OPERATIONS
from node.gate import access
from node.machine.homes import api_key, endpoints
from wuxin_evidence.errors import NamedError

Json = dict[str, Any]
TIMEOUT_S = 90.0  # longer than the longest wait that a node grants


def names_beginning(incomplete: str) -> list[tuple[str, str]]:
    """Operations for a shell to complete: name and what it does."""
    return [(each.name, each.en) for each in OPERATIONS if each.name.startswith(incomplete)]


def fields_beginning(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Fields of the operation that stands on the line: `name=` and what it means."""
    operation = BY_NAME.get(str(context.params.get("command")))
    fields: list[Field] = [] if operation is None else list(_fields(operation).values())
    return [(f"{each.name}=", each.text) for each in fields if each.name.startswith(incomplete)]


def run(
    home: Path, command: str, org: str | None, stated: str | None, fields: Sequence[str], wait_s: int, key: str | None
) -> str | bytes:
    """Carry an operation out; gives its answer as JSON text, or a file's bytes. Raises NamedError."""
    operation = BY_NAME.get(command)
    if operation is None:
        raise NamedError("not_found", f"no operation is named {command!r}", f"names are {', '.join(sorted(BY_NAME))}")
    given = {**_document(stated), **_assigned(operation, fields)}
    answer = _asked(home, org or _caller(home, operation), operation, given, wait_s, key)
    if operation.media == ZIP and answer.is_success:
        return answer.content
    document = _read(answer)
    text = json.dumps(document, ensure_ascii=False, indent=2)
    _require_done(operation, document, wait_s, text)
    return text


def _caller(home: Path, operation: Operation) -> str:
    """The one organisation of the home's consortium that may call it. Raises ``malformed`` where several may."""
    organisations = Consortium.load(home / CONSORTIUM_FILE).organisations
    able = [each.name for each in organisations if not operation.roles or operation.roles & set(each.roles)]
    if len(able) != 1:
        raise NamedError("malformed", f"several may call {operation.name}", f"add --org, one of {', '.join(able)}")
    return able[0]


def _asked(home: Path, org: str, operation: Operation, given: Json, wait_s: int, key: str | None) -> httpx.Response:
    path, rest = operation.path, dict(given)
    for name in operation.path_fields:
        if name not in rest:
            raise NamedError("malformed", f"{name}: is missing", f"add --field {name}=…")
        path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
    # An oracle's key relays and anchors and does nothing else, and the operator's does not relay.
    key_name = "oracle" if operation.scopes == frozenset({access.ORACLE}) else "operator"
    headers = {"Authorization": f"Bearer {api_key(home, org, key_name)}"}
    if wait_s:
        headers["Prefer"] = f"wait={wait_s}"
    if operation.is_command:
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
    running = endpoints(home)
    url = str(running["nodes"].get(org, running["api"])) + path
    query: dict[str, str] | None = None
    if not operation.is_command:
        query = {name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in rest.items()}
    try:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            body = rest if operation.is_command else None
            return client.request(operation.method, url, headers=headers, params=query, json=body)
    except httpx.TransportError as error:
        hint = "is it running? see `wuxin doctor`; a command may be repeated with the same --key"
        raise NamedError("unavailable", f"the node at {url} does not answer: {error!r}", hint) from error


def _document(source: str | None) -> Json:
    """The object of a JSON file, of standard input for `-`; nothing for none."""
    if source is None:
        return {}
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
        document = json.loads(text)
    except (OSError, ValueError) as error:
        raise NamedError("malformed", f"{source} cannot be read as JSON: {error}", "give one JSON object") from error
    if not isinstance(document, dict):
        raise NamedError("malformed", f"{source} is not a JSON object", "give one JSON object")
    return cast(Json, document)


def _fields(operation: Operation) -> dict[str, Field]:
    beside = describe(operation.beside) if operation.beside is not None else ()
    return {field.name: field for field in (*describe(operation.takes), *beside)}


def _assigned(operation: Operation, assignments: Sequence[str]) -> Json:
    """`name=value` by the declared kind: text as it stands, all else as JSON."""
    known = _fields(operation)
    found: Json = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in known:
            hint = f"fields of {operation.name} are {', '.join(known) or 'none'}; write name=value"
            raise NamedError("malformed", f"{name}: is not a field of {operation.name}", hint)
        # A text stands as it is typed, also where it looks like a number: an id "007" keeps its zeros.
        try:
            found[name] = text if known[name].value.kind == "text" else json.loads(text)
        except ValueError as error:
            detail = f"{name}: {text[:80]!r} is no JSON"
            raise NamedError("malformed", detail, "a number, true, false, […] or {…}") from error
    return found


def _read(answer: httpx.Response) -> Json:
    """The answer's object. Raises the problem that it is, if it is one."""
    try:
        document = cast(Json, answer.json())
    except ValueError as error:
        raise NamedError("unavailable", f"the answer is no JSON ({answer.status_code})", "is this a node?") from error
    if not answer.is_success:
        raise NamedError(str(document["code"]), str(document["detail"]), str(document["hint"]))
    return document


def _require_done(operation: Operation, document: Json, wait_s: int, text: str) -> None:
    """A command that failed, or is still pending after a wait, is not done, and its transaction is printed before."""
    if not operation.is_command or operation.name == "cancel_transaction":
        return
    transaction = cast(Json, document["transaction"])
    if transaction["status"] in ("failed", "cancelled"):
        print(text)
        detail, hint = str(transaction["detail"] or "it failed"), str(transaction["hint"] or "")
        raise NamedError(str(transaction["code"]), detail, hint)
    if transaction["status"] == "pending" and wait_s:
        print(text)
        hint = f"ask again: wuxin call get_transaction --field transaction_id={transaction['id']} --wait {wait_s}"
        raise NamedError("unavailable", f"it is still pending after {wait_s} s; it will be delivered", hint)
