"""The ledger of facts: what is registered, receipted, pledged and attested, and by whose right.

A call goes one way. `contract.invoke` takes the function name and one canonical JSON object, finds out from the ledger
which organisation the caller's MSP belongs to, asks `access` whether such an organisation may call this function at
all, and hands over to a transition. Every transition has five paragraphs in this order:

1. parse    the object becomes a frozen value, or `malformed` names the field (`fields`);
2. require  existence, party, status: whatever may refuse, refuses here;
3. compute  new frozen records from old ones;
4. write    records, claims, key policies;
5. emit     the events of the transaction, as one list (`events`).

Nothing here reads a clock, draws a number or opens a file: time and identity come from the `stub`, so that every
endorser that simulates the same proposal on the same state gets the same bytes.
"""
