"""What is public says what it is: at least 98 of 100 modules, classes and functions of each room have a docstring."""

import ast
from collections.abc import Iterator

import pytest

from tests.docs.inventory import ROOMS, ROOT

SHARE_MIN = 0.98


def public(node: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every class and function that no leading underscore and no function around it makes private."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if each.name.startswith("_"):
                continue
            yield each
            if isinstance(each, ast.ClassDef):
                yield from public(each)
        else:
            yield from public(each)


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_public_in_a_room_is_documented(room: str):
    said, silent = 0, []
    for path in sorted((ROOT / ROOMS[room]).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        for each in (tree, *public(tree)):
            if ast.get_docstring(each):
                said += 1
            else:
                silent.append(f"{path.relative_to(ROOT)}: {getattr(each, 'name', 'the module')}")
    share = said / (said + len(silent))
    assert share >= SHARE_MIN, f"{share:.1%} of {room}; without: {', '.join(silent[:20])}"
