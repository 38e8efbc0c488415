"""An audit of an obligations chain from its file and a trust file alone: no node, no sealer's key.

Workflow: each header is held against the one before it and its seal against the trusted sealers; the raw transactions
are run again, at the header's time, on a world that grows here from nothing; roots, bloom and gas of the run must be
those of the header. At the end the file's tables (receipts, logs, accounts, storage) are held row by row against ours.
Then the chain itself is asked: is the attestation feed this release's contract, of this consortium, under the trusted
committees?

The state root of these headers is zero; here the whole state is computed again instead. Importing this module loads
the engine (EELS).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.loader import load_artifact
from network.audit.findings import AttestationKey, Findings, beside, differences, sound_tables
from network.membership.consortium import ClockSetting
from network.obligations.embedded import machine as evm
from network.obligations.embedded.circle import clock_stamp
from network.obligations.embedded.node import BLOCK_GAS_MAX, VANITY_BYTES
from network.obligations.embedded.state import StateStore, WorldState
from network.obligations.embedded.store import ChainStore, prepare
from network.obligations.embedded.types import BlockContext, Message, OutOfTime, TransactionRefused
from network.obligations.jsonrpc.deployment import abi_of
from wuxin_evidence.bundle.trust import Trust, TrustedChain
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import ATTESTATION_ACCEPTED, SEAL_BYTES, Header, decode_header, sealed_by
from wuxin_evidence.evm.trie import ordered_root
from wuxin_evidence.ids import keccak256

COMPARED = ("chain", "block", "tx", "log", "account", "slot", "code")
"""Every table of the file: all of it follows from headers and raw transactions."""

_EMPTY_OMMERS = keccak256(b"\xc0")
_HASH_BYTES = 32


@dataclass
class ObligationsReplayed:
    """How far the chain goes, and the digest (hex) of every attestation that its feed accepted.

    `whole` when it was read to its end.
    """

    whole: bool = False
    blocks: int = 0
    newest_hash: str = ""
    transactions: int = 0
    attestations: dict[AttestationKey, str] = field(default_factory=dict[AttestationKey, str])


def ledger_of(chain: str) -> str:
    """The file of a chain within a home."""
    return f"ledger/obligations-{chain}.db"


def audit_obligations(home: Path, trust: Trust, chain: TrustedChain, findings: Findings) -> ObligationsReplayed:
    """Replay one chain of a home. Raises FileNotFoundError, sqlite3.Error; what is wrong inside is a finding."""
    with beside(home / ledger_of(chain.name), prepare) as own:
        problems = list(sound_tables(own, COMPARED))
        for problem in problems:
            findings.failed(f"{chain.name}: file", problem)
        if problems:
            return ObligationsReplayed()
        findings.held(f"{chain.name}: file", "its tables are this program's and undamaged")
        replaying = _Replaying(own, trust, chain, findings)
        if replaying.all_blocks():
            replaying.conclude()
        return replaying.done


class _Replaying:
    def __init__(self, own: sqlite3.Connection, trust: Trust, chain: TrustedChain, findings: Findings) -> None:
        self.done = ObligationsReplayed()
        self._own = own
        self._trust = trust
        self._chain = chain
        self._findings = findings
        self._store = ChainStore(own)
        self._state = StateStore(own)
        self._created: dict[bytes, bytes] = {}
        self._store.begin_chain(chain.chain_id)

    def all_blocks(self) -> bool:
        """Whether every block could be run again; what follows one that could not cannot be judged."""
        rows = self._own.execute("SELECT header FROM file.block ORDER BY number")
        parent: Header | None = None
        for number, (raw,) in enumerate(rows):
            try:
                parent = self._block(number, raw, parent)
            except OutOfTime as stopped:
                self._findings.missing.append(f"{self._chain.name}: block {number}: {stopped}; use a faster machine")
                return False
            except Exception as error:  # noqa: BLE001 - a hostile file must not end the audit, nor pass it
                told = error.detail if isinstance(error, EvidenceError) else f"{type(error).__name__}: {error}"
                self._fail("blocks", f"block {number} cannot be run again: {told}")
                return False
        if parent is None:
            self._fail("blocks", "the chain has no block")
        return parent is not None

    def conclude(self) -> None:
        done, name = self.done, self._chain.name
        done.whole = True
        for table in COMPARED:
            for difference in differences(self._own, table):
                self._fail("state", difference)
        try:
            self._contracts()
        except (EvidenceError, ValueError, KeyError, TypeError) as error:
            self._fail("contracts", f"they do not answer as this release's do: {error}")
        held = self._findings.held
        held(f"{name}: blocks", f"{done.blocks} blocks, chained and sealed; the newest is {done.newest_hash}")
        held(f"{name}: run again", f"{done.transactions} transactions gave the headers' roots, bloom and gas")
        held(f"{name}: state", "receipts, logs, accounts and storage follow from the raw transactions")
        self._findings.assumed.append(
            f"{name}: no block after {done.blocks - 1} was cut off and no second one sealed; compare with another copy"
        )

    def _block(self, number: int, raw: bytes, parent: Header | None) -> Header:
        header = decode_header(raw)
        self._header(number, raw, header, parent)
        world = WorldState(self._state)
        run = self._run(number, header, world)
        receipts = [each.receipt for each in run.executed]
        raws = [each.transaction.raw for each in run.executed]
        for name, said, found in (
            ("transactions root", header.transactions_root, ordered_root(raws)),
            ("receipts root", header.receipts_root, ordered_root(receipts)),
            ("bloom", header.logs_bloom, run.bloom),
            ("gas used", header.gas_used, run.gas_used),
        ):
            if said != found:
                self._fail("run again", f"block {number}: the {name} of the header is not that of its transactions")
        self._state.write(world)
        block = self._store.append(header, run.executed)
        self._state.remember(world, block.hash)
        self._created |= {each.contract: each.transaction.data for each in run.executed if each.contract}
        self.done.blocks += 1
        self.done.transactions += len(raws)
        self.done.newest_hash = block.hash.hex()
        return header

    def _header(self, number: int, raw: bytes, header: Header, parent: Header | None) -> None:
        for name, said, expected in (
            ("number", header.number, number),
            ("parent", header.parent_hash, parent.hash() if parent else bytes(_HASH_BYTES)),
            ("ommers", header.ommers_hash, _EMPTY_OMMERS),
            ("state root", header.state_root, bytes(_HASH_BYTES)),
            ("difficulty", header.difficulty, 0),
            ("gas limit", header.gas_limit, BLOCK_GAS_MAX),
            ("mix hash", header.mix_hash, bytes(_HASH_BYTES)),
            ("nonce", header.nonce, bytes(8)),
            ("base fee", header.later, (b"",)),
            (
                "extra data",
                header.extra_data[:-SEAL_BYTES],
                clock_stamp(ClockSetting(**self._trust.clock)) if number == 0 else bytes(VANITY_BYTES),
            ),
        ):
            if said != expected:
                self._fail("blocks", f"block {number}: the {name} of the header is not what it must be")
        if parent is not None and header.timestamp < parent.timestamp:
            self._fail("blocks", f"block {number} is older than the block before it")
        self._seal(number, raw, header)

    def _seal(self, number: int, raw: bytes, header: Header) -> None:
        try:
            sealer = sealed_by(raw)
        except EvidenceError as error:
            self._fail("blocks", f"block {number}: {error.detail}")
            return
        if sealer not in self._chain.sealers:
            self._fail("blocks", f"block {number} is sealed by {sealer.hex()}, a stranger to the trust file")
        if sealer != header.coinbase:
            self._fail("blocks", f"block {number} names another coinbase than its sealer")

    def _run(self, number: int, header: Header, world: WorldState) -> evm.BlockRun:
        run = evm.BlockRun(self._context(header), world)
        rows = self._own.execute("SELECT raw FROM file.tx WHERE block = ? ORDER BY position", (number,))
        for position, (raw,) in enumerate(rows):
            try:
                run.apply(evm.decode_transaction(raw, self._chain.chain_id))
            except TransactionRefused as refused:
                raise EvidenceError("malformed", f"transaction {position} can be in no block: {refused}") from refused
        return run

    def _context(self, header: Header) -> BlockContext:
        def hash_of(wanted: int) -> bytes:
            block = self._store.block(wanted)
            return block.hash if block else bytes(_HASH_BYTES)

        return BlockContext(
            self._chain.chain_id, header.number, header.timestamp, header.coinbase, header.gas_limit, hash_of
        )

    def _contracts(self) -> None:
        """Who may attest here, as the replayed chain itself answers; and what its feed accepted."""
        name, feed = self._chain.name, self._chain.feed
        if feed is None:
            self._findings.missing.append(f"{name}: the trust file does not name the attestation feed")
            return
        if not self._created.get(feed, b"").startswith(load_artifact("AttestationFeed").bytecode):
            self._fail("contracts", f"at {feed.hex()} is not this release's AttestationFeed")
            return
        committee = bytes.fromhex(self._ask("AttestationFeed", feed, "committee")[2:])
        if not self._created.get(committee, b"").startswith(load_artifact("OracleCommittee").bytecode):
            self._fail("contracts", f"at {committee.hex()} is not this release's OracleCommittee")
            return
        if self._ask("OracleCommittee", committee, "consortiumId") != "0x" + self._trust.consortium_id.hex():
            self._fail("contracts", "the committee's contract is of another consortium")
        self._committees(committee)
        self._findings.held(f"{name}: contracts", "feed, consortium and committees are those of the trust file")
        self._accepted(feed)

    def _committees(self, contract: bytes) -> None:
        known = {each.epoch: each for each in self._trust.committees}
        for epoch in range(1, self._ask("OracleCommittee", contract, "latestEpoch") + 1):
            trusted = known.get(epoch)
            if trusted is None:
                self._findings.assumed.append(f"{self._chain.name}: committee {epoch} is not in the trust file")
                continue
            found = _members(self._ask("OracleCommittee", contract, "committee", epoch))
            members = {
                ("0x" + each.evm_address.hex(), "0x" + keccak256(each.organisation.encode()).hex())
                for each in trusted.members
            }
            if found != (trusted.threshold, trusted.active_from_s, members):
                self._fail("contracts", f"committee {epoch} is not that of the trust file")

    def _ask(self, contract: str, address: bytes, function: str, *args: Any) -> Any:
        """A view of the replayed chain, at its newest block."""
        abi = abi_of(contract)
        head = self._store.head()
        if head is None:
            raise EvidenceError("not_found", "the chain has no block")
        message = Message(bytes(20), address, abi.encode_call(function, args))
        outcome = evm.call(self._context(decode_header(head.header)), WorldState(self._state), message)
        if outcome.error:
            raise EvidenceError("malformed", f"{contract}.{function} answers {outcome.error}")
        return abi.decode_result(function, outcome.output)

    def _accepted(self, feed: bytes) -> None:
        rows = self._own.execute("SELECT block, topics, data FROM main.log WHERE address = ?", (feed,))
        for block, topics, data in rows:
            event, digest, subject = (topics[at : at + _HASH_BYTES] for at in range(0, 3 * _HASH_BYTES, _HASH_BYTES))
            if event != ATTESTATION_ACCEPTED:
                continue
            kind, sequence = (int.from_bytes(data[at : at + _HASH_BYTES], "big") for at in (0, _HASH_BYTES))
            key = (subject.hex(), kind, sequence)
            if self.done.attestations.setdefault(key, digest.hex()) != digest.hex():
                self._fail("contracts", f"block {block}: the feed accepted two digests for one sequence")

    def _fail(self, check: str, detail: str) -> None:
        self._findings.failed(f"{self._chain.name}: {check}", detail)


def _members(committee: Mapping[str, Any]) -> tuple[int, int, set[tuple[str, str]]]:
    """Threshold, first second, and (signer, keccak256 of the organisation's name) of each member, as hex with 0x."""
    members = {(each["signer"], each["organisation"]) for each in committee["members"]}
    return committee["threshold"], committee["activeFrom"], members
