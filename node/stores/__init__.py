"""The two databases of a node: `local.db` for what must survive, `readmodel.db` for what can be rebuilt."""
