"""One line per step: what was done, on which ledger, under which transaction, and what the ledger said."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from wuxin_client.models import Transaction
from wuxin_evidence.printable import printable

NAME_WIDTH = 34


@dataclass(frozen=True)
class Step:
    """A step of the demo. `result` is committed, refused, reverted, attested, valid or invalid; `at` is clock time."""

    name: str
    ledger: str
    tx_id: str | None
    result: str
    code: str | None
    at: str

    def to_json(self) -> dict[str, str | None]:
        """The object that `wuxin demo --json` prints; its field `act` is a published name."""
        return {
            "act": self.name,
            "ledger": self.ledger,
            "tx_id": self.tx_id,
            "result": self.result,
            "code": self.code,
            "at": self.at,
        }


class UnexpectedResultError(Exception):
    """A step ended otherwise than the story says: the demo stops there."""


class StepLog:
    """Prints steps as they happen, for people or, with `as_json`, one JSON object a line, and keeps them."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.steps: list[Step] = []

    def say(self, text: str) -> None:
        """Print a remark; on standard error where standard output is for JSON."""
        print(printable(text), file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def show(self, step: Step) -> None:
        """Print a step, and keep it."""
        self.steps.append(step)
        if self.as_json:
            print(json.dumps(step.to_json()), flush=True)
            return
        code = f" {step.code}" if step.code else ""
        tx = f"{step.tx_id.removeprefix('0x')[:12]}…" if step.tx_id else "-" * 13
        line = f"{step.at[11:19]}  {step.name:<{NAME_WIDTH}} {step.ledger:<6} {tx}  {step.result}{code}"
        print(printable(line), flush=True)

    def transaction(self, name: str, tx: Transaction, now_ms: int, *, refused_as: str | None = None) -> Transaction:
        """Show a final transaction, which must be committed, or refused with the code that the story expects."""
        expected = "failed" if refused_as else "committed"
        result = "committed" if tx.status == "committed" else ("reverted" if tx.block is not None else "refused")
        self.show(Step(name, tx.ledger, tx.tx_id, result, tx.code, utc(now_ms)))
        if tx.status != expected or tx.code != refused_as:
            wanted = refused_as or "committed"
            raise UnexpectedResultError(
                f"{name}: expected {wanted}, got {tx.code or tx.status}: {tx.detail} ({tx.hint})"
            )
        return tx


def utc(now_ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 with seconds."""
    return datetime.fromtimestamp(now_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
