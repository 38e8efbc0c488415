"""The tables of the reference that are made from declarations.

    python -m tests.docs.tables            writes them into their pages
    python -m tests.docs.tables --check    only says which pages are behind

A page says where: what stands between `<!-- made from the declarations: NAME -->` and `<!-- made so far -->` is written
here and compared by `test_documentation`.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator

from chaincode.access import ANYONE
from chaincode.contract import FUNCTIONS
from chaincode.declaration import Command
from chaincode.queries import RECORDS
from chaincode.world.bounds import WHOLE_MAX, Count, Text, Whole
from chaincode.world.description import Field, Value, describe, record_types
from node.api.listing import SPAN
from node.api.operation import EVERYWHERE, Operation, Page
from node.api.operations import OPERATIONS
from node.gate.problem_words import WORDS
from tests.docs.pages import DOCS, pages, read

_MADE = re.compile(r"(<!-- made from the declarations: ([a-z ]+) -->\n)(.*?)(<!-- made so far -->)", re.DOTALL)

NOTHING = "–"


def written(page: str) -> str:
    """The page with its tables as the declarations have them now."""
    return _MADE.sub(lambda found: f"{found[1]}\n{MADE[found[2]]()}\n{found[4]}", read(page))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    shown = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join([shown[0], "|" + "---|" * len(lines[0]), *shown[1:]]) + "\n"


def _functions(submitting: bool) -> str:
    head = ["function", "what it does", "", "roles", "party", "arguments", "refuses"]
    commands = [each for each in FUNCTIONS.values() if each.submitting == submitting]
    if submitting:
        return _table([*head, "brings"], ([*_row(each), ", ".join(each.events)] for each in commands))
    return _table([*head, "answers"], ([*_row(each), _answer(each)] for each in commands))


def _row(command: Command) -> list[str]:
    fields = ", ".join(each.name + "?" * (not each.required) for each in describe(command.argument))
    private = "".join(f"; transient `{name}`" for name in command.transient)
    also = f", or {', '.join(sorted(command.also))}" if command.also else ""
    return [
        f"`{command.name}`",
        command.en,
        command.zh,
        "any" if command.roles == ANYONE else ", ".join(sorted(command.roles)),
        (command.party or NOTHING) + also,
        fields + private,
        ", ".join(command.problems) or NOTHING,
    ]


def _answer(command: Command) -> str:
    answered = "" if command.answers is object else _link(next(record_types(command.answers)).__name__)
    return answered or "a document"


def _routes() -> str:
    routed = (each for each in FUNCTIONS.values() if each.path)
    rows = ([f"`{each.name}`", f"`POST /v1{each.path}`", _answer(each)] for each in routed)
    return _table(["function", "route", "answers"], rows)


def _arguments() -> str:
    return "\n".join(_types(each.argument for each in FUNCTIONS.values()))


def _records() -> str:
    answers = [each.answers for each in FUNCTIONS.values() if each.answers is not object]
    arguments = {one for each in FUNCTIONS.values() for one in record_types(each.argument)}
    return "\n".join(_types([*RECORDS.values(), *answers], without=arguments))


def _types(hints: Iterable[object], without: Iterable[type] = ()) -> Iterator[str]:
    """A table for each type, and for what it is made of."""
    shown = set(without)
    for each in (one for hint in hints for one in record_types(hint)):
        if each not in shown:
            shown.add(each)
            head = ["field", "holds", "unit", "meaning", "source"]
            words = " ".join((each.__doc__ or "").split())
            rows = (_field(field) for field in describe(each))
            yield f"### {each.__name__}\n\n{words}\n\n{_table(head, rows)}"


def _field(field: Field) -> list[str]:
    return [f"`{field.name}`", _holds(field.value), field.unit or NOTHING, field.text, field.source or NOTHING]


def _holds(value: Value) -> str:
    return _holds_at_all(value) + " or null" * value.nullable


def _holds_at_all(value: Value) -> str:
    bounds = value.bounds
    if value.record is not None:
        return _link(value.record.__name__)
    if value.items is not None and isinstance(bounds, Count):
        return f"{bounds.minimum} to {bounds.maximum} times: {_holds(value.items)}"
    if isinstance(bounds, Whole):
        most = "2^53−1" if bounds.maximum == WHOLE_MAX else str(bounds.maximum)
        return f"{bounds.minimum} to {most}"
    if isinstance(bounds, Text):
        return (
            ", ".join(f"`{one}`" for one in bounds.choices)
            or f"{bounds.looks_like}, up to {bounds.chars_max} characters"
        )
    return "true or false" if value.kind == "boolean" else "any JSON"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _operations(wanted: Callable[[Operation], bool]) -> str:
    head = ["route", "operation", "scope", "roles", "does", "", "takes", "refuses with, beside what all do"]
    return _table(head, (_offered(each) for each in OPERATIONS if wanted(each)))


def _offered(each: Operation) -> list[str]:
    """A list takes `limit`, `after`, `before`, `since`, `until` beside its filters; the page says so once."""
    span = SPAN if isinstance(each.gives, Page) else ()
    beside = describe(each.beside) if each.beside is not None else ()
    fields = [field for field in (*describe(each.takes), *beside) if field.name not in (*each.path_fields, *span)]
    problems = [code for code in dict.fromkeys(each.problems) if code not in (*EVERYWHERE, "cursor_ahead")]
    return [
        f"`{each.method} {each.path}`",
        f"`{each.name}`",
        " or ".join(sorted(each.scopes)),
        "any" if each.roles in (ANYONE, frozenset()) else ", ".join(sorted(each.roles)),
        each.en,
        each.zh,
        ", ".join(f"`{field.name}`" + "?" * (not field.required) for field in fields) or NOTHING,
        ", ".join(sorted(problems)) or NOTHING,
    ]


def _of_the_facts(each: Operation) -> bool:
    return each.tag in {"devices", "oracle", "assets", "slots", "receipts", "pledges"}


def _words() -> str:
    rows = ([f"`{code}`", each.en, each.zh, each.do_zh] for code, each in sorted(WORDS.items()))
    return _table(["code", "title", "标题", "处理"], rows)


MADE: dict[str, Callable[[], str]] = {
    "functions for the ledger": lambda: _functions(submitting=True),
    "functions that only answer": lambda: _functions(submitting=False),
    "routes": _routes,
    "arguments": _arguments,
    "records": _records,
    "operations on the facts": lambda: _operations(_of_the_facts),
    "operations on the obligations": lambda: _operations(lambda each: each.of_circle),
    "titles in both languages": _words,
    "other operations": lambda: _operations(lambda each: not each.of_circle and not _of_the_facts(each)),
}
"""Name of a table to what writes it."""


if __name__ == "__main__":
    behind = [page for page in pages() if read(page) != written(page)]
    if "--check" in sys.argv[1:]:
        sys.exit(f"{', '.join(behind)}: behind the declarations: run `make generate`" if behind else 0)
    for page in behind:
        (DOCS / page).write_text(written(page), "utf-8")
