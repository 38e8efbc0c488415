"""What the source has that a reader can meet: commands, problem codes, events, fields, routes, functions.

Collected from the code itself, by running what can be run (the command tree, the parser, the application) and by
reading the rest as syntax trees, so that a page can be held against it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import typer.main
from pydantic import TypeAdapter

from chaincode import contract
from network.membership.consortium import Consortium
from network.obligations.jsonrpc import abi
from node.cli.main import app as command_line
from node.projection.obligations import snake
from wuxin_evidence.bundle import archive as bundle

ROOT = Path(__file__).parents[2]
ROOMS = {
    "evidence": "client_sdk/wuxin_evidence",
    "SDK": "client_sdk/wuxin_client",
    "chaincode": "chaincode",
    "contracts": "contracts",
    "network": "network",
    "oracle": "oracle",
    "node": "node",
}

REFUSALS = frozenset(
    {
        "Blocker", "Duty", "EvidenceError", "KeystoreError", "Malformed", "PortError", "Problem", "Refusal", "Refused",
        "Rejected", "SettingsError", "Unanswered", "Unavailable", "WuxinError",
    }
)  # fmt: skip
"""What carries a code as its first argument, in any room."""

OF_THE_CODE_TABLES = frozenset({"CODE_OF_PARTY", "_STATUS_BY_CODE", "STATUS_OF_CODE", "REVERTED"})
"""Constants that hold codes; of a dictionary the texts among its keys and values, if they look like a code."""

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NOT_A_CODE = frozenset({"owner", "pledgee"})


def commands() -> dict[str, set[str]]:
    """`wuxin …` to the names of its options and the metavars of its arguments."""
    return dict(_commands(cast(Any, typer.main.get_command(command_line)), "wuxin"))


def _commands(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
    if hasattr(command, "commands"):
        for part, child in command.commands.items():
            yield from _commands(child, f"{name} {part}")
        return
    named: set[str] = set()
    for parameter in command.params:
        if parameter.param_type_name == "option":
            named.update(parameter.opts)
        else:
            named.add(str(parameter.metavar or parameter.name).upper())
    yield name, named - {"--help"}


@cache
def problem_codes() -> dict[str, set[str]]:
    """Code to the rooms that say it."""
    found: dict[str, set[str]] = {}
    for room, folder in ROOMS.items():
        for path in (ROOT / folder).rglob("*.py"):
            for code in _codes_of(ast.parse(path.read_text("utf-8"))):
                found.setdefault(code, set()).add(room)
    for name in _declared("error") - abi._FORBIDDEN:
        found.setdefault(abi.snake_case(name), set()).add("contracts")
    return found


def _codes_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name_of(node.func) in REFUSALS:
            yield from _codes_in(node.args[:1])
        elif isinstance(node, ast.ClassDef) and _is_refusal(node):
            yield from _codes_of_class(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _target(node) in OF_THE_CODE_TABLES:
            yield from _codes_in(ast.walk(cast(ast.expr, node.value)))
        elif isinstance(node, ast.FunctionDef) and node.name == "_refusal":
            yield from _codes_in(each.value for each in ast.walk(node) if isinstance(each, ast.Return))


def _is_refusal(node: ast.ClassDef) -> bool:
    return any(_name_of(base) in REFUSALS or _name_of(base) == "Exception" for base in node.bases)


def _codes_of_class(node: ast.ClassDef) -> Iterator[str]:
    """A code that a class fixes for all its instances."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and _name_of(each.func) == "__init__":
            yield from _codes_in(each.args[:1])
        if isinstance(each, ast.Assign | ast.AnnAssign) and _target(each) == "code":
            yield from _codes_in([each.value])


def _codes_in(nodes: Any) -> Iterator[str]:
    for node in nodes:
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _CODE.fullmatch(text) and text not in _NOT_A_CODE:
            yield text


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return _name_of(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def facts_events() -> set[str]:
    """Types of the events that the commands of the chaincode declare."""
    return {event for command in contract.FUNCTIONS.values() for event in command.events}


def obligations_events() -> set[str]:
    """Types under which the node shows the events of the contracts."""
    return {snake(name) for name in _declared("event")}


def _declared(kind: str) -> set[str]:
    """Names of errors or events in the ABIs of all contracts."""
    artifacts = [json.loads(path.read_text("utf-8")) for path in (ROOT / "contracts" / "artifacts").glob("*.json")]
    return {entry["name"] for artifact in artifacts for entry in artifact["abi"] if entry["type"] == kind}


def consortium_fields() -> set[str]:
    """Every field of consortium.toml, as `table.field`."""
    schema = TypeAdapter(Consortium).json_schema(mode="validation")
    return set(_fields(schema, schema, ""))


def _fields(schema: Mapping[str, Any], node: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, each in node["properties"].items():
        target = each.get("items", each)
        if "$ref" in target:
            yield from _fields(schema, schema["$defs"][target["$ref"].rsplit("/", 1)[1]], f"{place}{name}.")
        else:
            yield f"{place}{name}"


def schema_fields() -> set[str]:
    """Every property name of the rule pack schema."""
    document = json.loads((ROOT / "contracts" / "pack-schema.json").read_text("utf-8"))
    return set(_properties(document))


def _properties(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for name, child in cast("dict[str, Any]", node).items():
            if name == "properties":
                yield from child
            yield from _properties(child)
    elif isinstance(node, list):
        for child in cast("list[Any]", node):
            yield from _properties(child)


def bundle_members() -> set[str]:
    """The names that a bundle may hold, what varies taken out, as the pattern of the layout spells them."""
    alternatives = bundle.MEMBER_NAME.pattern.replace("\\.", ".").replace("[0-9a-f]{64}", "")
    return set(_expanded(alternatives))


def _expanded(pattern: str) -> Iterator[str]:
    """Every text that a pattern of literals, groups, alternatives and `?` after a group matches."""
    for alternative in _split(pattern):
        group = re.search(r"\((.*)\)", alternative) and _first_group(alternative)
        if not group:
            yield alternative
            continue
        before, inner, after, is_optional = group
        for middle in [*_expanded(inner), *([""] if is_optional else [])]:
            yield from _expanded(before + middle + after)


def _split(pattern: str) -> Iterator[str]:
    depth = start = 0
    for place, character in enumerate(pattern):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            yield pattern[start:place]
            start = place + 1
    yield pattern[start:]


def _first_group(pattern: str) -> tuple[str, str, str, bool]:
    start = pattern.index("(")
    depth = 0
    for place in range(start, len(pattern)):
        depth += (pattern[place] == "(") - (pattern[place] == ")")
        if depth == 0:
            is_optional = pattern[place + 1 : place + 2] == "?"
            return pattern[:start], pattern[start + 1 : place], pattern[place + 1 + is_optional :], is_optional
    raise ValueError(pattern)
