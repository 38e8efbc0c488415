"""What validators of a CometBFT chain prove to somebody who trusts only their keys.

    commit of H + 1 ── more than two thirds of the trusted power voted for ──▶ header H + 1
    header H + 1    ── last_block_id ─────▶ header H ── data_hash ──▶ the transaction, at its place in the block
                    ── last_results_hash ─▶ the result of the transaction at the same place: status and logs

``verify_comet`` walks this way from the bytes of a ``CometProof``; nothing in it is believed because an endpoint said
so. The state root is not needed: what is proved is that a transaction ran, with which status and which logs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from wuxin_evidence.comet.blocks import Commit, CommitResult, Header, verify_commit
from wuxin_evidence.comet.evm import EvmOutcome, EvmTransaction, read_outcome, read_transaction
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import leaf_hash, verify_inclusion

MEMBERS = tuple(f"comet/{name}" for name in ("header.pb", "next.pb", "commit.pb", "transaction.pb", "result.pb"))
"""The members that hold protobuf bytes, in CometProof's order and below the bundle's folder for the transaction;
``PLACE`` holds what is not a message."""

PLACE = "comet/place.json"


@dataclass(frozen=True)
class CometProof:
    """One transaction's proof: protobuf bytes of header H, header H + 1, the commit of H + 1, the envelope and its
    result; its index of ``total`` in the block, and the paths under both roots, from the leaf upwards.
    """

    header: bytes
    next_header: bytes
    commit: bytes
    transaction: bytes
    result: bytes
    index: int
    total: int
    transaction_path: tuple[bytes, ...]
    result_path: tuple[bytes, ...]

    def members(self, folder: str = "obligations/") -> dict[str, bytes]:
        """As the members of a bundle, in the folder of the transaction that is proved."""
        parts = (self.header, self.next_header, self.commit, self.transaction, self.result)
        place = {
            "index": self.index,
            "total": self.total,
            "transaction_path": [step.hex() for step in self.transaction_path],
            "result_path": [step.hex() for step in self.result_path],
        }
        named = {**dict(zip(MEMBERS, parts, strict=True)), PLACE: canonical_json(place)}
        return {folder + name: raw for name, raw in named.items()}

    @classmethod
    def from_members(cls, members: Mapping[str, bytes], folder: str = "obligations/") -> "CometProof | None":
        """Read ``members``' form; None where a part is not there. Raises EvidenceError ``malformed``."""
        if any(folder + name not in members for name in (*MEMBERS, PLACE)):
            return None
        index, total, transaction_path, result_path = _place(members[folder + PLACE])
        header, following, commit, transaction, result = (members[folder + name] for name in MEMBERS)
        return cls(header, following, commit, transaction, result, index, total, transaction_path, result_path)


@dataclass(frozen=True)
class CometFact:
    """What was shown: the transaction and what it did in the block of ``header``, under whose votes."""

    header: Header
    transaction: EvmTransaction
    outcome: EvmOutcome
    votes: CommitResult


def verify_comet(proof: CometProof, consensus_id: str, validators: Iterable[tuple[bytes, int]]) -> CometFact:
    """Transaction and outcome, once validators (Ed25519 key, power) with more than two thirds of the power are shown
    to have decided them on the chain ``consensus_id``.

    Raises EvidenceError ``quorum_not_met``, ``wrong_aad`` for another chain, ``proof_invalid``, ``malformed``,
    ``bad_signature``, ``not_found``.
    """
    header, transaction, outcome = follow(proof)
    if header.chain_id != consensus_id:
        raise EvidenceError("wrong_aad", f"the block is of the chain {header.chain_id[:80]!r}", "see the trust file")
    votes = verify_commit(Header.read(proof.next_header), Commit.read(proof.commit), validators)
    votes.require()
    return CometFact(header, transaction, outcome, votes)


def follow(proof: CometProof) -> tuple[Header, EvmTransaction, EvmOutcome]:
    """Everything but the votes: that the parts lead from header H + 1 to this transaction and this result.

    Raises EvidenceError ``proof_invalid`` or ``malformed``.
    """
    header, following = Header.read(proof.header), Header.read(proof.next_header)
    if (following.chain_id, following.height, following.previous_hash) != (
        header.chain_id,
        header.height + 1,
        header.hash(),
    ):
        raise _invalid("the second header is not the one after the first")
    index, total = proof.index, proof.total
    transaction = leaf_hash(sha256(proof.transaction).digest())
    verify_inclusion(transaction, index, total, proof.transaction_path, _root(header.data_hash))
    verify_inclusion(leaf_hash(proof.result), index, total, proof.result_path, _root(following.last_results_hash))
    sent, outcome = read_transaction(proof.transaction), read_outcome(proof.result)
    if sent.tx_hash != outcome.tx_hash:
        raise _invalid("the result is of another transaction")
    return header, sent, outcome


def _root(root: bytes) -> bytes:
    if not root:
        raise _invalid("a block that says nothing of its transactions")
    return root


def _place(raw: bytes) -> tuple[int, int, tuple[bytes, ...], tuple[bytes, ...]]:
    value: object = parse_canonical_json(raw)
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(fields) != {"index", "total", "transaction_path", "result_path"}:
        raise _misplaced("it has other fields")
    if type(fields["index"]) is not int or type(fields["total"]) is not int:
        raise _misplaced("index and total are numbers")
    return fields["index"], fields["total"], _path(fields["transaction_path"]), _path(fields["result_path"])


def _path(value: object) -> tuple[bytes, ...]:
    steps = cast("list[object]", value) if isinstance(value, list) else [None]
    try:
        path = tuple(bytes.fromhex(step) for step in steps if isinstance(step, str))
    except ValueError as error:
        raise _misplaced("a path is of hex") from error
    if [step.hex() for step in path] != steps:
        raise _misplaced("a path is a list of lower-case hex")
    return path


def _misplaced(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"{PLACE}: {what}", "ask the chain for the proof again")


def _invalid(what: str) -> EvidenceError:
    return EvidenceError("proof_invalid", what, "ask the chain for the proof again")
