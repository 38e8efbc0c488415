"""One oracle member: what devices say goes in, attestations that k members signed come out.

    session    MQTT: a batch of packs in; acknowledged only after it is durable
    admission  one pack: admitted, a repeat, or refused with a named reason (then kept by `quarantine`)
    store      the evidence log: envelopes encrypted, leaf hashes in the clear, tree over them
    windows    which window a pack belongs to, which packs a statement cites
    indicators integer formulas over the cited packs, parameters from the `profile`
    closing    the scheduled statement: members agree on the set, each recomputes, locks, signs
    alarm      the statement at once, over just the packs it cites
    standing   liens and prices: what members read from their own node and file instead of computing
    committee  the three of them over signed `notes`; k signatures make a `SignedAttestation`
    outbox     durable delivery to the node's API
    worker     what a member does with what it hears; `member` is the process around it: `python -m oracle`

A member signs only what it recomputed from its own store, and only under a lock on disk (`locks`): one digest per
subject, kind and sequence, for ever.
"""
