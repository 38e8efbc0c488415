# Derived from its twin in `aio` by `python -m tests.client.generate`: change that one.
"""The SDK for programs without an event loop; `sync` is derived from it."""
