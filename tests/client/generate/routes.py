"""Writes the routes: one module per tag, one method per operation, an iterator beside each list that has pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.client.generate import HEAD
from tests.client.generate.document import Api, Argument, Operation
from tests.client.generate.examples import example_call
from tests.client.generate.text import docstring, wrapped
from tests.client.generate.types import choices, first_sentence, is_nullable, python_type, words

_IMPORTS = """
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, cast

from wuxin_client.aio.core import AsyncRoutes
from wuxin_client.records import Json, Page
from wuxin_client.requests import segment
"""
_WAITING = ("wait_s: float | None = None", "raise_on_failure: bool = True", "idempotency_key: str | None = None")
_ERRORS = {
    "400": "Malformed",
    "401": "Denied",
    "403": "Denied",
    "404": "NotFound",
    "405": "NotFound",
    "413": "Malformed",
    "415": "Malformed",
    "429": "Unavailable",
}
_OF_EVERY_ROUTE = frozenset(
    {"malformed", "too_large", "unsupported_action", "unauthenticated", "forbidden", "cancelled", "internal"}
    | {"unavailable", "idempotency_mismatch", "conflict", "clock_skew"}
)
"""Codes that any route, or any command, may answer; the client's docstring tells of them once."""


def route_files(api: Api) -> dict[str, str]:
    """Path below `wuxin_client` to text."""
    homes = sorted({home_of(each) for each in api.operations})
    files = {f"aio/routes/{home}.py": _module(api, home) for home in homes}
    files["aio/routes/__init__.py"] = _door(homes)
    return files


def home_of(operation: Operation) -> str:
    """The module of a method: its tag, and apart from the questions the commands."""
    tag = re.sub(r"\W", "_", operation.tag)
    return f"{tag}_commands" if operation.kind == "command" else tag


def class_of(home: str) -> str:
    """The class that holds the methods of a module."""
    name = "".join(part.capitalize() for part in home.split("_"))
    return "Async" + (name if home.endswith("_commands") else f"{name}Routes")


def iterator_of(operation: Operation) -> str:
    """The method that goes through all pages of a list."""
    return "iter_" + operation.name.removeprefix("list_")


def _module(api: Api, home: str) -> str:
    about = f"Routes of {home.replace('_', ' ')}" if not home.endswith("_commands") else f"{home.replace('_', ': ')}"
    models = ", ".join(each.name for each in api.records)
    lines = [HEAD, f'"""{about.capitalize()}."""', _IMPORTS, f"from wuxin_client.models import {models}\n"]
    lines.append(f"class {class_of(home)}(AsyncRoutes):")
    lines.append(f'    """{about.capitalize()}; part of `AsyncClient`."""\n')
    for each in [each for each in api.operations if home_of(each) == home]:
        lines.append(_method(api, each))
        if each.is_paged:
            lines.append(_iterator(api, each))
    return "\n".join(lines) + "\n"


def _door(homes: list[str]) -> str:
    imports = "\n".join(f"from wuxin_client.aio.routes.{home} import {class_of(home)}" for home in homes)
    return f'''{HEAD}
"""Every route of a node."""

{imports}

class AsyncEveryRoute({", ".join(map(class_of, homes))}):
    """Every route of a node; `AsyncClient` is this over one sender."""
'''


def _method(api: Api, operation: Operation) -> str:
    waiting = list(_WAITING) if operation.kind == "command" else []
    answer, body = _answer_and_body(api, operation)
    return "\n".join(
        [
            f"    async def {operation.name}({_signature(api, operation.arguments, waiting)}) -> {answer}:",
            docstring(_about(operation), 8, *_blocks(api, operation)),
            f"        return await {body}\n",
        ]
    )


def _iterator(api: Api, operation: Operation) -> str:
    kind = python_type(api, api.item_of(operation), given=False)
    arguments = [each for each in operation.arguments if each.name != "wait"]
    about = f"Goes through all pages of `{operation.name}`, whose arguments these are; `limit` is for one page."
    call = f"self._every({_kind(kind)}, {_path(operation)}, {_query(operation, arguments)})"
    return "\n".join(
        [
            f"    def {iterator_of(operation)}({_signature(api, arguments, [])}) -> AsyncIterator[{kind}]:",
            docstring(about, 8),
            f"        return {call}\n",
        ]
    )


