"""Terms of a facility: the one declaration in Python of `ICreditFacility.Terms`.

    Terms.of(facility["terms"])      from what a call decodes, or the read model keeps
    structs.stated(terms)            by the contract's own names, as a call takes them

Names, order and meaning are the contract's, in snake case; a test compares them with the artifact's ABI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from contracts.structs import camel


@dataclass(frozen=True)
class Terms:
    """What lender and borrower agreed; each member is described in `contracts/src/interfaces/ICreditFacility.sol`.

    Addresses are 20 bytes, organisations, subjects, indicators and the rule pack 32; amounts are minor units, rates
    and shares basis points, ages and times seconds.
    """

    lender: bytes
    borrower: bytes
    insurer: bytes
    borrower_organisation: bytes
    storing_organisation: bytes
    quantity_subject: bytes
    lien_subject: bytes
    price_subject: bytes
    quantity_indicator: bytes
    price_indicator: bytes
    quantity_per_price_unit: int
    receipt_quantity: int
    min_quality_bp: int
    advance_rate_bp: int
    rate_bp: int
    day_offset_s: int
    line_minor: int
    draw_fee_minor: int
    quantity_max_age_s: int
    lien_max_age_s: int
    price_max_age_s: int
    maturity_s: int
    rule_pack: bytes

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Terms:
        """Terms from values under the contract's names: integers or decimal text, bytes or hex text with 0x.

        Raises `KeyError` when a member is missing, `ValueError` when a text is neither.
        """
        values: dict[str, Any] = {
            each.name: _plain(stated[camel(each.name)], each.type == "bytes") for each in fields(cls)
        }
        return cls(**values)


def _plain(value: Any, is_bytes: bool) -> int | bytes:
    if is_bytes:
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
    return int(value)
