"""Products: one folder of data for each kind of thing that is lent against.

    <kind>/profile.json   how readings become indicators; profile-pace-N.json is the same for a demo N times quicker
    <kind>/pack.json      the rule pack
    <kind>/sample/        a recorded series with its notice, and the mapping that makes packs of the series

A node knows a profile or a rule pack by the hash that was signed, never by a name in code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from contracts.loader import RulePack, load_rule_pack
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError

PRODUCTS = Path(__file__).parent


@dataclass(frozen=True)
class Product:
    """One kind of thing: its folder and what the folder holds."""

    name: str
    folder: Path

    @property
    def pack(self) -> RulePack:
        """The product's rule pack."""
        return load_rule_pack(self.folder / "pack.json")

    @property
    def sample(self) -> Path:
        """The folder with the recorded series."""
        return self.folder / "sample"

    def profile(self, pace: int = 1) -> Path:
        """The profile file for a demo that runs `pace` times quicker. Raises `not_found` naming the paces there are."""
        path = self.folder / ("profile.json" if pace == 1 else f"profile-pace-{pace}.json")
        if not path.is_file():
            known = ", ".join(sorted(each.stem for each in self.folder.glob("profile*.json")))
            raise EvidenceError("not_found", f"{self.name} has no profile for pace {pace}", f"use one of: {known}")
        return path


def product(name: str) -> Product:
    """The shipped product of that name. Raises `not_found` naming the products there are."""
    folder = PRODUCTS / name
    if folder.parent != PRODUCTS or not (folder / "profile.json").is_file():
        known = ", ".join(sorted(each.parent.name for each in PRODUCTS.glob("*/profile.json")))
        raise EvidenceError("not_found", f"no product {name!r} is shipped", f"use one of: {known}")
    return Product(name, folder)


@cache
def profiles() -> Mapping[bytes, bytes]:
    """Every shipped profile as canonical JSON, by the SHA-256 that attestations name."""
    found: dict[bytes, bytes] = {}
    for path in sorted(PRODUCTS.glob("*/profile*.json")):
        raw = canonical_json(json.loads(path.read_bytes()))
        found[hashlib.sha256(raw).digest()] = raw
    return found


@cache
def rule_packs() -> Mapping[str, RulePack]:
    """Every shipped rule pack, by its id."""
    packs = [load_rule_pack(path) for path in sorted(PRODUCTS.glob("*/pack.json"))]
    return {pack.id: pack for pack in packs}
