"""The two ledgers that a node acts on, opened once and bound to each organisation that the process serves."""
