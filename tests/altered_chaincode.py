"""One organisation's chaincode gone wrong: it computes something else, or takes too long.

    python -m tests.altered_chaincode wrong|slow <arguments of chaincode.server>

`altered` puts it in the place of an organisation's own, on whichever engine carries the facts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from chaincode import contract
from chaincode.contract import FUNCTIONS, Response
from chaincode.world.stub import Stub
from network.bringup import supervisor
from network.facts.embedded import ledger as local_ledger
from network.facts.embedded.endorser import Endorser
from network.facts.embedded.engine import open_endorser
from network.membership.consortium import Consortium
from tests.engines import Ledgers

Fault = Literal["wrong", "slow"]
SLOW_S = 12.0
"""Longer than any client waits where others have answered, shorter than the server's own deadline."""
LISTENING_TRIES = 200
ROOT = Path(__file__).parents[1]


def wrong(stub: Stub, args: Sequence[bytes]) -> Response:
    """The answer is right; the ledger would get a record more."""
    response = contract.invoke(stub, args)
    if response.status == contract.STATUS_OK and FUNCTIONS[args[0].decode()].submitting:
        stub.put("altered", b"{}")
    return response


def slow(stub: Stub, args: Sequence[bytes]) -> Response:
    """Right, and late, where it is for the ledger."""
    if FUNCTIONS[args[0].decode()].submitting:
        time.sleep(SLOW_S)
    return contract.invoke(stub, args)


@asynccontextmanager
async def altered(ledgers: Ledgers, organisation: str, fault: Fault = "wrong") -> AsyncIterator[None]:
    """From here to the end of the block the organisation's chaincode is altered. On the embedded ledger that holds for
    ledgers that are opened within the block."""
    if ledgers.pair.facts == "embedded":
        with patch.object(local_ledger, "open_endorsers", _endorsers_with(organisation)):
            yield
        return
    home = ledgers.network_home
    program = own_server(home, organisation)
    module = program.argv.index("chaincode.server")
    argv = (*program.argv[:module], "tests.altered_chaincode", fault, *program.argv[module + 1 :])
    await _replace(home, replace(program, argv=argv, env={**program.env, "PYTHONPATH": str(ROOT)}))
    try:
        yield
    finally:
        await _replace(home, program)


async def _replace(home: Path, program: supervisor.Program) -> None:
    """Run this under the name, and wait until it listens; the peer dials it at its next transaction."""
    await asyncio.to_thread(supervisor.start, home, [program])
    host, _, port = program.argv[program.argv.index("--address") + 1].rpartition(":")
    for _ in range(LISTENING_TRIES):
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{program.name} does not listen")


def own_server(home: Path, organisation: str) -> supervisor.Program:
    """The organisation's chaincode server as the supervisor has it listed."""
    programs = supervisor.listed(home)
    return next(programs[name] for name in programs if name.startswith(f"chaincode.{organisation}."))


def _endorsers_with(organisation: str) -> Callable[[Path, Consortium], tuple[Endorser, ...]]:
    def opened(home: Path, consortium: Consortium) -> tuple[Endorser, ...]:
        return tuple(
            open_endorser(home, consortium, each.name, wrong if each.name == organisation else contract.invoke)
            for each in consortium.endorsers
        )

    return opened


if __name__ == "__main__":
    from chaincode.server.calls import FACTS
    from chaincode.server.command import main

    sys.exit(main(sys.argv[2:], replace(FACTS, invoke={"wrong": wrong, "slow": slow}[sys.argv[1]])))
