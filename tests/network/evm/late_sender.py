"""A process of its own that sends one command and is killed.

    python -m tests.network.evm.late_sender HOME COMMAND_HEX AMOUNT

It prints `sent` when the endpoint has taken the transaction, and never waits for the block.
"""

import asyncio
import sys
import time
from pathlib import Path

from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.obligations.jsonrpc.circle import open_chain
from network.obligations.jsonrpc.sending import Sender


async def main(home: Path, command: bytes, amount: int) -> None:
    connection = Connections.load(home).obligations["e1"]
    bank = open_chain(home, Consortium.load(home), open_seat(home, "bank"), connection)
    send = Sender._send

    async def send_and_stand_still(sender, flight):
        await send(sender, flight)
        print("sent", flush=True)
        time.sleep(60)  # noqa: ASYNC251 -- it is to stand still, not to go on with something else

    Sender._send = send_and_stand_still
    await bank.transact("DepositToken", "mint", [command, bank.address, amount])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])))
