"""The embedded chain as a web3.py provider, in process: `Web3(EmbeddedProvider(node))`.

Only for code that wants web3's own interface; importing web3 takes over a second, and `EmbeddedEndpoint` answers
the same requests without it. web3 expects at most 32 bytes of extraData, so `web3_over` adds the middleware that
every sealed (proof-of-authority) chain needs.
"""

from __future__ import annotations

from typing import Any, cast

from web3 import Web3
from web3.middleware import proof_of_authority
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import EvmNode


class EmbeddedProvider(BaseProvider):
    """A synchronous provider; a sent transaction is mined when the call returns."""

    def __init__(self, node: EvmNode) -> None:
        super().__init__()
        self._endpoint = EmbeddedEndpoint(node)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one JSON-RPC request in this process."""
        return cast(RPCResponse, self._endpoint.make_request(method, params))

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Answer True: the node is in this process."""
        return True


def web3_over(provider: BaseProvider) -> Web3:
    """A `Web3` that reads sealed headers."""
    web3 = Web3(provider)
    web3.middleware_onion.inject(cast(Any, proof_of_authority).ExtraDataToPOAMiddleware, layer=0)
    return web3
