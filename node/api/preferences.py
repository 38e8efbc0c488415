"""Preferences of a request: how long to wait (RFC 7240), in which language to answer, and what the caller has already
(RFC 9110, sections 12.5.4 and 13.1.2).

A preference that cannot be read is ignored, as RFC 7240 asks; of a repeated one the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from node.gate.problems import CHINESE, ENGLISH

WAIT_S_MAX = 60  # longer waits are asked for again; a proxy in between gives up sooner
LANGUAGES = (ENGLISH, CHINESE)

_PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+')
"""One member of the comma-separated list; a comma within a quoted string does not end it."""
_PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+')
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_ESCAPED = re.compile(r"\\(.)")


def wait_of(headers: Iterable[str]) -> int | None:
    """Seconds of the first `wait` preference of these Prefer headers, at most `WAIT_S_MAX`; None where none is asked
    for. Names are compared without case, spaces around `=` and quotes around the value are allowed."""
    for preference in _PREFERENCE.findall(",".join(headers)):
        stated = _PARAMETER.match(preference)
        name, _, value = (stated[0] if stated else "").partition("=")
        if name.strip().lower() != "wait":
            continue
        digits = _unquoted(value.strip())
        if not (digits.isascii() and digits.isdigit()):
            return None
        significant = digits.lstrip("0") or "0"
        return WAIT_S_MAX if len(significant) > len(str(WAIT_S_MAX)) else min(int(significant), WAIT_S_MAX)
    return None


def has_tag(headers: Iterable[str], tag: str) -> bool:
    """Whether these If-None-Match headers name the entity tag, by weak comparison, or any (`*`)."""
    stated = ",".join(headers).strip()
    return stated == "*" or tag in _TAG.findall(stated)


def language_of(header: str | None) -> str:
    """The language that an Accept-Language header prefers among `LANGUAGES`; English where it names neither."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate((header or "").split(",")[:32]):
        tag, _, quality = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(quality)
        if primary in LANGUAGES and weight > 0:
            ranked.append((-weight, place, primary))
    return min(ranked)[2] if ranked else LANGUAGES[0]


def _weight(parameter: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.[0-9]{1,3})?)\s*", parameter.lower())
    return float(found[1]) if found else 0.0 if parameter.strip() else 1.0


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value
