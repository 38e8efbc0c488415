"""The projection: both ledgers, read once in order, become the rows that the API answers from.

    blocks of facts ──▶ facts.apply_block ──┐
                                            ├──▶ rows + checkpoint, one database transaction
    logs of a chain ──▶ obligations.apply ──┘

Every row is a function of the ledgers alone, so the read model may be deleted at any time and ``rebuild`` makes it
again, equal. Several processes may follow at once: the checkpoint decides, inside the transaction, who was first.
"""
