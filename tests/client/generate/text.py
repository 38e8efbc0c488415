"""Prose of generated files, wrapped to the width of the house."""

from __future__ import annotations

import unicodedata

WIDTH = 120
QUOTES = '"""'
"""What may still come after the last word of a line."""


def wrapped(text: str, indent: int, hanging: int = 0) -> list[str]:
    """The lines of one paragraph; a Chinese character is as wide as two others."""
    lines, line = list[str](), ""
    for word in text.split():
        lead = " " * (indent + hanging * bool(lines))
        if line and _width(f"{lead}{line} {word}") > WIDTH - len(QUOTES):
            lines.append(lead + line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, " " * (indent + hanging * bool(lines)) + line]


def _width(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def docstring(text: str, indent: int, *blocks: list[str]) -> str:
    """A docstring of paragraphs and ready blocks of lines."""
    lead = " " * indent
    paragraphs = [part for part in text.replace("``", "`").split("\n\n") if part.strip()]
    lines, *others = [wrapped('"""' * (not place) + part, indent) for place, part in enumerate(paragraphs)]
    for block in [*others, *blocks]:
        lines += ["", *block]
    lines = [line.replace("\\", "\\\\") for line in lines]
    if len(lines) == 1:
        return lines[0] + '"""'
    return "\n".join(lines) + f'\n{lead}"""'
