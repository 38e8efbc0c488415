"""The chaincode as a service that Fabric peers call, and the only part of this room with a network.

command        `python -m chaincode.server`: serve until told to stop
options        which package is served, where, and under which certificates
serving        a gRPC server: one stream for each peer, one thread for each running transaction
stream         one peer's stream, and the transactions that run over it
calls          from a peer's TRANSACTION to the COMPLETED that answers it
conversation   one transaction's questions to its peer, and the answers
stub           the port `Stub` over that conversation
messages       the messages of the protocol, as bytes and as frozen values
"""
