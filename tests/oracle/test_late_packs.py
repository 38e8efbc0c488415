"""Late packs: equal packs give equal cited sets, in whatever order they reach a member."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.storage.cipher import StorageCipher
from oracle.storage.store import Settled, Store
from oracle.windows import CitedSet, cite_window
from tests.oracle.trio import AFTER_GRACE_S, NAMES, Trio, W, mass, values
from wuxin_evidence.attestation import OK, SCHEDULED
from wuxin_evidence.packs.pack import Pack

CIPHER = StorageCipher(b"k" * 16)
SUBJECT = b"s" * 32
SETTLED = 10
"""The window that a member settled before the late packs came."""


def pack(device: str, seq: int) -> Pack:
    signed = f"{device} {seq}".encode()
    return Pack(device, 1, seq, -1, b"", b"", b"envelope", signed, hashlib.sha256(signed).digest())


def cited(known: list[tuple[str, int, int]], late: list[tuple[str, int, int]], now: int) -> CitedSet:
    """What a member would cite for window `now`: `known` before it settled SETTLED, `late` afterwards, each a
    (device, seq, window)."""
    store = Store(Path(":memory:"), CIPHER)
    with store.batch():
        for device, seq, window in known:
            store.add(pack(device, seq), window, late=False, now_ms=0)
    store.settle(SUBJECT, Settled(SETTLED, len(known), frozenset(pack(d, s).digest for d, s, _ in known), frozenset()))
    with store.batch():
        for device, seq, window in late:
            store.add(pack(device, seq), window, late=True, now_ms=0)
    devices = sorted({device for device, _, _ in (*known, *late)})
    found = cite_window(store.positions(devices, now, store.settled(SUBJECT)), now)
    store.close()
    return found


def series(windows: list[int], device: str = "scale-1") -> list[tuple[str, int, int]]:
    """Packs of one device, whose windows rise with their numbers."""
    return [(device, seq, window) for seq, window in enumerate(sorted(windows))]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(SETTLED - 3, SETTLED + 2), min_size=2, max_size=8),
    st.lists(st.integers(SETTLED - 3, SETTLED + 2), max_size=4),
    st.data(),
)
def test_in_every_order_of_arrival_the_same_packs_are_cited_as_late(first: list[int], second: list[int], data):
    everything = [*series(first), *series(second, "scale-2")]
    is_known = data.draw(st.lists(st.booleans(), min_size=len(everything), max_size=len(everything)))
    known = [each for each, early in zip(everything, is_known, strict=True) if early and each[2] <= SETTLED]
    late = [each for each in everything if each not in known]
    now = SETTLED + 2
    in_order = cited(known, late, now)
    assert cited(known, data.draw(st.permutations(late)), now) == in_order
    assert in_order.late == {pack(device, seq).digest for device, seq, window in late if window < now}


def test_two_late_packs_in_a_row_are_both_late(tmp_path: Path):
    """The second one's predecessor is the first one; it stays late all the same."""
    known, late = [("scale-1", 0, SETTLED)], [("scale-1", n, SETTLED) for n in (1, 2, 3)]
    for order in (late, late[::-1], [late[1], late[2], late[0]]):
        assert cited(known, order, SETTLED + 1).late == {pack(device, seq).digest for device, seq, _ in late}


@pytest.mark.parametrize("seed", range(4))
def test_members_that_get_the_same_late_packs_in_another_order_go_on_attesting(trio: Trio, seed: int):
    trio.send(mass(80_000, 100))
    late = [trio.device.pack(mass(80_000 - n, 300 + 10 * n)) for n in range(6)]
    trio.pass_to(AFTER_GRACE_S)
    for name in NAMES:
        for envelope in random.Random(f"{seed}{name}").sample(late, len(late)):
            trio.publish(envelope, to=(name,))
            trio.deliver()
    for n in (1, 2):
        trio.send(mass(79_995, n * W.window_s + 500))
        trio.pass_to(n * W.window_s + AFTER_GRACE_S)
    attested = [trio.attested(name, SCHEDULED) for name in NAMES]
    assert [len(each) for each in attested] == [3, 3, 3]
    assert len({each[1].attestation.digest() for each in attested}) == 1
    assert attested[0][1].attestation.late_count == 6
    assert values(attested[0][2])["quantity_g"] == (79_995_000, OK)
