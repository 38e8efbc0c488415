"""The stub without a network: composite keys, batches, and what it refuses before it asks the peer."""

from collections.abc import Callable

import pytest

from chaincode.server import messages
from chaincode.server import stub as peer_stub
from chaincode.server.messages import Abilities, Call, Place
from chaincode.server.stub import PeerRefused, PeerStub
from chaincode.world.composite_keys import LAST_CHARACTER, composite_key, composite_range, split_composite_key
from chaincode.world.errors import Refusal
from chaincode.world.stub import Caller
from wuxin_evidence.fabric import CHAINCODE_SHIM, parse, serialize

CALL = Call(Place("wuxin", "tx"), (b"f", b"{}"), Caller("BankMSP", b"pem"), 1, {})
HELD = "_implicit_org_BankMSP"


class Asked:
    """A peer that knows nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, bytes]] = []

    def __call__(self, kind: int, payload: bytes) -> bytes:
        self.requests.append((kind, payload))
        return b""


def stub(asked: Callable[[int, bytes], bytes], abilities: Abilities | None = None) -> PeerStub:
    return PeerStub(CALL, asked, abilities or Abilities(), for_ledger=False)


def test_a_composite_key_has_fabrics_layout_and_can_be_taken_apart() -> None:
    key = composite_key("delivery", ("仓库", "", "2022"))
    assert key == "\x00delivery\x00仓库\x00\x002022\x00"
    assert split_composite_key(key) == ("delivery", ("仓库", "", "2022"))
    assert split_composite_key(composite_key("delivery", ())) == ("delivery", ())


@pytest.mark.parametrize("parts", [("", ()), ("a\x00", ()), ("a", ("\x00",)), ("a", (f"x{LAST_CHARACTER}",))])
def test_parts_that_would_blur_a_composite_key_are_refused(parts: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(Refusal) as refused:
        composite_key(*parts)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("key", ["", "plain", "\x00", "\x00open", "\x00\x00\x00", "plain\x00a\x00"])
def test_what_is_no_composite_key_is_not_taken_apart(key: str) -> None:
    with pytest.raises(Refusal):
        split_composite_key(key)


def test_a_composite_range_holds_the_keys_that_go_on_and_no_others() -> None:
    start, end = composite_range("delivery", ("a",))
    inside = [composite_key("delivery", ("a",)), composite_key("delivery", ("a", "z"))]
    outside = [composite_key("delivery", ("aa",)), composite_key("delivery", ("b",)), composite_key("deliver", ("a",))]
    assert all(start <= key < end for key in inside)
    assert not any(start <= key < end for key in outside)


def test_a_composite_key_is_written_and_a_look_alike_refused() -> None:
    asked = Asked()
    writing = stub(asked)
    writing.put(composite_key("delivery", ("a",)), b"v")
    for write in (lambda: writing.put("\x00delivery\x00a\x00", b"v"), lambda: writing.delete("")):
        with pytest.raises(Refusal) as refused:
            write()
        assert refused.value.code == "malformed"
    writing.flush()
    assert [kind for kind, _ in asked.requests] == [messages.PUT_STATE]


def test_a_plain_range_stays_out_of_the_composite_keys() -> None:
    asked = Asked()
    reading = stub(asked)
    reading.range("", "", 5, "")
    _, payload = asked.requests[0]
    assert parse(CHAINCODE_SHIM.GetStateByRange, payload).startKey == "\x01"
    for start, end in (("\x00a", ""), ("a", "\x00b")):
        with pytest.raises(Refusal) as refused:
            reading.range(start, end, 5, "")
        assert refused.value.code == "malformed"


@pytest.mark.parametrize("bookmark", ["b", "c", "zz"])
def test_a_bookmark_after_the_range_ends_it_without_a_question(bookmark: str) -> None:
    asked = Asked()
    page = stub(asked).range("a", "b", 5, bookmark)
    assert (list(page.entries), page.bookmark, asked.requests) == ([], "", [])


def test_an_empty_value_is_refused_because_fabric_would_delete() -> None:
    writing = stub(Asked())
    for write in (lambda: writing.put("k", b""), lambda: writing.put_private(HELD, "k", b"")):
        with pytest.raises(Refusal) as refused:
            write()
        assert refused.value.code == "malformed"


def test_an_event_needs_a_name() -> None:
    with pytest.raises(Refusal):
        stub(Asked()).emit("", b"[]")


def test_batches_are_bounded_by_count_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_stub, "BATCH_BYTES_MAX", 1000)
    asked = Asked()
    writing = stub(asked, Abilities(writes_per_batch=3))
    sizes = [1, 1, 1, 1, 500, 500, 5000, 1]
    for number, size in enumerate(sizes):
        writing.put(f"{number}", b"v" * size)
    writing.flush()
    batches = [parse(CHAINCODE_SHIM.WriteBatchState, payload).rec for _, payload in asked.requests]
    assert [[len(each.value) for each in batch] for batch in batches] == [[1, 1, 1], [1, 500], [500], [5000], [1]]
    writing.flush()
    assert len(asked.requests) == len(batches), "a write is sent once"


@pytest.mark.parametrize(
    "words",
    [
        "GET_STATE failed: transaction ID: 0: private data matching public hash version is not available. Public hash"
        " version = {BlockNum: 7, TxNum: 0}, Private data version = <nil>",
        "tx creator does not have read access permission on privatedata in chaincodeName:facts collectionName: c",
    ],
)
def test_a_private_value_kept_elsewhere_is_forbidden_as_on_the_embedded_ledger(words: str) -> None:
    def ask(kind: int, payload: bytes) -> bytes:
        raise PeerRefused("GET_STATE", words)

    for read in (
        lambda: stub(ask).get_private(HELD, "k"),
        lambda: stub(ask, Abilities(keys_per_get=9)).get_many_private(HELD, ["k"]),
    ):
        with pytest.raises(Refusal) as refused:
            read()
        assert (refused.value.code, refused.value.detail) == ("forbidden", f"this endorser does not hold {HELD}")


def test_any_other_error_of_the_peer_is_not_the_callers_fault() -> None:
    def ask(kind: int, payload: bytes) -> bytes:
        raise PeerRefused("GET_STATE", "x" * 1000)

    with pytest.raises(PeerRefused) as failed:
        stub(ask).get_private(HELD, "k")
    assert failed.value.status == 500
    assert len(failed.value.text) == peer_stub.PEER_TEXT_CHARS_MAX


def test_an_emptied_key_policy_is_none() -> None:
    entry = CHAINCODE_SHIM.StateMetadata(metakey="VALIDATION_PARAMETER", value=b"")
    empty = serialize(CHAINCODE_SHIM.StateMetadataResult(entries=[entry]))
    assert stub(lambda _kind, _payload: empty).get_key_policy("k") is None
