"""A process of its own that submits over a home: python -m tests.network.submitter HOME ORG [FILE_BYTES_MAX]

Reads keys from its input, one per line, claims each with the toy chaincode, and prints one JSON line per outcome,
flushed, only after the ledger acknowledged or refused. With FILE_BYTES_MAX the operating system refuses every write
beyond that size of a file.
"""

import asyncio
import hashlib
import json
import resource
import signal
import sys
from pathlib import Path

from network.clock import SystemClock
from network.facts.embedded.engine import LocalFacts, open_endorser
from network.facts.embedded.ledger import LocalLedger, bind
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.ports import PortError
from tests.network import toy_chaincode


def nonce(org: str, key: str) -> bytes:
    return hashlib.sha256(f"{org} {key}".encode()).digest()[:24]


async def claim(ledger: LocalLedger, org: str, key: str) -> dict[str, object]:
    try:
        commit = await ledger.submit("claim", {"key": key, "value": org}, nonce=nonce(org, key))
        return {"key": key, "outcome": "VALID", "tx_id": commit.tx_id, "block": commit.block}
    except PortError as error:
        return {"key": key, "outcome": getattr(error, "validation_code", error.code)}


def main() -> None:
    home, org = Path(sys.argv[1]), sys.argv[2]
    consortium = Consortium.load(home)
    endorsers = [open_endorser(home, consortium, each.name, toy_chaincode.invoke) for each in consortium.endorsers]
    facts = LocalFacts(home, consortium, endorsers, SystemClock())
    ledger = bind(facts, open_seat(home, org))
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(asyncio.run(claim(ledger, org, line.strip()))), flush=True)
    facts.close()


if __name__ == "__main__":
    main()
