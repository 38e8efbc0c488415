"""Products: one folder of data for each kind of thing that is lent against.

    <kind>/product.toml   what founding and lending need to know: asset type, valuation, an opening price
    <kind>/profile.json   how readings become indicators
    <kind>/pack.json      the rule pack
    <kind>/sample/        a recorded series with its notice, and the mapping that makes packs of the series
    <kind>/story.toml     what the demo tells with that series

A node knows a profile or a rule pack by the hash that was signed, never by a name in code. Besides the shipped ones a
home may hold a profile of its own (`profile.json`) and further rule packs (`packs/*.json`).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from contracts.documents import STRICT, check
from contracts.loader import RulePack, load_rule_pack
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError

PRODUCTS = Path(__file__).parent
HOME_PACKS = "packs"
"""The folder of a home whose `*.json` are rule packs."""


@dataclass(frozen=True)
class Valuation:
    """What a quantity is worth: floor(quantity × price / `quantity_per_price_unit`), in minor units of the currency."""

    quantity_indicator: str
    price_indicator: str
    quantity_per_price_unit: Annotated[int, Field(ge=1)]
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class StatedPrice:
    """The opening price of each member's own price source, without its date; stated by us and no market price."""

    commodity: str
    price_minor_per_t: Annotated[int, Field(ge=1)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    source: str
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class ProductFile:
    """The fields of `product.toml`.

    `asset_type` is that of the rule packs which are for this kind of thing, `paces` are the speeds, besides 1, that a
    demonstration may run at.
    """

    asset_type: str
    paces: tuple[Annotated[int, Field(ge=2)], ...]
    valuation: Valuation
    price: StatedPrice
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Product:
    """One kind of thing: its folder and what the folder holds; `about` is its `product.toml`."""

    name: str
    folder: Path
    about: ProductFile

    @property
    def valuation(self) -> Valuation:
        """What a quantity of it is worth."""
        return self.about.valuation

    @property
    def pack(self) -> RulePack:
        """The product's rule pack."""
        return load_rule_pack(self.folder / "pack.json")

    @property
    def sample(self) -> Path:
        """The folder with the recorded series."""
        return self.folder / "sample"

    @property
    def story(self) -> Mapping[str, Any]:
        """What the demo tells with the series."""
        return _toml(self.folder / "story.toml")

    def profile(self) -> Path:
        """The profile file."""
        return self.folder / "profile.json"

    def profile_at(self, pace: int) -> dict[str, Any]:
        """The profile for a demonstration that runs `pace` times quicker: its times divided, its name marked.

        Raises `not_found` naming the paces there are.
        """
        document: dict[str, Any] = json.loads(self.profile().read_bytes())
        if pace == 1:
            return document
        if pace not in self.about.paces:
            known = ", ".join(map(str, (1, *self.about.paces)))
            raise EvidenceError("not_found", f"{self.name} has no profile for pace {pace}", f"use one of: {known}")
        for name in ("window_s", "grace_s", "heartbeat_s", "clock_skew_s"):
            document[name] = -(-document[name] // pace)
        return {**document, "name": f"{document['name']}-pace-{pace}"}


@cache
def product(name: str) -> Product:
    """The shipped product of that name. Raises `not_found` naming the products there are."""
    known = sorted(each.parent.name for each in PRODUCTS.glob("*/product.toml"))
    if name not in known:
        raise EvidenceError("not_found", f"no product {name!r} is shipped", f"use one of: {', '.join(known)}")
    return Product(name, PRODUCTS / name, check(ProductFile, _toml(PRODUCTS / name / "product.toml")))


@cache
def products() -> tuple[Product, ...]:
    """Every shipped product, by name."""
    return tuple(product(path.parent.name) for path in sorted(PRODUCTS.glob("*/product.toml")))


def product_of(pack: RulePack) -> Product:
    """The product whose kind of thing a rule pack is for. Raises `not_found` naming the kinds there are."""
    for each in products():
        if each.about.asset_type == pack.content.asset_type:
            return each
    known = ", ".join(each.about.asset_type for each in products())
    raise EvidenceError(
        "not_found", f"no product is a {pack.content.asset_type}, which {pack.id} is for", f"use one of: {known}"
    )


def profiles(home: Path | None = None) -> Mapping[bytes, bytes]:
    """Every known profile as canonical JSON, by the SHA-256 that attestations name: the shipped ones at each pace, and
    the home's own."""
    return _shipped_profiles() if home is None else _profiles_of(home)


def rule_packs(home: Path | None = None) -> Mapping[bytes, RulePack]:
    """Every known rule pack by its hash: the shipped ones, and those in the home's `packs/`.

    A home is read once in the life of a process. Raises `EvidenceError` as `load_rule_pack` does, and `conflict` where
    two different packs have one id.
    """
    return _shipped_packs() if home is None else _packs_of(home)


def rule_pack(name: str, home: Path | None = None) -> RulePack:
    """The rule pack with that id, or with that hash in hex. Raises `not_found` naming the ids there are."""
    known = {pack.id: pack for pack in rule_packs(home).values()}
    known.update({digest.hex(): pack for digest, pack in rule_packs(home).items()})
    if name not in known:
        ids = ", ".join(sorted(pack.id for pack in rule_packs(home).values()))
        raise EvidenceError("not_found", f"no rule pack {name}", f"name one of {ids}")
    return known[name]


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


@cache
def _shipped_profiles() -> Mapping[bytes, bytes]:
    return _by_hash(each.profile_at(pace) for each in products() for pace in (1, *each.about.paces))


@cache
def _profiles_of(home: Path) -> Mapping[bytes, bytes]:
    own = home / "profile.json"
    return {**_shipped_profiles(), **_by_hash(json.loads(file.read_bytes()) for file in (own,) if file.exists())}


def _by_hash(documents: Iterable[dict[str, Any]]) -> dict[bytes, bytes]:
    rows = [canonical_json(document) for document in documents]
    return {hashlib.sha256(row).digest(): row for row in rows}


@cache
def _shipped_packs() -> Mapping[bytes, RulePack]:
    return {pack.hash: pack for pack in (each.pack for each in products())}


@cache
def _packs_of(home: Path) -> Mapping[bytes, RulePack]:
    found = dict(_shipped_packs())
    for path in sorted((home / HOME_PACKS).glob("*.json")):
        pack = load_rule_pack(path)
        twin = next((each for each in found.values() if each.id == pack.id and each.hash != pack.hash), None)
        if twin is not None:
            raise EvidenceError(
                "conflict", f"{path.name}: another rule pack is {pack.id} too", "give it an id of its own"
            )
        found[pack.hash] = pack
    return found
