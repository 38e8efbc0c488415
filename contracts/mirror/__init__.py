"""The contracts' arithmetic in Python: what is owed, what is lent against, what refuses a draw, what undoes a freeze.

    terms       Terms of a facility                        ICreditFacility.Terms
    interest    a debt and its growth, split of a payment   Interest
    collateral  freshness, the lien, value and limit        Collateral
    facility    headroom, position, blockers of a draw      CreditFacility.position, blockers, draw
    reversal    windows of a rule, approvals of a freeze    RuleBook, CreditFacility.approveUnfreeze, unfreeze

The read model answers with these functions and computes nothing itself, so what a bank is told equals what the chain
will do. The equality is shown by vectors: `contracts/forge/Vectors.t.sol` gives the same inputs to the Solidity, and
both must give the same outputs.

Every function is pure and takes integers: no clock, no files, no floats. Python's integers do not overflow; the
contracts' inputs are bounded by their types so that none of their sums does either.
"""
