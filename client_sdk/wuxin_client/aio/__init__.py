"""The SDK for programs with an event loop; `sync` is derived from it."""
