"""Blocks of an EVM chain, checked from bytes alone: headers, tries, receipts and QBFT seals."""
