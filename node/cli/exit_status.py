"""Exit statuses of `wuxin`, the same for every command."""

DONE, REFUSED, INCOMPLETE, UNREADABLE, UNAVAILABLE, UNKNOWN = range(6)
"""0 done or valid · 1 refused, invalid or failed · 2 something is missing · 3 unreadable · 4 a ledger, node or broker
is unavailable · 5 published, and not known whether it was admitted."""
