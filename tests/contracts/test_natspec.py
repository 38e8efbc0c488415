"""The interfaces say what they promise: every function, event, error and struct, and every member of a struct."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import build

INTERFACES = sorted((Path(build.__file__).parent / "src" / "interfaces").glob("*.sol"))
DECLARATION = re.compile(r"^    (function|event|error|struct|enum) (\w+)")


def declarations(source: str) -> Iterator[tuple[str, str, str, list[str]]]:
    """Kind, name, the NatSpec above, and the members of a struct or the parameters of a function."""
    lines = source.splitlines()
    for number, line in enumerate(lines):
        found = DECLARATION.match(line)
        if found is None:
            continue
        first = number
        while lines[first - 1].startswith("    ///"):
            first -= 1
        rest = "\n".join(lines[number:])
        members = re.findall(r"(\w+);", rest.split("}")[0]) if found[1] == "struct" else []
        yield found[1], found[2], "\n".join(lines[first:number]), members


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_everything_that_an_interface_declares_is_explained(path: Path) -> None:
    found = list(declarations(path.read_text("utf-8")))
    assert found
    assert not [f"{kind} {name}" for kind, name, told, _ in found if "@notice " not in told]
    assert not [
        f"{name}.{member}" for _, name, told, members in found for member in members if f"@param {member} " not in told
    ]


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_nothing_is_explained_that_a_struct_does_not_have(path: Path) -> None:
    for _, name, told, members in declarations(path.read_text("utf-8")):
        explained = set(re.findall(r"@param (\w+) ", told))
        assert not members or explained == set(members), name


def test_what_changes_something_says_what_it_refuses() -> None:
    for path in INTERFACES:
        source = path.read_text("utf-8")
        for kind, name, told, _ in declarations(source):
            text = re.search(rf"function {name}\([^;]*;", source)
            if kind == "function" and text is not None and "bytes32 commandId" in text[0]:
                assert "Reverts" in told, f"{path.stem}.{name}"
