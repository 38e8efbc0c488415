# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""What a node answers and what its commands are made of, as frozen values."""

from wuxin_client.models.attestations import Consistency
from wuxin_client.models.collateral import Blocker, Collateral
from wuxin_client.models.facilities import Reason
from wuxin_client.models.receipts import Depositor, Goods, Insurance
from wuxin_client.models.shared import Event, Transaction

__all__ = ["Blocker", "Collateral", "Consistency", "Depositor", "Event", "Goods", "Insurance", "Reason", "Transaction"]
