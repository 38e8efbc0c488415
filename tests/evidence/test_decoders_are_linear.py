"""Twice the input takes about twice the time, for every decoder that reads a stranger's bytes.

A bundle of one megabyte of nested RLP once kept `verify` busy for 48 s, because each item copied all that followed it.
Times are compared with each other, on one machine and in one run, so the test does not depend on how fast it is.
"""

import gc
import struct
import time
from collections.abc import Callable

import pytest

from tests.evidence.bundle_maker import DEVICE, Consortium
from wuxin_evidence.bundle.archive import device_member
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INVALID, verify_bundle
from wuxin_evidence.encoding import cbor, rlp
from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.encoding.protobuf import Field, Kind, Message, read, write
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    BLOCK_SIGNATURES_MAX,
    BLOCK_TRANSACTIONS_MAX,
    COMMON,
    data_hash,
    parse_block,
    serialize,
)

SMALL = 8_000
"""Items of the smaller input."""
TIMES = 8
"""How much larger the larger one is: a quadratic decoder takes 64 times as long, a linear one 8 times."""
RATIO_MAX = 28
"""Between the two, with room for a machine that does something else at times."""

LEAF = Message("Leaf", (Field(1, "n", Kind.UNSIGNED), Field(2, "text", Kind.TEXT)))
BRANCH = Message("Branch", (Field(1, "leaves", LEAF, repeated=True), Field(2, "blobs", Kind.BYTES, repeated=True)))
TREE = Message("Tree", (Field(1, "branches", BRANCH, repeated=True),))


def nested(item: bytes, count: int, wrap: Callable[[bytes], bytes], depth: int) -> bytes:
    """`count` items, packed into one list within lists of one."""
    raw = item * count
    for _ in range(depth):
        raw = wrap(raw)
    return raw


def rlp_list(body: bytes) -> bytes:
    size = rlp.int_bytes(len(body))
    return bytes([0xC0 + len(body)]) + body if len(body) < 56 else bytes([0xF7 + len(size)]) + size + body


def rlp_side_by_side(count: int) -> bytes:
    """Lists of one empty list beside each other."""
    return rlp_list(b"\xc1\xc0" * count)


def cbor_array(count: int) -> bytes:
    return b"\x81" * 5 + b"\x9a" + struct.pack(">I", count) + b"\x80" * count


def tree(leaves: int, blobs: int) -> bytes:
    branch = {"leaves": [{"n": n, "text": "t"} for n in range(leaves)], "blobs": [b""] * blobs}
    return write(TREE, {"branches": [branch]})


def decoded(decode: Callable[[bytes], object], raw: bytes) -> None:
    """Read, or refused by name: both must be quick."""
    try:
        decode(raw)
    except EvidenceError as error:
        assert error.code in ("malformed", "too_large"), error


def read_tree(raw: bytes) -> object:
    return read(TREE, raw)


