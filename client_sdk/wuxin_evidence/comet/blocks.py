"""CometBFT's headers and commits: what is hashed, and what a validator signs.

Reading: ``Header.read`` and ``Commit.read`` take the protobuf bytes that the engine stores. Hashing: ``Header.hash`` is
an RFC 6962 tree over the encoded fields. Signing: a validator signs ``vote_message``, a canonical vote for one block
at one height and round of one chain, with a timestamp of its own. ``verify_commit`` adds up the power of the trusted
validators that did.

A block of height H names the block before it, the transactions of H, and the results of those of H - 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wuxin_evidence.encoding.protobuf import Field, Kind, Message, Values, delimited, read, write
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import tree_head

HASH_BYTES = 32
ADDRESS_BYTES = 20
"""A validator's address: the first bytes of the SHA-256 of its public key."""

SIGNATURES_MAX = 1024
"""Signatures read in one commit; each costs one check, and a consortium has tens of validators."""

PRECOMMIT = 2
"""SignedMsgType of the votes that make a commit."""

ABSENT, COMMIT, NIL = 1, 2, 3
"""BlockIDFlag: what a validator did in the round that decided; only COMMIT is for the block."""

_TIMESTAMP = Message("Timestamp", (Field(1, "seconds", Kind.SIGNED), Field(2, "nanos", Kind.SIGNED)))
_PARTS = Message("PartSetHeader", (Field(1, "total", Kind.UNSIGNED), Field(2, "hash", Kind.BYTES)))
_BLOCK_ID = Message("BlockID", (Field(1, "hash", Kind.BYTES), Field(2, "parts", _PARTS, always=True)))
_VERSION = Message("Consensus", (Field(1, "block", Kind.UNSIGNED), Field(2, "app", Kind.UNSIGNED)))

HEADER = Message(
    "Header",
    (
        Field(1, "version", _VERSION, always=True),
        Field(2, "chain_id", Kind.TEXT),
        Field(3, "height", Kind.SIGNED),
        Field(4, "time", _TIMESTAMP, always=True),
        Field(5, "last_block_id", _BLOCK_ID, always=True),
        Field(6, "last_commit_hash", Kind.BYTES),
        Field(7, "data_hash", Kind.BYTES),
        Field(8, "validators_hash", Kind.BYTES),
        Field(9, "next_validators_hash", Kind.BYTES),
        Field(10, "consensus_hash", Kind.BYTES),
        Field(11, "app_hash", Kind.BYTES),
        Field(12, "last_results_hash", Kind.BYTES),
        Field(13, "evidence_hash", Kind.BYTES),
        Field(14, "proposer_address", Kind.BYTES),
    ),
)
"""tendermint.types.Header; field numbers are the engine's."""

_SIGNATURE = Message(
    "CommitSig",
    (
        Field(1, "flag", Kind.UNSIGNED),
        Field(2, "address", Kind.BYTES),
        Field(3, "timestamp", _TIMESTAMP, always=True),
        Field(4, "signature", Kind.BYTES),
    ),
)

COMMIT_MESSAGE = Message(
    "Commit",
    (
        Field(1, "height", Kind.SIGNED),
        Field(2, "round", Kind.SIGNED),
        Field(3, "block_id", _BLOCK_ID, always=True),
        Field(4, "signatures", _SIGNATURE, repeated=True),
    ),
)
"""tendermint.types.Commit."""

_VOTE = Message(
    "CanonicalVote",
    (
        Field(1, "type", Kind.UNSIGNED),
        Field(2, "height", Kind.FIXED),
        Field(3, "round", Kind.FIXED),
        Field(4, "block_id", _BLOCK_ID),
        Field(5, "timestamp", _TIMESTAMP, always=True),
        Field(6, "chain_id", Kind.TEXT),
    ),
)


@dataclass(frozen=True)
class Header:
    """A block header as read: ``values`` are HEADER's fields, the properties are those that a verdict speaks of."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, raw: bytes) -> "Header":
        """From its protobuf bytes. Raises EvidenceError ``malformed``."""
        values = read(HEADER, raw)
        hashes = [name for name in values if name.endswith("_hash") and name != "app_hash"]
        if any(len(values[name]) not in (0, HASH_BYTES) for name in hashes) or not values["validators_hash"]:
            raise _malformed("a header with a hash that is not 32 bytes")
        return cls(values)

    def raw(self) -> bytes:
        """The protobuf bytes."""
        return write(HEADER, self.values)

    @property
    def chain_id(self) -> str:
        """Name of the chain; every vote signs it, so that a block of one chain never counts on another."""
        return self.values["chain_id"]

    @property
    def height(self) -> int:
        """Number of the block."""
        return self.values["height"]

    @property
    def time_s(self) -> int:
        """Seconds UTC: the median of what the validators of the block before said."""
        return self.values["time"]["seconds"]

    @property
    def previous_hash(self) -> bytes:
        """Hash of the block before, 32 bytes; empty for the chain's first block."""
        last: Values = self.values["last_block_id"]
        return last["hash"]

    @property
    def data_hash(self) -> bytes:
        """Head of the tree over the block's transactions, 32 bytes."""
        return self.values["data_hash"]

    @property
    def last_results_hash(self) -> bytes:
        """Head of the tree over the results of the block before, 32 bytes: results stand in the next header."""
        return self.values["last_results_hash"]

    def hash(self) -> bytes:
        """The block hash: the head of a tree whose leaves are the fields, each encoded by itself."""
        return tree_head(_leaf(field, self.values[field.name]) for field in HEADER.fields)


