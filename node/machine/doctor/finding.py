"""One thing that the doctor has looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What was looked at (`where`: a file, a process, a ledger), whether it is `good`, and what was seen.

    `hint` says what to do; it is empty where nothing is wrong.
    """

    good: bool
    where: str
    what: str
    hint: str = ""
