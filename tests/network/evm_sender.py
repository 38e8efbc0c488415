"""A process of its own that adds to a counter: python -m tests.network.evm_sender DIRECTORY KEY ADDRESS COUNT [BYTES]

Prints the hash of each transaction, flushed, only after the chain acknowledged it, and "refused CODE" for one that it
did not. With BYTES the operating system refuses every write beyond that size of a file.
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.ports import Unavailable
from tests.network.evm_counter import chain_over, counter_node
from wuxin_evidence.crypto.secp256k1 import EvmKey


async def main() -> None:
    directory, key, address = Path(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
    node = counter_node(directory)
    chain = chain_over(EmbeddedEndpoint(node), address, EvmKey.from_bytes(bytes.fromhex(key)))
    if len(sys.argv) > 5:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), int(sys.argv[5])))
    print("ready", flush=True)
    for _ in range(int(sys.argv[4])):
        try:
            print((await chain.transact("Counter", "add", [1])).tx_hash, flush=True)
        except Unavailable as refusal:
            print("refused", refusal.code, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
