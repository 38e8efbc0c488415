"""Code of the node names no product, currency, good or organisation: those are data, in products, demo and a home."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.products import PRODUCTS, products

NODE = PRODUCTS.parent
MODULES = sorted(NODE.rglob("*.py"))
SAID = {"Described", "Field"}
"""Declarations whose examples are there to be read; nothing is computed from them."""


def words() -> set[str]:
    """What the data says, as far as only the data may say it."""
    consortium = tomllib.loads((NODE / "demo" / "consortium.toml").read_text("utf-8"))
    parties = {row[name] for row in consortium["organisation"] for name in ("msp_id", "uscc")}
    currencies = {row["currency"] for row in consortium["circle"]}
    found = parties | currencies
    for each in products():
        receipt, goods = each.story["receipt"], each.story["goods"]
        found |= {each.name, each.pack.id, each.about.asset_type, each.about.price.commodity, receipt["keeper"]}
        found |= {goods["name"], goods["name"].split()[0], receipt["depositor"]["name"]}
    return found


def texts(module: Path) -> Iterator[tuple[int, str]]:
    """Every text and name of a module but its docstrings and the examples of declared fields."""
    tree = ast.parse(module.read_text("utf-8"))
    unsaid: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            unsaid.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID:
            described = [*node.args, *(each.value for each in node.keywords if each.arg in ("example", "examples"))]
            unsaid.update(part for each in described for part in ast.walk(each))
    for node in ast.walk(tree):
        if node in unsaid:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.Name | ast.Attribute):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr


@pytest.mark.parametrize("module", MODULES, ids=[str(each.relative_to(NODE)) for each in MODULES])
def test_a_module_of_the_node_says_no_word_of_the_data(module: Path) -> None:
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE) for word in words()]
    patterns.append(re.compile("grams_?per", re.IGNORECASE))
    for line, text in texts(module):
        for pattern in patterns:
            assert not pattern.search(text), f"node/{module.relative_to(NODE)}:{line} says {text!r}"


def test_the_words_are_those_that_were_in_code_once() -> None:
    assert {"warehouse-stock-1", "CNY", "copper", "copper-cathode", "weighed-stock", "BankMSP"} <= words()


def test_what_is_looked_at_is_what_runs(tmp_path: Path) -> None:
    """A text and a name are seen; a docstring and an example are not."""
    module = tmp_path / "m.py"
    module.write_text('"""CNY"""\nGRAMS_PER_TONNE = 1\nx = f("CNY")\ny = Field(examples=["EUR"], default="USD")\n')
    assert {text for _, text in texts(module)} == {"GRAMS_PER_TONNE", "x", "f", "CNY", "y", "Field", "USD"}
