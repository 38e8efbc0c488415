"""QBFT's seals: the header of a block that a quorum of validators committed (Hyperledger Besu).

extraData is RLP of [vanity, validators, vote, round, seals]. A validator commits by signing the header's hash with
the seals left out; the block's own hash also has the round set to zero, since both may differ between two honest
copies of one block. ``block_hash`` and ``committed_by`` recompute the two. The validators that the header lists are
not believed: who may commit comes from the trust file.

Checked against headers made by this module's own ``committed``; not yet against a running Besu.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.encoding.rlp import Rlp, as_bytes, as_int, as_list, decode_list, encode
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import Header
from wuxin_evidence.ids import keccak256

SEALS_MAX = 256
"""Seals read in one header; each costs one recovery, and a consortium has tens of validators."""


def block_hash(header: Header) -> bytes:
    """What the next block names as its parent. Raises EvidenceError ``malformed``."""
    vanity, validators, vote, _, _ = _extra(header)
    return _hash_with(header, [vanity, validators, vote, b"", []])


def commit_hash(header: Header) -> bytes:
    """What a validator signs to commit. Raises EvidenceError ``malformed``."""
    vanity, validators, vote, round_number, _ = _extra(header)
    return _hash_with(header, [vanity, validators, vote, round_number, []])


def committed_by(header: Header) -> frozenset[bytes]:
    """Addresses (20 bytes) of those whose seals hold; a seal that does not is passed over.

    Raises EvidenceError ``malformed`` or ``too_large``.
    """
    seals = as_list(_extra(header)[4])
    if len(seals) > SEALS_MAX:
        raise EvidenceError("too_large", f"a header with {len(seals)} seals", f"at most {SEALS_MAX}")
    digest = commit_hash(header)
    found: set[bytes] = set()
    for seal in seals:
        raw = as_bytes(seal, 65)
        try:
            found.add(recover(digest, raw[:64] + bytes([27 + raw[64] % 128])))
        except EvidenceError:
            continue
    return frozenset(found)


def committed(header: Header, signers: Iterable[Callable[[bytes], bytes]]) -> Header:
    """The header with a seal of each of ``signers`` (``EvmKey.sign_digest``) in place of those it has."""
    vanity, validators, vote, round_number, _ = _extra(header)
    digest = commit_hash(header)
    signatures = [sign(digest) for sign in signers]
    seals: list[Rlp] = [each[:64] + bytes([each[64] - 27]) for each in signatures]
    return replace(header, extra_data=encode([vanity, validators, vote, round_number, seals]))


def _extra(header: Header) -> list[Rlp]:
    parts = decode_list(header.extra_data)
    if len(parts) != 5:
        raise EvidenceError("malformed", f"extraData of {len(parts)} parts", "take a header of a QBFT chain")
    as_int(parts[3], bytes_max=4)
    return parts


def _hash_with(header: Header, extra: list[Rlp]) -> bytes:
    return keccak256(replace(header, extra_data=encode(extra)).rlp())
