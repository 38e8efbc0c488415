"""The evidence log: an RFC 9162 Merkle tree over SHA-256, its proofs, and their verification.

    Tree().append(leaf)              leaf data of a pack is its Sig_structure
    tree.inclusion_proof(i, size)    verify_inclusion(leaf_hash(leaf), i, size, proof, root)
    tree.consistency_proof(m, n)     verify_consistency(m, n, proof, old_root, new_root)
    pack_root(digests)               the head over sorted pack digests, as an attestation carries it

Verification returns or raises `EvidenceError` with code `proof_invalid`; it never needs the tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from wuxin_evidence.errors import EvidenceError, malformed

HASH_BYTES = 32
PROOF_HASHES_MAX = 64
"""A tree of 2^64 leaves has proofs of 64 hashes; a longer proof is no proof."""
TREE_SIZE_MAX = 2**63 - 1

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_head(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf data, in the order given; 32 bytes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def pack_root(digests: Iterable[bytes]) -> bytes:
    """The head over the sorted pack digests (32 bytes each, no repeats). Raises `malformed`."""
    ordered = sorted(digests)
    if any(len(digest) != HASH_BYTES for digest in ordered):
        raise malformed("a pack digest is 32 bytes")
    if len(set(ordered)) != len(ordered):
        raise malformed("a pack digest is given twice", "a pack counts once")
    return tree_head(ordered)


class Tree:
    """An append-only tree in memory. `_levels[h][i]` is the hash of the i-th complete subtree of 2^h leaves."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for stored in leaf_hashes:
            self.append_hash(stored)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add leaf data; returns its index."""
        return self.append_hash(leaf_hash(leaf))

    def append_hash(self, hashed: bytes) -> int:
        """Add an already hashed leaf (32 bytes), as when a stored log is read again; returns its index."""
        _require_hashes([hashed])
        index = len(self)
        height = 0
        self._levels[0].append(hashed)
        while len(self._levels[height]) % 2 == 0:
            if height + 1 == len(self._levels):
                self._levels.append([])
            left, right = self._levels[height][-2:]
            height += 1
            self._levels[height].append(node_hash(left, right))
        return index

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves (all by default). Raises `malformed` beyond the tree."""
        wanted = len(self) if size is None else size
        self._require_size(wanted)
        return self._head(0, wanted) if wanted else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]) of RFC 9162 section 2.1.3.1, from the leaf upwards."""
        self._require_size(size)
        if not 0 <= index < size:
            raise malformed(f"leaf {index} of {size}", "the index is below the size")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._head(middle, end))
                end = middle
            else:
                path.append(self._head(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """PROOF(old, D[new]) of RFC 9162 section 2.1.4.1; empty for equal sizes and from the empty tree."""
        self._require_size(new_size)
        if not 0 <= old_size <= new_size:
            raise malformed(f"consistency from {old_size} to {new_size}", "the old size is not above the new")
        if old_size in (0, new_size):
            return []
        path: list[bytes] = []
        start, end, whole = 0, new_size, True
        while old_size != end:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(self._head(middle, end))
                end = middle
            else:
                path.append(self._head(start, middle))
                start, whole = middle, False
        return path[::-1] if whole else [self._head(start, end), *path[::-1]]

    def _head(self, start: int, end: int) -> bytes:
        """Root of leaves start..end-1, where start is a multiple of the next power of two of the width."""
        width = end - start
        if width & (width - 1) == 0:
            height = width.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + _split(width)
        return node_hash(self._head(start, middle), self._head(middle, end))

    def _require_size(self, size: int) -> None:
        if not 0 <= size <= len(self):
            raise malformed(f"tree size {size} of {len(self)}", "ask for a size that the log has reached")


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2: `leaf` (a leaf hash) is at `index` of the tree with `size` and `root`."""
    _require_bounded(proof, size)
    _require_hashes([leaf, root])
    if not 0 <= index < size:
        raise _invalid(f"leaf {index} of {size}")
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _invalid("the inclusion proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last != 0 or found != root:
        raise _invalid("the inclusion proof leads to another root")


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """RFC 9162 section 2.1.4.2: the tree of `new_size` begins with the tree of `old_size`."""
    _require_bounded(proof, new_size)
    _require_hashes([old_root, new_root])
    if not 0 <= old_size <= new_size:
        raise _invalid(f"consistency from {old_size} to {new_size}")
    if old_size == 0 or old_size == new_size:
        if proof or old_root != (EMPTY_ROOT if old_size == 0 else new_root):
            raise _invalid("between these sizes the proof is empty and the root fixed")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise _invalid("the consistency proof is empty")
    if _consistency_roots(old_size, new_size, path) != (old_root, new_root):
        raise _invalid("the consistency proof leads to other roots")


def _consistency_roots(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _invalid("the consistency proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _invalid("the consistency proof is too short")
    return old, new


def _split(width: int) -> int:
    """The largest power of two below `width` (two or more)."""
    return 1 << (width - 1).bit_length() - 1


def _require_bounded(proof: Sequence[bytes], size: int) -> None:
    if len(proof) > PROOF_HASHES_MAX or not 0 <= size <= TREE_SIZE_MAX:
        raise _invalid(f"a proof of {len(proof)} hashes in a tree of {size}")
    _require_hashes(proof)


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise malformed("a hash of the log is 32 bytes")


def _invalid(detail: str) -> EvidenceError:
    return EvidenceError("proof_invalid", detail, "ask the log for the proof again, for this very checkpoint")
