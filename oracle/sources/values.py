"""Values that a source states about one subject, as opposed to readings, which devices measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceValues:
    """What a source says about one subject: indicator name to value. `since_s` starts its span; 0 means now.

    `standing` is False when there is nothing more to repeat (a released pledge, once attested).
    """

    kind: int
    subject_kind: str
    subject_id: str
    values: Mapping[str, int]
    since_s: int = 0
    standing: bool = True

    @property
    def about(self) -> tuple[str, str]:
        """(kind, id) of the subject."""
        return self.subject_kind, self.subject_id
