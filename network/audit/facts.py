"""An audit of the ledger of facts from its file and a trust file alone: no key, no node, no endorser.

Workflow: each block is held against the one before it and against the trusted block signers; each transaction's
certificates, signatures, id and endorsements are checked again and its validation code is decided again over a state
that grows here from nothing; each valid one is run again with the chaincode and must come to the endorsed result. At
the end the file's tables are held row by row against ours: whoever changed what the node reads is named by key.

Trust: the trust file, this program and the certificates' owners. Not shown by any file: that newer blocks were not cut
off. Compare the height and the newest hash with another member's copy.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network.audit.findings import AttestationKey, Findings, beside, differences, sound_tables
from network.audit.rerun import rerun
from network.facts.embedded.blocks import enter, statement_of
from network.facts.embedded.state import Place, State
from network.facts.embedded.storage import SCHEMA
from network.facts.embedded.validate import Candidate, Policies, decide, inspect
from network.membership.identities import Roots
from network.ports import Rejected
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.encoding.canonical import parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    COMMON,
    ENDORSER_TRANSACTION,
    SIGNATURES,
    TRANSACTIONS_FILTER,
    VALID,
    BlockView,
    TransactionView,
    parse,
    parse_block,
    require_exact_block,
    validation_code_name,
    verify_block,
)

LEDGER = "ledger/facts.db"

FILE, BLOCKS, GENESIS = "facts: file", "facts: blocks", "facts: genesis"
TRANSACTIONS, CODES, RERUN = "facts: transactions", "facts: validation codes", "facts: run again"
STATE, MEMBERS = "facts: state", "facts: members"

COMPARED = ("state", "private_hashes", "transactions", "history")
"""Tables that follow from the blocks."""


@dataclass
class FactsReplayed:
    """How far the ledger goes, and the digest (hex) of every attestation on it; `whole` when it was read to its end."""

    whole: bool = False
    blocks: int = 0
    newest_hash: str = ""
    transactions: int = 0
    valid: int = 0
    private: int = 0
    attestations: dict[AttestationKey, str] = field(default_factory=dict[AttestationKey, str])


def audit_facts(home: Path, trust: Trust, findings: Findings) -> FactsReplayed:
    """Replay the facts of a home. Raises FileNotFoundError, sqlite3.Error; what is wrong inside is a finding."""
    with beside(home / LEDGER, lambda own: own.executescript(SCHEMA)) as own:
        problems = list(sound_tables(own, ("blocks", *COMPARED)))
        for problem in problems:
            findings.failed(FILE, problem)
        if problems:
            return FactsReplayed()
        findings.held(FILE, "its tables are this program's and undamaged")
        replaying = _Replaying(own, trust, findings)
        if replaying.all_blocks():
            replaying.conclude(own)
        return replaying.done


class _Replaying:
    def __init__(self, own: sqlite3.Connection, trust: Trust, findings: Findings) -> None:
        self.done = FactsReplayed()
        self._own = own
        self._trust = trust
        self._findings = findings
        self._state = State(own)
        self._roots = Roots(trust.roots)
        self._policies = Policies(trust.facts.policy_n, trust.facts.policy_organisations)
        self._previous_hash = b""

    def all_blocks(self) -> bool:
        """Whether every block could be read; what follows an unreadable one cannot be judged."""
        rows = self._own.execute("SELECT number, header_hash, block FROM file.blocks ORDER BY number")
        for expected, (number, header_hash, raw) in enumerate(rows):
            try:
                block = _read(raw)
                self._block(expected, block)
            except Exception as error:  # noqa: BLE001 - a hostile file must not end the audit, nor pass it
                self._findings.failed(BLOCKS, f"block {expected} cannot be replayed: {_told(error)}")
                return False
            if (number, header_hash) != (expected, block.header_hash):
                self._findings.failed(BLOCKS, f"block {expected} is filed as number {number} or under another hash")
        if not self.done.blocks:
            self._findings.failed(BLOCKS, "the ledger has no block")
        return self.done.blocks > 0

    def conclude(self, own: sqlite3.Connection) -> None:
        done, findings = self.done, self._findings
        done.whole = True
        for table in COMPARED:
            for difference in differences(own, table):
                findings.failed(STATE, difference)
        findings.held(BLOCKS, f"{done.blocks} blocks, chained and signed; the newest is {done.newest_hash}")
        findings.held(GENESIS, f"consortium {self._trust.consortium_id.hex()}, clock and policies of the trust file")
        findings.held(TRANSACTIONS, f"{done.transactions} transactions, {done.valid} of them valid")
        findings.held(CODES, f"{done.transactions} validation codes decided again")
        findings.held(RERUN, f"{done.valid} valid transactions came to the endorsed result again")
        findings.held(STATE, "state, key policies, private hashes, index and history follow from the blocks")
        try:
            self._records()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            findings.failed(MEMBERS, f"a record is not what the chaincode writes: {_told(error)}")
        if done.private:
            findings.assumed.append(
                f"facts: {done.private} transactions ran again without their private terms, whose hashes stand"
            )
        findings.assumed.append("facts: sealed private values are not opened; only their organisations can")
        findings.assumed.append(f"facts: no block after {done.blocks - 1} was cut off; compare with another copy")

    def _block(self, expected: int, block: BlockView) -> None:
        facts = self._trust.facts
        if block.number != expected:
            self._findings.failed(BLOCKS, f"block {expected} says that it is block {block.number}")
        if block.previous_hash != self._previous_hash:
            self._findings.failed(BLOCKS, f"block {expected} does not follow the block before it")
        try:
            verify_block(block, facts.block_signers, facts.block_quorum)
        except EvidenceError as error:
            self._findings.failed(BLOCKS, f"block {expected}: {error.detail.removeprefix(f'block {expected} ')}")
        if expected == 0:
            self._genesis(block)
        else:
            for transaction in block.transactions:
                self._transaction(expected, transaction)
        self._previous_hash = block.header_hash
        self.done.newest_hash = block.header_hash.hex()
        self.done.blocks += 1

    def _genesis(self, block: BlockView) -> None:
        kinds = [(each.header_type == ENDORSER_TRANSACTION, each.validation_code) for each in block.transactions]
        if kinds != [(False, VALID)]:
            self._findings.failed(GENESIS, "block 0 is not one valid configuration")
        statement: Any = parse_canonical_json(statement_of(block.raw))
        for name, said, trusted in _statement_pairs(statement, self._trust):
            if said != trusted:
                self._findings.failed(GENESIS, f"block 0 names {name} {said!r}, the trust file {trusted!r}")

    def _transaction(self, number: int, transaction: TransactionView) -> None:
        where = f"block {number} transaction {transaction.index}"
        self.done.transactions += 1
        try:
            facts = self._trust.facts
            candidate = inspect(transaction.envelope, facts.channel, facts.chaincode, self._roots)
        except Rejected as refused:
            self._findings.failed(TRANSACTIONS, f"{where} could never be ordered: {refused.detail}")
            return
        place = Place(number, transaction.index, decide(candidate, self._state, self._policies))
        if place.code != transaction.validation_code:
            marked, decided = validation_code_name(transaction.validation_code), validation_code_name(place.code)
            self._findings.failed(CODES, f"{where} is marked {marked}, decided again it is {decided}")
        if place.code == VALID:
            self._run_again(where, candidate)
        enter(candidate, place, self._state)

    def _run_again(self, where: str, candidate: Candidate) -> None:
        found = rerun(candidate.view, self._state)
        self.done.valid += 1
        self.done.private += found.private
        for difference in found.differences:
            self._findings.failed(RERUN, f"{where}, {candidate.view.function}: {difference}")

    def _records(self) -> None:
        """What the replayed state says of the consortium, beside what the trust file says; and its attestations."""
        records = {key: json.loads(value) for key, value in self._own.execute("SELECT key, value FROM main.state")}
        for name, said, trusted in _record_pairs(records, self._trust):
            if said != trusted:
                self._findings.failed(MEMBERS, f"{name} on the ledger is not that of the trust file")
        known = {each.epoch for each in self._trust.committees}
        for key, record in records.items():
            kind, _, rest = key.partition("/")
            if kind == "committee" and record["epoch"] not in known:
                self._findings.assumed.append(f"facts: the committee of epoch {rest} is not in the trust file")
            elif kind == "attestation":
                subject, said_kind, sequence = rest.split("/")
                self.done.attestations[subject, int(said_kind), int(sequence)] = record["digest"]
        self._findings.held(MEMBERS, "consortium, members and committees are those of the trust file")


def _read(raw: object) -> BlockView:
    """A block whose every byte has a meaning. Raises EvidenceError `malformed`."""
    if not isinstance(raw, bytes):
        raise EvidenceError("malformed", "the block is not kept as bytes")
    require_exact_block(raw)
    places = list(parse(COMMON.Block, raw).metadata.metadata)
    if any(place for at, place in enumerate(places) if at not in (SIGNATURES, TRANSACTIONS_FILTER)):
        raise EvidenceError("malformed", "the block carries metadata that nobody signed")
    return parse_block(raw)


def _statement_pairs(statement: Mapping[str, Any], trust: Trust) -> list[tuple[str, object, object]]:
    """Name, what block 0 says, what the trust file says."""
    facts = statement["facts"]
    endorsing = sorted(each["msp_id"] for each in statement["organisations"] if each["endorses"])
    return [
        ("the consortium", statement["consortium_id"], trust.consortium_id.hex()),
        ("the clock", statement["clock"], trust.clock),
        ("the channel", (facts["channel"], facts["chaincode"]), (trust.facts.channel, trust.facts.chaincode)),
        ("as needed endorsements", facts["endorsements"], trust.facts.policy_n),
        ("as endorsing organisations", endorsing, sorted(trust.facts.policy_organisations)),
    ]


def _record_pairs(records: Mapping[str, Any], trust: Trust) -> list[tuple[str, object, object]]:
    consortium = records.get("consortium", {})
    members = {
        (record["organisation"], record["msp_id"], tuple(sorted(record["roles"])))
        for key, record in records.items()
        if key.startswith("member/")
    }
    trusted = {(each.name, each.msp_id, tuple(sorted(each.roles))) for each in trust.organisations}
    said = (consortium.get("consortium_id"), consortium.get("clock"))
    pairs: list[tuple[str, object, object]] = [
        ("the consortium", said, (trust.consortium_id.hex(), trust.clock)),
        ("the list of members", members, trusted),
    ]
    for committee in trust.committees:
        expected = committee.to_json()
        record = records.get(f"committee/{committee.epoch}", {})
        pairs.append((f"committee {committee.epoch}", {name: record.get(name) for name in expected}, expected))
    return pairs


def _told(error: Exception) -> str:
    return error.detail if isinstance(error, EvidenceError) else f"{type(error).__name__}: {error}"
