"""The node: one organisation's door to both ledgers.

    POST ──▶ access (key, scope, role) ──▶ commands (idempotent, durable) ──▶ 202 + transaction
                                               │
                                          delivery ──▶ facts / obligations
                                               │
    GET ◀── read model ◀── projection ◀── blocks and logs of both ledgers

A command is written to ``local.db`` before anyone is told that it was accepted; ``delivery`` carries it to its
ledger and survives a crash between the two. What the API answers is read from ``readmodel.db``, which holds
nothing that cannot be rebuilt from the ledgers (``projection.rebuild``). The node keeps no truth of its own, and
a request for one organisation can only reach the seat of that organisation.
"""
