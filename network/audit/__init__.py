"""Audits of both embedded ledgers from their files and a trust file: no key, no node, no endorser."""
