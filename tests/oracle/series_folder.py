"""A series file and its mapping on the disk, for the tests that read the one by the other."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from oracle.sources.mapping import load_mapping
from oracle.sources.series import Series, read_series
from wuxin_evidence.errors import EvidenceError

MASS = '[[pack]]\ntime = "at"\nreadings = [{ name = "mass_kg", column = "t", unit = "kg", multiply = 1000 }]\n'
NOON_MS = 1_780_315_200_000
"""2026-06-01T12:00:00Z."""


class Folder:
    """Writes a file and a mapping, and reads the one by the other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, content: str | bytes, keys: str = "", packs: str = MASS) -> Series:
        (self.path / "map.toml").write_text(keys + "\n" + packs, encoding="utf-8")
        raw = content if isinstance(content, bytes) else content.encode()
        (self.path / "a.csv").write_bytes(raw)
        return read_series(self.path / "a.csv", load_mapping(self.path / "map.toml"))

    def refusal(self, content: str | bytes, keys: str = "", packs: str = MASS) -> EvidenceError:
        with pytest.raises(EvidenceError) as refused:
            self.read(content, keys, packs)
        return refused.value


def masses(series: Series) -> list[Decimal | int]:
    return [each.value for due in series.packs for each in due.readings]


def table(*rows: str, head: str = "at,t") -> str:
    return "\n".join((head, *rows)) + "\n"


NOON = "2026-06-01T12:00:00Z"
