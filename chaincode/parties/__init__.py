"""The organisations: the first transaction, the members, and the oracle committee by epoch."""
