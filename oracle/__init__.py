"""One oracle member: packs of devices go in, attestations that k members signed come out.

    sources/    session    MQTT: a batch of packs in; acknowledged only after the batch is durable
                liens, prices   what a member reads from its own node and file instead of computing it
                replay     a recorded series, signed and published as a device would
    admission   one pack: admitted, a repeat, or refused with a named reason
    storage/    the evidence log, encrypted, with a tree over it; the quarantine of refused packs
    windows     which window a pack belongs to, which packs a statement cites
    operators/  integer formulas over the cited packs, with the parameters of the `profile`
    agreement/  closing        the scheduled statement: members agree on the set, each recomputes, locks, signs
                signatures     k signatures make a `SignedAttestation`
                notes, locks   the members' messages to one another; one digest per sequence, on disk
    alarms      the statement at once, over just the packs it cites
    standing    liens and prices: proposed, confirmed by the members that read the same
    anchors     checkpoints of the log, pinned to the facts
    outbox      durable delivery to the node's API
    member      the state machine over all of these; `process` runs it with its threads: `python -m oracle`

A member signs only what it recomputed from its own store, and only under a lock on disk: one digest per subject, kind
and sequence, for ever.
"""
