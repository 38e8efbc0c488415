"""The demo: the loop closed once, on recorded data, by the organisations that close it."""
