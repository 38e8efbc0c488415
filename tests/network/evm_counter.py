"""What the tests of the embedded chain share: a clock to turn by hand, a node, a small contract.

evm_counter.json is evm_counter.sol compiled with solc 0.8.37, evmVersion paris, optimizer runs 1, without metadata.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import EvmNode, open_node
from network.obligations.jsonrpc.abi import ContractAbi
from network.obligations.jsonrpc.chain import Contract, Web3Chain
from wuxin_evidence.crypto.secp256k1 import EvmKey

CHAIN_ID = 7001
START_S = 1_641_114_000
LIMIT = 1_000_000
SEALER = EvmKey.from_bytes(bytes([7] * 32))
ANNA = EvmKey.from_bytes(bytes([1] * 32))
BERT = EvmKey.from_bytes(bytes([2] * 32))

_COMPILED = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
ABI = ContractAbi(_COMPILED["abi"])
RAW_ABI = _COMPILED["abi"]
BYTECODE = bytes.fromhex(_COMPILED["bytecode"][2:])


@dataclass
class HandClock:
    """Stands still until it is turned."""

    ms: int = START_S * 1000

    def now_ms(self) -> int:
        return self.ms


def counter_node(directory: Path, clock: HandClock | None = None, sealer: EvmKey | None = SEALER) -> EvmNode:
    return open_node(directory / "obligations-e1.db", CHAIN_ID, clock or HandClock(), sealer)


def chain_over(endpoint, address: bytes | None = None, key: EvmKey = ANNA) -> Web3Chain:
    contracts = [Contract("Counter", address, ABI)] if address else []
    return Web3Chain("e1", endpoint, CHAIN_ID, contracts, key, poll_s=0.005)


async def deployed_counter(node: EvmNode, key: EvmKey = ANNA, limit: int = LIMIT) -> Web3Chain:
    endpoint = EmbeddedEndpoint(node)
    address = await chain_over(endpoint, key=key).create(BYTECODE, ABI, [limit])
    return chain_over(endpoint, address, key)