CASES: dict[str, tuple[Callable[[bytes], object], Callable[[int], bytes]]] = {
    "RLP, small items in nested lists": (rlp.decode, lambda n: nested(b"\xc0", n, rlp_list, 6)),
    "RLP, lists side by side": (rlp.decode, rlp_side_by_side),
    "RLP, deeper than it is read": (rlp.decode, lambda n: nested(b"\xc0", n, rlp_list, 12)),
    "RLP, cut short": (rlp.decode, lambda n: nested(b"\xc0", n, rlp_list, 6)[:-1]),
    "CBOR, an array of empty arrays": (cbor.decode, cbor_array),
    "CBOR, a map with many keys": (cbor.decode, lambda n: cbor.encode({key: [key] for key in range(n // 4)})),
    "CBOR, deeper than it is read": (cbor.decode, lambda n: b"\x81" * n + b"\x80"),
    "CBOR, a long integer": (cbor.decode, lambda n: b"\xc2\x5a" + struct.pack(">I", n) + b"\xff" * n),
    "protobuf, many messages": (read_tree, lambda n: tree(n // 8, 0)),
    "protobuf, many empty values": (read_tree, lambda n: tree(0, n // 4)),
    "protobuf, cut short": (read_tree, lambda n: tree(n // 8, 0)[:-1]),
    "JSON, many names": (
        parse_canonical_json,
        lambda n: canonical_json({f"{name:06}": [name] for name in range(n // 4)}),
    ),
    "JSON, many brackets": (parse_canonical_json, lambda n: b"[" * n + b"]" * n),
    "JSON, a text that never ends": (parse_canonical_json, lambda n: b'["' + b"\\" * (n - 1)),
    "JSON, many texts that never end": (parse_canonical_json, lambda n: b'["\\"' * n),
    "JSON, a long number": (parse_canonical_json, lambda n: b"[" + b"9" * n + b"]"),
    "trust file, many brackets": (Trust.parse, lambda n: b"[{" * n),
}


def shortest_s(run: Callable[[], None], tries: int = 3) -> float:
    """The shortest of some runs, in this process's own time and without collection of garbage in between."""
    found: list[float] = []
    gc.disable()
    try:
        for _ in range(tries):
            start = time.process_time()
            run()
            found.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(found)


@pytest.mark.parametrize("name", CASES)
def test_a_decoder_takes_time_in_proportion_to_its_input(name: str) -> None:
    decode, made = CASES[name]
    small, large = made(SMALL), made(SMALL * TIMES)
    assert len(large) > (TIMES - 1) * len(small)
    took = [shortest_s(lambda raw=raw: decoded(decode, raw)) for raw in (small, large)]
    floor_s = 0.002  # below it the clock and the caches decide
    assert took[1] < max(took[0], floor_s) * RATIO_MAX, took


def test_a_bundle_of_many_lists_in_rlp_is_refused_as_fast_as_it_is_read() -> None:
    consortium = Consortium()
    trust = consortium.trust

    def verified(count: int) -> Callable[[], None]:
        raw = consortium.bundle(**{"obligations/header.rlp": rlp_side_by_side(count)})

        def run() -> None:
            assert verify_bundle(raw, trust).exit_status == INVALID

        return run

    small, large = (shortest_s(verified(count), 2) for count in (40_000, 40_000 * TIMES))
    assert large < small * RATIO_MAX


def varint(number: int) -> bytes:
    """As protobuf writes a length."""
    digits = [number >> place & 0x7F for place in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(digit | 0x80 for digit in digits[:-1]), digits[-1]])


def block_of_empty_envelopes(count: int) -> bytes:
    """Two bytes for each transaction, and a header that has their hash: only the orderers' signatures are lacking."""
    header = COMMON.BlockHeader(number=7, data_hash=data_hash([b""] * count))
    return serialize(COMMON.Block(header=header)) + b"\x12" + varint(2 * count) + b"\x0a\x00" * count


def as_long_as_others(blocks: dict[str, bytes]) -> float:
    """How many times as long a bundle with these blocks takes as one in which the same bytes are no block."""
    consortium = Consortium()
    trust = consortium.trust

    def verified(changes: dict[str, bytes]) -> Callable[[], None]:
        raw = consortium.bundle(**changes)

        def run() -> None:
            assert verify_bundle(raw, trust).exit_status == INVALID

        return run

    plain = {name: b"\xff" * len(raw) for name, raw in blocks.items()}
    return shortest_s(verified(blocks), 2) / shortest_s(verified(plain), 2)


@pytest.mark.parametrize("name", ["facts/block.pb", device_member(DEVICE) + "block.pb"])
def test_a_block_of_many_empty_envelopes_is_refused_before_any_of_them_is_read(name: str) -> None:
    """Reading each takes 16 µs: half a million were 8 s, in one MB."""
    assert as_long_as_others({name: block_of_empty_envelopes(BLOCK_TRANSACTIONS_MAX)}) < 4
    assert as_long_as_others({name: block_of_empty_envelopes(500_000)}) < 8


def test_a_block_has_a_bound_of_transactions_and_of_signatures() -> None:
    parse_block(block_of_empty_envelopes(BLOCK_TRANSACTIONS_MAX), only=b"x")
    with pytest.raises(EvidenceError, match="20001 transactions") as refused:
        parse_block(block_of_empty_envelopes(BLOCK_TRANSACTIONS_MAX + 1))
    assert refused.value.code == "too_large"
    for count, code in ((BLOCK_SIGNATURES_MAX, ""), (BLOCK_SIGNATURES_MAX + 1, "too_large")):
        signed = COMMON.Metadata(value=b"v", signatures=[COMMON.MetadataSignature(signature=b"s")] * count)
        block = serialize(COMMON.Block(metadata=COMMON.BlockMetadata(metadata=[serialize(signed)])))
        try:
            assert len(parse_block(block).signatures) == count and not code
        except EvidenceError as error:
            assert error.code == code


def test_of_a_block_only_the_asked_transaction_is_read() -> None:
    consortium = Consortium()
    one, other = consortium.enrolment(), consortium.enrolment(slots=[])
    block = consortium.block(one, other, other)
    assert [view.index for view in parse_block(block, only=other).transactions] == [1]
    assert parse_block(block, only=b"neither").transactions == ()
    assert len(parse_block(block).transactions) == 3
