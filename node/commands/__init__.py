"""Commands: accepted once, kept before they are answered, delivered to their ledger."""
