"""Derives the code that blocks from the code that awaits: the same text without `async` and `await`."""

from __future__ import annotations

import re

from tests.client.generate import HEAD_OF_SYNC

_CHANGES = [
    (re.compile(pattern), text)
    for pattern, text in (
        (r"\basync (?=def |with |for )", ""),
        (r"\bawait ", ""),
        (r"\bAsync(?=[A-Z])", ""),
        (r"\bAwaitable\[(\w+)\]", r"\1"),
        (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
        (r"\baclose\b", "close"),
        (r"\baiter_bytes\b", "iter_bytes"),
        (r"\basyncio\.sleep\b", "time.sleep"),
        (r"\bwuxin_client\.aio\b", "wuxin_client.sync"),
        (r"with an event loop", "without an event loop"),
    )
]


def derived(path: str, text: str) -> tuple[str, str]:
    """The path and the text of the module in `sync/` that a module in `aio/` stands for."""
    for pattern, replacement in _CHANGES:
        text = pattern.sub(replacement, text)
    is_marked = text.startswith("# Generated")
    return path.replace("aio/", "sync/", 1), text if is_marked else f"{HEAD_OF_SYNC}\n{text}"
