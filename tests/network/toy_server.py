"""The toy chaincode behind a peer: `python -m tests.network.toy_server <arguments of chaincode.server>`."""

import sys

from chaincode.server.calls import Program
from chaincode.server.command import main
from tests.network import toy_chaincode

if __name__ == "__main__":
    sys.exit(main(program=Program(toy_chaincode.invoke, lambda function: function != "pages")))
