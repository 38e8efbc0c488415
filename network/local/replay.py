"""An audit of the embedded ledger of facts from its file alone, without any key, node or endorser.

Workflow: `replay` opens the file read-only, walks the blocks from genesis, checks hashes, orderer signatures, creators
and endorsements against a trust file, decides each transaction again over a state that it builds itself, and holds
validation codes, state, key policies, private hashes, history and index in the file against its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from network.identities import Roots
from network.local.blocks import enter, statement_of
from network.local.state import Place, State
from network.local.storage import SCHEMA
from network.local.validate import Policies, decide, inspect
from network.ports import Rejected
from wuxin_evidence.canonical import parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric_messages import BlockView, TransactionView, parse_block, validation_code_name
from wuxin_evidence.fabric_proof import verify_block
from wuxin_evidence.trust import Trust

COMPARED = {
    "state": "key, value, policy, block, position",
    "private_hashes": "collection, key_hash, value_hash, block, position",
    "transactions": "tx_id, block, position, code",
    "history": "key, block, position, tx_id, timestamp_s, value",
}
"""Tables that follow from the blocks, with the columns in the order of their keys."""

FINDINGS_MAX = 100
"""After so many differences a person has to look; more lines would not tell more."""


@dataclass(frozen=True)
class Replay:
    """What was replayed and what does not hold; `newest_hash` (hex) is the newest block's header hash."""

    blocks: int
    transactions: int
    valid: int
    newest_hash: str
    findings: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.findings


def replay(path: Path, trust: Trust) -> Replay:
    """Replay the ledger file. Raises FileNotFoundError; what is wrong inside the file is a finding."""
    if not path.exists():
        raise FileNotFoundError(path)
    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as own,
    ):
        own.executescript(SCHEMA)
        replaying = _Replaying(trust, State(own))
        try:
            for (raw,) in file.execute("SELECT block FROM blocks ORDER BY number"):
                replaying.block(raw)
            for table, columns in COMPARED.items():
                replaying.findings.extend(_differences(table, columns, file, own))
        except (sqlite3.Error, EvidenceError) as error:
            replaying.findings.append(f"block {replaying.blocks} cannot be read: {error}")
    return replaying.result()


class _Replaying:
    def __init__(self, trust: Trust, state: State) -> None:
        self.findings: list[str] = []
        self.blocks = 0
        self._trust = trust
        self._state = state
        self._roots = Roots(trust.roots)
        self._policies = Policies(trust.facts.policy_n, trust.facts.policy_organisations)
        self._transactions = self._valid = 0
        self._previous_hash = b""

    def block(self, raw: bytes) -> None:
        block = parse_block(raw)
        if (block.number, block.previous_hash) != (self.blocks, self._previous_hash):
            self.findings.append(f"block {block.number} does not follow the block before it")
        try:
            verify_block(block, self._trust.facts.block_signers, self._trust.facts.block_quorum)
        except EvidenceError as error:
            self.findings.append(f"block {block.number}: {error.detail}")
        if self.blocks == 0:
            self._genesis(raw)
        else:
            self._decide(block)
        self._previous_hash = block.header_hash
        self.blocks += 1

    def result(self) -> Replay:
        findings = tuple(self.findings[:FINDINGS_MAX])
        return Replay(self.blocks, self._transactions, self._valid, self._previous_hash.hex(), findings)

    def _genesis(self, raw: bytes) -> None:
        statement: Any = parse_canonical_json(statement_of(raw))
        if statement["consortium_id"] != self._trust.consortium_id.hex():
            self.findings.append("block 0 is of another consortium")

    def _decide(self, block: BlockView) -> None:
        for transaction in block.transactions:
            self._transactions += 1
            self._valid += transaction.is_valid
            place = self._place(block.number, transaction)
            if place.code != transaction.validation_code:
                self.findings.append(
                    f"block {block.number} transaction {transaction.index} is marked"
                    f" {validation_code_name(transaction.validation_code)}, replayed it is"
                    f" {validation_code_name(place.code)}"
                )

    def _place(self, number: int, transaction: TransactionView) -> Place:
        facts = self._trust.facts
        try:
            candidate = inspect(transaction.envelope, facts.channel, facts.chaincode, self._roots)
        except Rejected as refused:
            self.findings.append(f"block {number} transaction {transaction.index}: {refused.detail}")
            return Place(number, transaction.index, transaction.validation_code)
        place = Place(number, transaction.index, decide(candidate, self._state, self._policies))
        enter(candidate, place, self._state)
        return place


def _differences(table: str, columns: str, file: sqlite3.Connection, own: sqlite3.Connection) -> Iterator[str]:
    """Rows that only one of the two has."""
    query = f"SELECT {columns} FROM {table}"
    found, replayed = set(file.execute(query)), set(own.execute(query))
    for row in sorted(found - replayed, key=repr):
        yield f"{table}: {row[0]!r} in the file does not follow from the blocks"
    for row in sorted(replayed - found, key=repr):
        yield f"{table}: {row[0]!r} follows from the blocks and is not in the file"
