"""Read-write sets: what a transaction saw and what it changes.

An endorser simulates, collects one ``NamespaceChanges`` and calls ``encode_rwset``; a reader calls
``decode_rwset``. Private values appear by hash only: ``private_writes`` makes the clear part that members
keep, and ``HashedCollection.of`` the part that enters the block.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from wuxin_evidence.fabric.schema import KVRWSET, RWSET, parse, serialize

VALIDATION_PARAMETER = "VALIDATION_PARAMETER"
"""Metadata name under which Fabric keeps a key's own endorsement policy."""


class Version(NamedTuple):
    """Where a value was last written: block number and index of the transaction in it."""

    block: int
    tx: int


class Read(NamedTuple):
    """One key read; ``version`` is None where the key did not exist."""

    key: str
    version: Version | None


class Write(NamedTuple):
    """One key written; ``value`` is None exactly when it is deleted."""

    key: str
    value: bytes | None
    is_delete: bool


class MetadataWrite(NamedTuple):
    """All metadata of one key after the transaction, as (name, value); empty removes it."""

    key: str
    entries: tuple[tuple[str, bytes], ...]


_Keyed = TypeVar("_Keyed", Read, Write, MetadataWrite)


class HashedRead(NamedTuple):
    """One private key read, by SHA-256 of its name."""

    key_hash: bytes
    version: Version | None


class HashedWrite(NamedTuple):
    """One private key written, by SHA-256 of its name and of its value (None when deleted)."""

    key_hash: bytes
    value_hash: bytes | None
    is_delete: bool


@dataclass(frozen=True)
class HashedCollection:
    """What a block says of one private collection; ``private_hash`` covers the clear write set (or is empty)."""

    name: str
    reads: tuple[HashedRead, ...] = ()
    writes: tuple[HashedWrite, ...] = ()
    private_hash: bytes = b""

    @classmethod
    def of(cls, name: str, reads: Iterable[Read], writes: Iterable[Write]) -> "HashedCollection":
        """Hash a collection's clear reads and writes."""
        clear = tuple(writes)
        return cls(
            name,
            tuple(HashedRead(_name_hash(read.key), read.version) for read in reads),
            tuple(
                HashedWrite(_name_hash(w.key), None if w.value is None else sha256(w.value).digest(), w.is_delete)
                for w in clear
            ),
            sha256(private_writes(clear)).digest() if clear else b"",
        )


@dataclass(frozen=True)
class NamespaceChanges:
    """Everything one chaincode read and changed in one transaction."""

    namespace: str
    reads: tuple[Read, ...] = ()
    writes: tuple[Write, ...] = ()
    metadata_writes: tuple[MetadataWrite, ...] = ()
    collections: tuple[HashedCollection, ...] = ()


def private_writes(writes: Iterable[Write]) -> bytes:
    """The clear KVRWSet of one private collection: what members store and what ``private_hash`` covers."""
    return serialize(KVRWSET.KVRWSet(writes=[_kv_write(write) for write in _by_key(writes)]))


def encode_rwset(changes: Iterable[NamespaceChanges]) -> bytes:
    """A TxReadWriteSet with namespaces, keys and collections sorted: equal simulations give equal bytes."""
    message = RWSET.TxReadWriteSet(data_model=RWSET.TxReadWriteSet.KV)
    for change in sorted(changes, key=lambda each: each.namespace):
        message.ns_rwset.append(
            RWSET.NsReadWriteSet(
                namespace=change.namespace,
                rwset=serialize(_public(change)),
                collection_hashed_rwset=[_hashed(c) for c in sorted(change.collections, key=lambda each: each.name)],
            )
        )
    return serialize(message)


def decode_rwset(raw: bytes) -> tuple[NamespaceChanges, ...]:
    """Read a TxReadWriteSet. Raises EvidenceError ``malformed``."""
    message = parse(RWSET.TxReadWriteSet, raw)
    return tuple(_read_namespace(namespace) for namespace in message.ns_rwset)


def _name_hash(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _version(version: Version | None) -> Any:
    return None if version is None else KVRWSET.Version(block_num=version.block, tx_num=version.tx)


def _kv_write(write: Write) -> Any:
    return KVRWSET.KVWrite(key=write.key, is_delete=write.is_delete, value=write.value or b"")


def _public(change: NamespaceChanges) -> Any:
    return KVRWSET.KVRWSet(
        reads=[KVRWSET.KVRead(key=r.key, version=_version(r.version)) for r in _by_key(change.reads)],
        writes=[_kv_write(write) for write in _by_key(change.writes)],
        metadata_writes=[
            KVRWSET.KVMetadataWrite(
                key=write.key,
                entries=[KVRWSET.KVMetadataEntry(name=name, value=value) for name, value in write.entries],
            )
            for write in _by_key(change.metadata_writes)
        ],
    )


def _by_key(items: Iterable[_Keyed]) -> list[_Keyed]:
    return sorted(items, key=lambda item: item.key)


def _hashed(collection: HashedCollection) -> Any:
    hashed = KVRWSET.HashedRWSet(
        hashed_reads=[
            KVRWSET.KVReadHash(key_hash=read.key_hash, version=_version(read.version))
            for read in sorted(collection.reads, key=lambda each: each.key_hash)
        ],
        hashed_writes=[
            KVRWSET.KVWriteHash(key_hash=w.key_hash, is_delete=w.is_delete, value_hash=w.value_hash or b"")
            for w in sorted(collection.writes, key=lambda each: each.key_hash)
        ],
    )
    return RWSET.CollectionHashedReadWriteSet(
        collection_name=collection.name,
        hashed_rwset=serialize(hashed),
        pvt_rwset_hash=collection.private_hash,
    )


def _read_version(message: Any) -> Version | None:
    if not message.HasField("version"):
        return None
    return Version(message.version.block_num, message.version.tx_num)


def _read_namespace(message: Any) -> NamespaceChanges:
    public = parse(KVRWSET.KVRWSet, message.rwset)
    return NamespaceChanges(
        message.namespace,
        tuple(Read(read.key, _read_version(read)) for read in public.reads),
        tuple(Write(w.key, None if w.is_delete else w.value, w.is_delete) for w in public.writes),
        tuple(
            MetadataWrite(w.key, tuple((entry.name, entry.value) for entry in w.entries))
            for w in public.metadata_writes
        ),
        tuple(_read_collection(collection) for collection in message.collection_hashed_rwset),
    )


def _read_collection(message: Any) -> HashedCollection:
    hashed = parse(KVRWSET.HashedRWSet, message.hashed_rwset)
    return HashedCollection(
        message.collection_name,
        tuple(HashedRead(read.key_hash, _read_version(read)) for read in hashed.hashed_reads),
        tuple(
            HashedWrite(w.key_hash, None if w.is_delete else w.value_hash, w.is_delete) for w in hashed.hashed_writes
        ),
        message.pvt_rwset_hash,
    )


def key_policies(changes: NamespaceChanges) -> Mapping[str, bytes | None]:
    """Key-level policies a transaction sets: key to serialised SignaturePolicyEnvelope, None where removed."""
    return {write.key: dict(write.entries).get(VALIDATION_PARAMETER) for write in changes.metadata_writes}
