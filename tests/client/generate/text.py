"""Prose of generated files, wrapped to the width of the house."""

from __future__ import annotations

import textwrap

WIDTH = 120


def wrapped(text: str, indent: int, hanging: int = 0) -> list[str]:
    """The lines of one paragraph."""
    lead = " " * indent
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def docstring(text: str, indent: int, *blocks: list[str]) -> str:
    """A docstring of paragraphs and ready blocks of lines."""
    lead = " " * indent
    paragraphs = [part for part in text.replace("``", "`").replace("\\", "\\\\").split("\n\n") if part.strip()]
    lines, *others = [wrapped('"""' * (not place) + part, indent) for place, part in enumerate(paragraphs)]
    for block in [*others, *blocks]:
        lines += ["", *block]
    if len(lines) == 1 and len(lines[0]) + 3 <= WIDTH:
        return lines[0] + '"""'
    return "\n".join(lines) + f'\n{lead}"""'
