"""Merkle-Patricia tries, built whole and proved by path.

``ordered_root`` is what a block header says of its transactions and receipts (key = RLP of the index).
``prove`` gives the nodes from the root to a key, ``verify_proof`` walks them and gives the value, or None
where the trie provably has no such key. Every node of a proof must be used, in order, and stand in its one
encoding.
"""

from collections.abc import Iterator, Mapping, Sequence

from wuxin_evidence.encoding.rlp import Rlp, as_bytes, decode_list, encode, int_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import keccak256

Nibbles = tuple[int, ...]

PROOF_NODES_MAX = 64
"""Longest path read: keys here are RLP indexes of at most four bytes, so real paths stay below ten."""

EMPTY_ROOT = keccak256(encode(b""))
"""Root of a trie without keys."""


def trie_root(items: Mapping[bytes, bytes]) -> bytes:
    """Root hash of a trie holding ``items``; an empty value is no value and refused with ValueError."""
    if not items:
        return EMPTY_ROOT
    return keccak256(encode(_build(_pairs(items), 0)))


def ordered_root(values: Sequence[bytes]) -> bytes:
    """Root over a list, keyed by the RLP of each index: transactions and receipts of a block."""
    return trie_root(_ordered(values))


def prove(items: Mapping[bytes, bytes], key: bytes) -> list[bytes]:
    """The encoded nodes from the root towards ``key``: proof of its value, or of its absence."""
    proof: list[bytes] = []
    pairs, target, depth = _pairs(items), _nibbles(key), 0
    while pairs:
        node = _build(pairs, depth)
        raw = encode(node)
        if depth == 0 or len(raw) >= 32:
            proof.append(raw)
        step = _step(node, target[depth:])
        if step is None or isinstance(step, bytes):
            break
        depth += step[1]
        pairs = [pair for pair in pairs if pair[0][:depth] == target[:depth]]
    return proof


def prove_ordered(values: Sequence[bytes], index: int) -> list[bytes]:
    """Proof that ``values[index]`` stands at that index under ``ordered_root(values)``."""
    return prove(_ordered(values), encode(int_bytes(index)))


def verify_proof(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The value of ``key`` under ``root``, or None when the proof shows that there is none.

    Raises EvidenceError ``malformed`` when the nodes do not lead from the root, or some are left over.
    """
    if len(proof) > PROOF_NODES_MAX:
        raise EvidenceError("too_large", f"a proof of {len(proof)} nodes", f"at most {PROOF_NODES_MAX}")
    if root == EMPTY_ROOT and not proof:
        return None
    path = _nibbles(key)
    nodes = iter(proof)
    node = _hashed(nodes, root)
    while True:
        step = _step(node, path)
        if step is None or isinstance(step, bytes):
            if next(nodes, None) is not None:
                raise _broken("nodes are left over")
            return step
        child, taken = step
        path = path[taken:]
        node = child if isinstance(child, list) else _hashed(nodes, as_bytes(child, 32))


def _ordered(values: Sequence[bytes]) -> dict[bytes, bytes]:
    return {encode(int_bytes(index)): value for index, value in enumerate(values)}


def _nibbles(key: bytes) -> Nibbles:
    return tuple(part for byte in key for part in (byte >> 4, byte & 15))


def _pairs(items: Mapping[bytes, bytes]) -> list[tuple[Nibbles, bytes]]:
    if not all(items.values()):
        raise ValueError("a trie holds no empty values")
    return sorted((_nibbles(key), value) for key, value in items.items())


def _compact(path: Nibbles, is_leaf: bool) -> bytes:
    """Hex-prefix encoding: leaf and parity flags, then the nibbles in pairs."""
    flag = (2 if is_leaf else 0) + len(path) % 2
    padded = (flag, *path) if len(path) % 2 else (flag, 0, *path)
    return bytes(16 * high + low for high, low in zip(padded[::2], padded[1::2], strict=True))


def _build(pairs: list[tuple[Nibbles, bytes]], depth: int) -> list[Rlp]:
    """The node for sorted, distinct ``pairs`` that agree on their first ``depth`` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_compact(first[depth:], True), pairs[0][1]]
    shared = depth
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_compact(first[depth:shared], False), _reference(_build(pairs, shared))]
    branch: list[Rlp] = []
    for nibble in range(16):
        below = [pair for pair in pairs if len(pair[0]) > depth and pair[0][depth] == nibble]
        branch.append(_reference(_build(below, depth + 1)) if below else b"")
    branch.append(next((value for path, value in pairs if len(path) == depth), b""))
    return branch


def _reference(node: list[Rlp]) -> Rlp:
    """A child as its parent holds it: itself when shorter than 32 bytes, else its hash."""
    raw = encode(node)
    return node if len(raw) < 32 else keccak256(raw)


def _hashed(nodes: Iterator[bytes], expected: bytes) -> list[Rlp]:
    raw = next(nodes, None)
    if raw is None or keccak256(raw) != expected:
        raise _broken("a node is missing or does not have the hash its parent names")
    return decode_list(raw)


def _step(node: list[Rlp], path: Nibbles) -> "tuple[Rlp, int] | bytes | None":
    """One node further: (child, nibbles taken), the value, or None for a proven absence."""
    if len(node) == 17:
        if not path:
            return as_bytes(node[16]) or None
        child = node[path[0]]
        return None if child == b"" else (child, 1)
    if len(node) != 2:
        raise _broken("a node has neither 2 nor 17 items")
    shared, is_leaf = _expand(as_bytes(node[0]))
    if is_leaf:
        return as_bytes(node[1]) if path == shared else None
    if not shared:
        raise _broken("an extension without a path")
    return (node[1], len(shared)) if path[: len(shared)] == shared else None


def _expand(compact: bytes) -> tuple[Nibbles, bool]:
    nibbles = _nibbles(compact)
    if not nibbles or nibbles[0] > 3 or (nibbles[0] % 2 == 0 and nibbles[1] != 0):
        raise _broken("a path in no known encoding")
    return nibbles[1:] if nibbles[0] % 2 else nibbles[2:], nibbles[0] >= 2


def _broken(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"trie proof: {what}", "ask the chain for the proof again")