def _answer_and_body(api: Api, operation: Operation) -> tuple[str, str]:
    """The type that a method returns, and the expression that it awaits."""
    path = _path(operation)
    query = _query(operation, list(operation.arguments))
    if operation.kind == "command":
        body = ", ".join(f"{each.name!r}: {each.python}" for each in operation.of("body"))
        # Cancelling is the one command that does not lead to a committed transaction.
        done = ", done='cancelled'" if operation.name == "cancel_transaction" else ""
        return "Transaction", f"self._order({path}, {{{body}}}, wait_s, raise_on_failure, idempotency_key{done})"
    if operation.kind == "bytes":
        return "bytes", f"self._ask_bytes({path}, {query})"
    if operation.kind == "list":
        kind = python_type(api, api.item_of(operation), given=False)
        return f"Page[{kind}]", f"self._page({_kind(kind)}, {path}, {query})"
    kind = python_type(api, operation.answer or {"type": "object"}, given=False)
    return kind, f"self._ask({_kind(kind)}, {path}, {query})"


def _kind(kind: str) -> str:
    """A type as a value; a union needs a cast to be one."""
    return kind if kind.isidentifier() else f'cast("type[{kind}]", {kind})'


def _signature(api: Api, arguments: list[Argument] | tuple[Argument, ...], more: list[str]) -> str:
    """Ids of the path by position, all else by keyword, required ones first."""
    named = [each for each in arguments if each.place != "path"]
    named.sort(key=lambda each: not each.required)
    keywords = [_parameter(api, each) for each in named] + more
    path = [f"{each.python}: str" for each in arguments if each.place == "path"]
    return ", ".join(["self", *path, *(["*", *keywords] if keywords else [])])


def _parameter(api: Api, argument: Argument) -> str:
    kind = python_type(api, argument.schema, given=True)
    if argument.required:
        return f"{argument.python}: {kind}"
    return f"{argument.python}: {kind}{'' if is_nullable(argument.schema) else ' | None'} = None"


def _path(operation: Operation) -> str:
    template = operation.path
    for each in operation.of("path"):
        template = template.replace(f"{{{each.name}}}", f"{{segment({each.python})}}")
    return ("f" if operation.of("path") else "") + f'"{template}"'


def _query(operation: Operation, arguments: list[Argument]) -> str:
    return "{" + ", ".join(f'"{each.name}": {each.python}' for each in arguments if each.place == "query") + "}"


def _about(operation: Operation) -> str:
    text = operation.description.strip() or operation.summary
    first = first_sentence(text)
    rest = " ".join(text.split())[len(first) :].strip()
    sentence = first if first.endswith((".", "!", "?")) else first + "."
    return "\n\n".join(filter(None, [sentence, rest, f"`{operation.method} {operation.path}`"]))


def _blocks(api: Api, operation: Operation) -> Iterator[list[str]]:
    said = [(each.python, _said(api, each)) for each in operation.arguments]
    if said:
        yield ["        Args:", *(line for name, text in said for line in wrapped(f"{name}: {text}", 12, 4))]
    raised = list(_raises(operation))
    if raised:
        yield ["        Raises:", *(line for text in raised for line in wrapped(text, 12, 4))]
    if call := example_call(api, operation):
        yield ["        Example:", *(f"            {line}" for line in call)]


def _said(api: Api, argument: Argument) -> str:
    chosen = choices(argument.schema)
    among = f"One of {', '.join(f'`{each}`' for each in chosen)}." if len(chosen) > 1 else ""
    kind = python_type(api, argument.schema, given=True)
    return " ".join(filter(None, [words(api, argument.schema), among])) or f"{kind}."


def _raises(operation: Operation) -> Iterator[str]:
    """The codes that are this operation's own; what every route raises stands in the client's docstring."""
    codes: dict[str, list[str]] = {}
    for status, named in operation.problems.items():
        error = _ERRORS.get(status, "Unavailable" if status[0] == "5" else "Conflict")
        for code in named:
            if code not in _OF_EVERY_ROUTE:
                codes.setdefault(error, []).append(f"`{code}`")
    for error, named in codes.items():
        yield f"{error}: {', '.join(dict.fromkeys(named))}."
