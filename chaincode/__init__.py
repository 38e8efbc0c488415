"""The ledger of facts: what is registered, receipted, pledged and attested, and by whose right.

A command is declared once, beside its transition (`declaration`). A call goes one way. `contract.invoke` takes the name
of a command and one canonical JSON object, finds out from the ledger which organisation the caller's MSP belongs to,
asks `access` whether such an organisation may call this command at all, and parses the object: it becomes a frozen
value, or `malformed` names the field (`fields`). Then the transition has four paragraphs in this order:

1. require  existence, party, status: whatever may refuse, refuses here;
2. compute  new frozen records from old ones;
3. write    records, claims, key policies;
4. emit     the events of the transaction, as one list (`events`).

Nothing here reads a clock, draws a number or opens a file: time and identity come from the `stub`, so that every
endorser that simulates the same proposal on the same state gets the same bytes.
"""
