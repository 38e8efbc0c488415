"""`python -m chaincode.server`: one organisation's chaincode server."""

import sys

from chaincode.server.command import main

if __name__ == "__main__":
    sys.exit(main())
