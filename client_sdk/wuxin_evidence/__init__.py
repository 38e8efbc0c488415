"""What Wuxin says, in the formats everyone shares, and how an outsider checks it.

    a device signs readings           senml, cose, suites     -> a pack
    packs are logged                  log, checkpoint         -> inclusion and consistency
    the oracle attests a window       attestation             -> one digest, k signatures
    both ledgers record it            fabric_proof, evm_proof
    anyone checks all of it           bundle, trust, verify

Nothing in this package touches a network, a disk or a clock. Everything it refuses, it refuses with
`wuxin_evidence.errors.EvidenceError`.
"""
