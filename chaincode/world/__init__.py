"""The ledger as one transaction sees it: the stub, records at keys, strict fields, events and refusals.

    fields           a JSON object becomes a frozen value, or is refused naming the field
    stub             the port: what a transition may read, write and ask
    composite_keys   an object type and attributes as one key
    state            frozen values at keys, and back
    events           what a transaction tells those who follow the ledger
    errors           `Refusal`: the one way in which a transition says no

Nothing in this package knows a receipt or a member.
"""