class Vote(NamedTuple):
    """One validator's part of a commit."""

    flag: int
    address: bytes
    timestamp: Values
    signature: bytes


@dataclass(frozen=True)
class Commit:
    """The precommits that decided a block; ``block_id`` as the engine writes it."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, raw: bytes) -> "Commit":
        """From its protobuf bytes. Raises EvidenceError ``malformed`` or ``too_large``."""
        values = read(COMMIT_MESSAGE, raw)
        if len(values["signatures"]) > SIGNATURES_MAX:
            raise EvidenceError("too_large", "a commit of too many signatures", f"at most {SIGNATURES_MAX}")
        return cls(values)

    def raw(self) -> bytes:
        """The protobuf bytes."""
        return write(COMMIT_MESSAGE, self.values)

    @property
    def height(self) -> int:
        """Number of the block that the commit is for."""
        return self.values["height"]

    @property
    def block_hash(self) -> bytes:
        """Hash of the block that the commit is for, 32 bytes."""
        block: Values = self.values["block_id"]
        return block["hash"]

    @property
    def votes(self) -> tuple[Vote, ...]:
        """The validators' parts in the order of the validator set, those who were absent included."""
        listed: list[Values] = self.values["signatures"]
        return tuple(Vote(each["flag"], each["address"], each["timestamp"], each["signature"]) for each in listed)

    def vote_message(self, chain_id: str, timestamp: Mapping[str, Any]) -> bytes:
        """What a validator signed: its vote for this block, with its length before it."""
        vote = {
            "type": PRECOMMIT,
            "height": self.height,
            "round": self.values["round"],
            "block_id": self.values["block_id"],
            "timestamp": timestamp,
            "chain_id": chain_id,
        }
        return delimited(write(_VOTE, vote))


@dataclass(frozen=True)
class CommitResult:
    """Whose votes hold (addresses, 20 bytes each), their power and the power of all; true above two thirds."""

    signed: tuple[bytes, ...]
    power: int
    total: int

    def __bool__(self) -> bool:
        return 3 * self.power > 2 * self.total

    def require(self) -> None:
        """Raises EvidenceError ``quorum_not_met``."""
        if not self:
            raise EvidenceError(
                "quorum_not_met",
                f"validators with {self.power} of {self.total} power voted for the block; more than two thirds must",
                "compare the trust file's validators with the chain's, or take the commit again",
            )


def validator_address(public_key: bytes) -> bytes:
    """How a commit names the holder of an Ed25519 key (32 bytes)."""
    return sha256(public_key).digest()[:ADDRESS_BYTES]


def verify_commit(header: Header, commit: Commit, validators: Iterable[tuple[bytes, int]]) -> CommitResult:
    """How much of the power of ``validators`` (public key, power) voted for exactly this header.

    A vote that does not hold, or of a stranger, is passed over: it proves nothing and spoils nothing. Raises
    EvidenceError ``malformed`` when the commit is of another block or names a validator twice.
    """
    if commit.height != header.height or commit.block_hash != header.hash():
        raise _malformed(f"the commit is not of the header of block {header.height}")
    known = {validator_address(key): (key, power) for key, power in validators}
    named = [vote.address for vote in commit.votes if vote.address]
    if len(set(named)) != len(named):
        raise _malformed("the commit names a validator twice")
    signed = [
        vote.address
        for vote in commit.votes
        if vote.flag == COMMIT and vote.address in known and _holds(header, commit, vote, known[vote.address][0])
    ]
    power = sum(known[address][1] for address in signed)
    return CommitResult(tuple(signed), power, sum(power for _, power in known.values()))


def time_text(seconds: int) -> str:
    """Seconds UTC as RFC 3339; as a number where the calendar ends."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _holds(header: Header, commit: Commit, vote: Vote, public_key: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(vote.signature, commit.vote_message(header.chain_id, vote.timestamp))
    except (ValueError, InvalidSignature):
        return False
    return True


def _leaf(field: Field, value: Any) -> bytes:
    """A message as itself; a scalar as the one field of a wrapper, or nothing when it is zero or empty."""
    if isinstance(field.kind, Message):
        return write(field.kind, value or {})
    return write(Message("Value", (Field(1, "value", field.kind),)), {"value": value})


def _malformed(what: str) -> EvidenceError:
    return EvidenceError("malformed", what, "take header and commit from the chain again, unchanged")
