"""A package with a door is imported through the door: its `__init__`, which says in `__all__` what callers may take."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVIDENCE = ROOT / "client_sdk" / "wuxin_evidence"
ROOMS = ("client_sdk", "chaincode", "contracts", "network", "oracle", "node", "tests")
DOORS = {
    f"wuxin_evidence.{init.parent.name}": init.parent
    for init in EVIDENCE.glob("*/__init__.py")
    if "__all__" in init.read_text()
}


def exported(door: str) -> list[str]:
    tree = ast.parse((DOORS[door] / "__init__.py").read_text())
    (listed,) = (each.value for each in tree.body if isinstance(each, ast.Assign) and "__all__" in ast.dump(each))
    return ast.literal_eval(listed)


def ways_round(source: str) -> list[str]:
    """Imports in this source of a module behind a door, whichever way the import is spelt."""
    behind = {f"{door}.{module.stem}" for door, folder in DOORS.items() for module in folder.glob("[!_]*.py")}
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name in behind]
        elif isinstance(node, ast.ImportFrom) and node.module in behind:
            found.append(node.module)
        elif isinstance(node, ast.ImportFrom) and node.module in DOORS:
            taken = {each.name for each in node.names} - set(exported(node.module))
            found += [f"{node.module}.{name}" for name in sorted(taken)]
    return found


def callers() -> Iterator[Path]:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            if file.parent not in DOORS.values() and not {"node_modules", ".venv"} & set(file.parts):
                yield file


def test_the_packages_that_are_imported_as_one_have_a_door():
    assert set(DOORS) == {"wuxin_evidence.fabric", "wuxin_evidence.attestation"}


def test_nobody_goes_round_a_door():
    round_the_door = {str(file.relative_to(ROOT)): ways for file in callers() if (ways := ways_round(file.read_text()))}

    assert round_the_door == {}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_door_leads_to_every_name_that_it_lists(door: str):
    tree = ast.parse((DOORS[door] / "__init__.py").read_text())
    imported = {each.name for node in tree.body if isinstance(node, ast.ImportFrom) for each in node.names}
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert set(exported(door)) == imported | defined


@pytest.mark.parametrize(
    "source",
    [
        "from wuxin_evidence.fabric.blocks import VALID",
        "import wuxin_evidence.fabric.blocks",
        "import wuxin_evidence.fabric.blocks as blocks",
        "from wuxin_evidence.fabric import blocks",
        "def late():\n    from wuxin_evidence.attestation.committee import Committee",
    ],
)
def test_each_way_round_a_door_is_seen(source: str):
    assert ways_round(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "from wuxin_evidence.fabric import VALID",
        "from wuxin_evidence import attestation",
        "from wuxin_evidence.log.tree import Tree",
    ],
)
def test_the_door_itself_is_no_way_round(source: str):
    assert ways_round(source) == []
