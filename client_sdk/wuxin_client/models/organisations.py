# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Models of organisations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wuxin_client.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    """A member of the consortium."""

    name: str
    """Its name in the consortium file. At most 512 characters."""
    msp_id: str
    """Its MSP on the ledger of facts. At most 512 characters."""
    uscc: str
    """Its 统一社会信用代码. Source: GB 32100. At most 512 characters."""
    roles: tuple[str, ...]
    """What it is."""
    endorses: bool
    """Whether it runs an endorser of the facts."""
    oracle: bool
    """Whether it sits in the oracle committee."""
    evm_address: str
    """Its address on the chains, 0x hex. At most 512 characters."""
    circles: tuple[str, ...]
    """The lending circles it is in, by chain."""
    extra: Json = field(default_factory=dict[str, Any], compare=False)
    """Fields that this version of the SDK does not know."""
