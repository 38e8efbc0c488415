"""Blocks of a CometBFT chain, checked from bytes alone: headers, commits and the transactions they carry."""
