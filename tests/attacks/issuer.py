"""A process of its own that issues receipts: python -m tests.attacks.issuer HOME

Reads one receipt as JSON per line, submits it with the warehouse's seat and the real chaincode, and prints one JSON
line per outcome once the ledger has acknowledged or refused it.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from network.clock import open_clock
from network.facts.embedded.ledger import open_ledger
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.ports import Ledger, PortError


async def issue(ledger: Ledger, receipt: dict[str, Any]) -> dict[str, Any]:
    try:
        commit = await ledger.submit("issue_receipt", receipt)
        return {"outcome": "VALID", "tx_id": commit.tx_id}
    except PortError as error:
        return {"outcome": getattr(error, "validation_code", error.code)}


async def main() -> None:
    home = Path(sys.argv[1])
    consortium = Consortium.load(home)
    ledger = open_ledger(home, consortium, open_seat(home, "warehouse"), open_clock(consortium, home))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await issue(ledger, json.loads(line))), flush=True)
    await ledger.aclose()


if __name__ == "__main__":
    asyncio.run(main())
