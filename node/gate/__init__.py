"""The gate: who may call what, how a refusal is said, and the log of every decision."""
