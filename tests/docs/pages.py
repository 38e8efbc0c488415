"""The documentation as data: its tables, its shell blocks and its links.

section("reference/cli.md", "wuxin serve")     the text under a heading, up to the next of the same level
first_cells(text)                              the code spans in the first column of every table
shell_block(text, "check a pack")              the fenced block whose first line is `# check a pack`
links("reference/cli.md")                      every relative link, as (target file, fragment)
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def read(page: str) -> str:
    """A page by its path below docs/."""
    return (DOCS / page).read_text("utf-8")


def pages() -> list[str]:
    """Every page, by its path below docs/."""
    return sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def section(page: str, heading: str) -> str:
    """What stands under a heading, its subsections included. Raises KeyError."""
    text = read(page)
    bare = _without_fences(text)
    found = [(each.start(), len(each[1]), each[2].strip("`")) for each in _HEADING.finditer(bare)]
    for place, (start, level, title) in enumerate(found):
        if title == heading:
            ends = (each[0] for each in found[place + 1 :] if each[1] <= level)
            return text[start : next(ends, len(text))]
    raise KeyError(f"docs/{page} has no heading {heading!r}")


def headings(page: str, level: int) -> list[str]:
    """The headings of one level, without their backticks."""
    bare = _without_fences(read(page))
    return [each[2].strip("`") for each in _HEADING.finditer(bare) if len(each[1]) == level]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without the heads and the lines below them."""
    lines = _without_fences(text).splitlines()
    found: list[list[str]] = []
    for number, line in enumerate(lines):
        is_row = line.startswith("|") and not line.startswith("|-")
        is_head = number + 1 < len(lines) and lines[number + 1].startswith("|-")
        if is_row and not is_head:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def first_cells(text: str) -> list[str]:
    """The code spans in the first column: what the rows are about."""
    return [name for row in rows(text) for name in _CODE.findall(row[0])]


def shell_block(text: str, title: str) -> str:
    """The shell commands whose first line is the comment `# title`. Raises KeyError."""
    for language, body in _FENCE.findall(text):
        if language == "sh" and body.startswith(f"# {title}\n"):
            return str(body)
    raise KeyError(f"no shell block begins with '# {title}'")


def links(page: str) -> list[tuple[Path, str]]:
    """Relative links as (file, fragment); a fragment alone is about the page itself."""
    here = DOCS / page
    found: list[tuple[Path, str]] = []
    for target in _LINK.findall(_without_fences(read(page))):
        if "://" not in target:
            name, _, fragment = target.partition("#")
            found.append(((here.parent / name).resolve() if name else here, fragment))
    return found


def anchors(path: Path) -> set[str]:
    """The fragments that a page offers, made as the common renderers make them."""
    titles = [each[2] for each in _HEADING.finditer(_without_fences(path.read_text("utf-8")))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_fences(text: str) -> str:
    """The text with fenced blocks blanked, so that nothing within them is a heading, a row or a link."""
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
