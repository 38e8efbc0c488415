"""Evidence bundles: the archive, its members, the trust file, and the checks that `verify` makes of them.

archive ─▶ case ─▶ check_evidence, check_facts, check_obligations ─▶ verify: a report
"""
