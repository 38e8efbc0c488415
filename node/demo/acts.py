"""One line per act: what was done, on which ledger, under which transaction, and what the ledger said."""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from wuxin_client.models import Transaction
from wuxin_evidence.printable import printable

NAME_WIDTH = 34


@dataclass(frozen=True)
class Act:
    """An act of the demo. `result` is committed, refused, reverted, attested, valid or invalid; `at` is clock time."""

    act: str
    ledger: str
    tx_id: str | None
    result: str
    code: str | None
    at: str


class UnexpectedResultError(Exception):
    """An act ended otherwise than the story says: the demo stops there."""


class Programme:
    """Prints acts as they happen, for people or, with `as_json`, one JSON object a line, and keeps them."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.acts: list[Act] = []

    def say(self, text: str) -> None:
        """A remark; on standard error where standard output is for JSON."""
        print(printable(text), file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def show(self, act: Act) -> None:
        """Print an act, and keep it."""
        self.acts.append(act)
        if self.as_json:
            print(json.dumps(asdict(act)), flush=True)
            return
        code = f" {act.code}" if act.code else ""
        tx = f"{act.tx_id.removeprefix('0x')[:12]}…" if act.tx_id else "-" * 13
        line = f"{act.at[11:19]}  {act.act:<{NAME_WIDTH}} {act.ledger:<6} {tx}  {act.result}{code}"
        print(printable(line), flush=True)

    def transaction(self, name: str, tx: Transaction, now_ms: int, *, refused_as: str | None = None) -> Transaction:
        """Shows a final transaction; it must be committed, or refused with the code that the story expects."""
        expected = "failed" if refused_as else "committed"
        result = "committed" if tx.status == "committed" else ("reverted" if tx.block is not None else "refused")
        self.show(Act(name, tx.ledger, tx.tx_id, result, tx.code, utc(now_ms)))
        if tx.status != expected or tx.code != refused_as:
            wanted = refused_as or "committed"
            raise UnexpectedResultError(
                f"{name}: expected {wanted}, got {tx.code or tx.status}: {tx.detail} ({tx.hint})"
            )
        return tx


def utc(now_ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 with seconds."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
