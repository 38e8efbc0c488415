"""The ledger as one transaction sees it: the stub, records at keys, strict fields, events and refusals.

    bounds           what a field may hold, what it means, and the types of ids
    fields           a JSON object becomes a frozen value, or is refused naming the field
    description      the same for documents and programs: JSON Schema
    stub             the port: what a transition may read, write and ask
    composite_keys   an object type and attributes as one key
    state            frozen values at keys, and back
    events           what a transaction tells those who follow the ledger
    errors           `Refusal`: the one way in which a transition says no

Of receipts, pledges and members this package knows the ids and the keys, and nothing else.
"""
