"""Bringing ledgers up on a machine: what the command line and the demo use, and a running node does not."""
