"""The HTTP API, one module per resource. Routes are thin: parse, ask or command, answer.

Who may call a route stands in ``node.gate.access``; what a command does on its ledger is decided by chaincode and
contracts, not here. Every module offers ``router``.
"""
