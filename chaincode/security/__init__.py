"""The security over things: warehouse receipts, pledges of receipts, and the pledge's private terms."""
