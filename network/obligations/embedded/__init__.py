"""The embedded chain of one lending circle: the Ethereum specification over SQLite.

machine    the engine, and the only module that imports EELS
node       takes transactions, seals blocks, answers reads; state and store keep both
methods    the JSON-RPC of the node; provider and rpc carry it to web3.py and to development tools
circle     the chain of a home's lending circle, and the port of a seat
"""

from network.extras import require_eels

require_eels()
