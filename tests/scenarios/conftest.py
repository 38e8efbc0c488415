"""The real ledgers of this folder come up once, and go down with its last test."""

from tests.engines import networks

__all__ = ["networks"]
