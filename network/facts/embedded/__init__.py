"""The embedded ledgers: both engines on one machine, for evaluation, pilots and tests.

Workflow of a fact, and which module does each step:

    propose    proposal    the client signs a proposal (creator, nonce, transaction id = SHA-256(nonce ‖ creator))
    endorse    endorser    each running endorser checks it, simulates by itself (simulator over a state snapshot), signs
    compare    proposal    all answers must be equal, byte for byte; who deviates is named
    order      orderer     envelopes of all callers are gathered for 5 ms or 500 transactions
    validate   validate    creator signature, repeated id, endorsement policies, read versions
    commit     blocks      block, state, history and index in one SQLite transaction, synced before anybody hears of it
    follow     engine      `blocks` delivers what this or another process committed
    audit      audit_facts the file again from block 0, against a trust file, without any key

`engine` holds one process's share of this, `ledger` is the port over it.

The bytes are Fabric's, so that projection, bundles and verification know one format. Not here: configuration blocks
beyond genesis, gossip, rich queries. Trust: whoever can read all keystores of this home is every organisation at
once. Separation of the organisations begins where their homes are on different machines, with Hyperledger Fabric.
"""
