"""Keys, signatures and sealing: the registry of suites, SM2 by two providers, secp256k1, sealed bodies."""
