"""Writes the table of methods and routes in docs/reference/sdk.md."""

from __future__ import annotations

from collections.abc import Iterator

from tests.client.generate.document import Api, Operation
from tests.client.generate.routes import iterator_of
from tests.client.generate.types import python_type

HEADING = "## Methods and routes\n"


def with_table(api: Api, page: str) -> str:
    """The page with a fresh table under its heading, up to the next heading or the end."""
    before, _, after = page.partition(HEADING)
    rest = after.partition("\n## ")
    table = ["| method | route | returns |", "|---|---|---|", *_rows(api)]
    return before + HEADING + "\n" + "\n".join(table) + "\n" + "".join(rest[1:])


def _rows(api: Api) -> Iterator[str]:
    for each in api.operations:
        methods = f"`{each.name}`" + (f", `{iterator_of(each)}`" if each.is_paged else "")
        yield f"| {methods} | `{each.method} {each.path}` | {_returned(api, each)} |"


def _returned(api: Api, operation: Operation) -> str:
    if operation.kind == "command":
        return "`Transaction`"
    if operation.kind == "bytes":
        return "`bytes`"
    if operation.kind == "list":
        return f"`Page[{python_type(api, api.item_of(operation), given=False)}]`"
    return f"`{python_type(api, operation.answer or {'type': 'object'}, given=False)}`".replace("|", "\\|")
