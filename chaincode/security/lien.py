"""The lien on a receipt, as the facts say it: one meaning for whoever reads the two records.

The oracle attests it as `lien_active`; from there `Collateral.lien` of the contracts decides whether a lien stands for
a draw, and the contracts' mirror with it.
"""

from collections.abc import Mapping
from typing import Any


def rests(receipt: Mapping[str, Any], pledge: Mapping[str, Any]) -> bool:
    """Whether an accepted pledge rests on the receipt: the pledge is active, and the receipt names it as such."""
    lien: Mapping[str, Any] = receipt.get("lien") or {}
    accepted = pledge.get("status") == "active" and lien.get("status") == "active"
    return accepted and lien.get("pledge_id") == pledge.get("pledge_id")
