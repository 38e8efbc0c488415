"""The chaincode as a service that Fabric peers call, and the only part of this room with a network.

serving        a gRPC server: one stream for each peer, one thread for each running transaction
calls          from a peer's TRANSACTION to the COMPLETED that answers it
conversation   one transaction's questions to its peer, and the answers
stub           the port `Stub` over that conversation
messages       the messages of the protocol, as bytes and as frozen values
"""
