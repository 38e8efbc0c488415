"""Makes the SDK from the API's description: `python -m tests.client.generate` writes what has changed.

document ─▶ models/*.py                    frozen dataclasses, one module per tag
         ─▶ aio/routes/*.py                one method per operation
         ─▶ docs/reference/sdk.md          the table of methods and routes
aio/*.py ─▶ sync/*.py                      the same code without `async` and `await`
"""

HEAD = "# Generated from the API's description by `python -m tests.client.generate`: change that, not this file."
HEAD_OF_SYNC = "# Derived from its twin in `aio` by `python -m tests.client.generate`: change that one."
