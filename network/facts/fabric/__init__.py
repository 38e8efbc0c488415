"""The ledger of facts on Hyperledger Fabric: the client that the node uses.

Workflow of a fact, and which module does each step:

    propose    network.facts.proposal  the same proposal as on the embedded ledger, signed by the seat
    endorse    gateway           through the own peer's gateway; else `endorsing` asks every peer itself
    order      gateway           to all orderers; ledger asks for the outcome before it sends anything twice
    commit     deliver           the block says where the transaction stands and whether it is valid
    follow     deliver, events   blocks, or the chaincode's events alone, for ever and resumed exactly
    look up    query             what a peer knows about a transaction id, and its height

`ledger` is the port over it. `connection` is the border to gRPC, `wire` the border to Fabric's messages, `failures`
turns Fabric's words into the port's errors, `retry` holds every wait. `offline` is for keys that live elsewhere,
`signers` for keys of other kinds.

Trust: an organisation trusts its own peer, for reads and for what is committed. Through another's peer the hashes
still show that blocks follow each other; that they are the channel's is shown by the orderers' signatures, which
evidence checks.
"""

from network.extras import require_grpc

require_grpc()
