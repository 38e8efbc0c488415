"""What Wuxin says, in the formats everyone shares, and how an outsider checks it.

    a device signs readings           packs, crypto           -> a pack
    packs are logged                  log                     -> inclusion and consistency
    the oracle attests a window       attestation             -> one digest, k signatures
    both ledgers record it            fabric, evm, comet
    anyone checks all of it           bundle

Nothing in this package touches a network, a disk or a clock. Everything it refuses, it refuses with
`wuxin_evidence.errors.EvidenceError`.
"""
