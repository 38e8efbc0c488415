"""`wuxin call`: any operation of the API by its name, on the running node of a home.

    wuxin call issue_receipt --json receipt.json --org warehouse --wait 10
    wuxin call list_receipts --field owner=manufacturer --org bank
    wuxin call issue_receipt --fields

Names, fields and their kinds are those of the declarations, which also complete them in a shell. Prints the answer as
JSON.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
import typer

from chaincode.world.description import Field, describe, example_of
from chaincode.world.fields import plain
from contracts.documents import DocumentError, json_of
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from node.api.operation import ZIP, Operation
from node.api.operations import BY_NAME, OPERATIONS
from node.api.preferences import WAIT_S_MAX
from node.gate import access
from node.machine.homes import api_key, endpoints
from wuxin_evidence.errors import NamedError

Json = dict[str, Any]
VALUE_IN_PATH = r"([^/\s,;:)]+)"
TIMEOUT_S = 90.0  # longer than the longest wait that a node grants


def names_beginning(incomplete: str) -> list[tuple[str, str]]:
    """Operations for a shell to complete: name and what it does."""
    return [(each.name, each.en) for each in OPERATIONS if each.name.startswith(incomplete)]


def fields_beginning(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Fields of the operation that stands on the line: `name=` and what it means."""
    # An option that still lacks its value ends the parsing of the line: what stood before it is left over in `args`.
    line = [context.params.get("command"), *context.args]
    operation = next((BY_NAME[word] for word in line if word in BY_NAME), None)
    fields: list[Field] = [] if operation is None else list(_fields(operation).values())
    return [(f"{each.name}=", each.text) for each in fields if each.name.startswith(incomplete)]


def organisations_beginning(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Organisations of the home on the line: name and roles; none where the home has no consortium."""
    try:
        organisations = Consortium.load(cast(Path, context.params["home"])).organisations
    except (OSError, KeyError, NamedError):
        return []
    return [(each.name, ", ".join(each.roles)) for each in organisations if each.name.startswith(incomplete)]


def operation_list() -> str:
    """Every operation with what it does, a line each."""
    width = max(len(each.name) for each in OPERATIONS)
    return "\n".join(f"{each.name:{width}}  {each.en}" for each in OPERATIONS)


def field_list(command: str) -> str:
    """The fields of an operation: name, whether it may be left out, unit, meaning, example. Raises ``not_found``."""
    return "\n".join(_lines_of(_operation(command)))


def _lines_of(operation: Operation) -> Iterator[str]:
    yield f"{operation.name}: {operation.en}"
    for field in _fields(operation).values():
        needed = "required" if field.required else "optional"
        unit = f", {field.unit}" if field.unit else ""
        yield f"  {field.name} ({needed}{unit}): {field.text}"
        record = field.value.record
        shown = example_of(record) if field.example is ... and record is not None else field.example
        if shown is not ...:
            yield f"      e.g. {json.dumps(plain(shown), ensure_ascii=False)}"


def _operation(name: str) -> Operation:
    """The operation of that name. Raises ``not_found`` with the names that are near."""
    if name in BY_NAME:
        return BY_NAME[name]
    near = [*difflib.get_close_matches(name, BY_NAME, 3), *(each for each in BY_NAME if name and name in each)]
    meant = f"did you mean {' or '.join(list(dict.fromkeys(near))[:3])}? " if near else ""
    raise NamedError("not_found", f"no operation is named {name!r}", f"{meant}All of them: wuxin call --list")


def run(
    home: Path, command: str, org: str | None, stated: str | None, fields: Sequence[str], wait_s: int, key: str | None
) -> str | bytes:
    """Carry an operation out; gives its answer as JSON text, or a file's bytes. Raises NamedError."""
    operation = _operation(command)
    if not 0 <= wait_s <= WAIT_S_MAX:
        raise NamedError("malformed", f"--wait {wait_s}", f"0 to {WAIT_S_MAX} seconds; then ask again")
    given = {**_document(stated), **_assigned(operation, fields)}
    answer = _asked(home, org or _caller(home, operation), operation, given, wait_s, key)
    if operation.media == ZIP and answer.is_success:
        return answer.content
    document = _read(answer)
    text = json.dumps(_without_repetition(document), ensure_ascii=False, indent=2)
    _require_done(operation, document, wait_s, text)
    return text


def as_calls(hint: str) -> str:
    """A hint with the routes that it names written as calls, such as `wuxin call get_facility --field facility_id=…`.

    A path that names a value keeps it; a place that is still open stays open, with the field's own name.
    """
    for operation in sorted(OPERATIONS, key=lambda each: -len(each.path)):
        parts = map(re.escape, re.split(r"\{\w+\}", operation.path))
        route = VALUE_IN_PATH.join(parts) + r"(?![\w/-])"
        hint = re.sub(f"{operation.method} {route}", lambda found, of=operation: _as_call(of, found.groups()), hint)
    return hint


def _as_call(operation: Operation, values: Sequence[str]) -> str:
    given = zip(operation.path_fields, values, strict=True)
    fields = "".join(f" --field {name}={'…' if value[0] in '{<…' else value}" for name, value in given)
    return f"`wuxin call {operation.name}{fields}`"


def _without_repetition(document: Json) -> Json:
    """The answer without `transactions` where that only repeats the one `transaction`."""
    if document.get("transactions") != [document.get("transaction")]:
        return document
    return {name: value for name, value in document.items() if name != "transactions"}


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
        document = json_of(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except FileNotFoundError as error:
        raise NamedError("not_found", f"{source}: no such file", "give a file with one JSON object, or -") from error
    except (OSError, DocumentError) as error:
        hint = "give one JSON object, each field once"
        raise NamedError("malformed", f"{source} cannot be read: {error}", hint) from error
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
            found[name] = text if known[name].value.kind == "text" else json_of(text)
        except DocumentError as error:
            hint = "write a number, true, false, […] or {…}, each field once"
            raise NamedError("malformed", f"{name}: {text[:80]!r}: {error}", hint) from error
    return found


def _read(answer: httpx.Response) -> Json:
    """The answer's object. Raises the problem that it is, if it is one."""
    try:
        document = cast(Json, answer.json())
    except ValueError as error:
        raise NamedError("unavailable", f"the answer is no JSON ({answer.status_code})", "is this a node?") from error
    if not answer.is_success:
        raise NamedError(str(document["code"]), str(document["detail"]), as_calls(str(document["hint"])))
    return document


def _require_done(operation: Operation, document: Json, wait_s: int, text: str) -> None:
    """A command that failed, or is still pending after a wait, is not done, and its transaction is printed before."""
    if not operation.is_command or operation.name == "cancel_transaction":
        return
    transaction = cast(Json, document["transaction"])
    if transaction["status"] in ("failed", "cancelled"):
        print(text)
        detail, hint = str(transaction["detail"] or "it failed"), as_calls(str(transaction["hint"] or ""))
        raise NamedError(str(transaction["code"]), detail, hint)
    if transaction["status"] == "pending" and wait_s:
        print(text)
        hint = f"ask again: wuxin call get_transaction --field transaction_id={transaction['id']} --wait {wait_s}"
        raise NamedError("unavailable", f"it is still pending after {wait_s} s; it will be delivered", hint)
