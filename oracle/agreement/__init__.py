"""How members agree: what they sign, the notes they exchange, and the closing of a window."""
