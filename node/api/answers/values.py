"""Values that many answers hold."""

from __future__ import annotations

from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole

BIG = 2**255
"""Amounts of a chain may be as large as its words."""

Block = Annotated[int, Whole(0), Described("The block on its ledger.", example=120)]
TxId = Annotated[str, Text(), Described("The ledger's transaction id, hex.", example="9f" * 32)]
AtS = Annotated[int, Whole(0), Described("When, UTC.", example=1641114000)]
Minor = Annotated[int, Whole(-BIG, BIG)]
