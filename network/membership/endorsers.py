"""Which endorsers of a home are stopped: a mark in the home that every process over an embedded ledger of facts heeds.

run/endorsers/<org>.stopped
"""

from __future__ import annotations

from pathlib import Path

from network.membership.consortium import Consortium, ConsortiumError


def stop_endorser(home: Path, org: str) -> None:
    """From now on no process of this home asks the endorser of `org`. Raises ConsortiumError for who has none."""
    mark = _stopped_mark(home, org)
    _require_endorser(home, org)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def start_endorser(home: Path, org: str) -> None:
    """Undo `stop_endorser`. Raises ConsortiumError for who has none."""
    _require_endorser(home, org)
    _stopped_mark(home, org).unlink(missing_ok=True)


def _require_endorser(home: Path, org: str) -> None:
    if not Consortium.load(home).organisation(org).endorses:
        raise ConsortiumError("organisation", f"{org} does not endorse")


def is_stopped(home: Path, org: str) -> bool:
    """Whether the endorser of `org` was stopped in this home."""
    return _stopped_mark(home, org).exists()


def stopped_endorsers(home: Path) -> list[str]:
    """The organisations whose endorsers were stopped in this home."""
    return sorted(mark.stem for mark in (home / "run" / "endorsers").glob("*.stopped"))


def _stopped_mark(home: Path, org: str) -> Path:
    return home / "run" / "endorsers" / f"{org}.stopped"
