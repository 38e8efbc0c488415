"""Agreement of the members: what each signs, the notes they exchange, and how a window is closed."""
