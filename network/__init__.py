"""The ledgers that Wuxin connects to, and who it connects as.

Workflow: the consortium file says who takes part (`consortium`); each organisation gets certificates
(`identities`) and an encrypted keystore, which is opened as its seat (`seats`); a seat opens a `Ledger` of facts
and a `Chain` of obligations (`ports`), in the embedded engines of `local/` or against real networks. Time comes
from `clock` only.
"""
