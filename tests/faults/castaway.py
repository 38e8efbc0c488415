"""One command from an island: what a cut off organisation's own client is told there.

    python -m tests.faults.castaway HOME ORGANISATION facts|obligations KEY PATIENCE_S

It opens the home's connections as the organisation's node does, its own peer and validator before the others', and
sends once what the key stands for (`consortium_load`). It prints {"code", "detail", "hint", "tx_id"}; the code is
`done` for an acknowledged command. `PATIENCE_S` replaces the time for which a gateway is asked for endorsements, and
the minute for which a sent transaction is waited for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from network.clock import SystemClock
from network.facts.fabric import gateway
from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.obligations.jsonrpc import sending
from network.ports import PortError
from node.ledgers.engine import open_facts, open_obligations
from tests.engines import CHAIN
from tests.faults.consortium_load import Side, mint, register


async def command(home: Path, organisation: str, side: Side, key: str) -> dict[str, str]:
    consortium, connections = Consortium.load(home), Connections.load(home)
    seat, clock = open_seat(home, organisation), SystemClock()
    try:
        if side == "facts":
            ledger = open_facts(home, consortium, seat, clock, connections)
            try:
                await register(ledger, consortium, key)
            finally:
                await ledger.aclose()
        else:
            chain = open_obligations(home, consortium, seat, clock, connections, CHAIN, None)
            try:
                await mint(chain, home, key)
            finally:
                await chain.aclose()
    except PortError as told:
        return {"code": told.code, "detail": told.detail, "hint": told.hint, "tx_id": getattr(told, "tx_id", "")}
    return {"code": "done", "detail": "", "hint": "", "tx_id": ""}


def main(home: str, organisation: str, side: Side, key: str, patience_s: str) -> None:
    gateway.ENDORSE_S = sending.RECEIPT_WAIT_S_MAX = float(patience_s)
    print(json.dumps(asyncio.run(command(Path(home), organisation, side, key))))


if __name__ == "__main__":
    main(*sys.argv[1:])  # pyright: ignore[reportArgumentType] -- the side is one of two words
