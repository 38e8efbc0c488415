"""Who is who: the consortium file, identities, keystores and seats, homes, and where the ledgers are."""
