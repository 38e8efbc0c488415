"""The container: stock tools read it, it has one spelling, and nothing can ride along."""

import io
import json
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wuxin_evidence.bundle import archive as bundle
from wuxin_evidence.errors import EvidenceError

MEMBERS = {"profile.json": b"{}", "attestation.cbor": b"\x80", "facts/block.pb": b"PK\x03\x04 inside a member"}


def made(members: dict[str, bytes] | None = None) -> bytes:
    return bundle.write_bundle(members or MEMBERS, consortium_id=bytes(32), clock={"kind": "system"})


def code_of(raw: bytes) -> str:
    with pytest.raises(EvidenceError) as refusal:
        bundle.read_bundle(raw)
    return refusal.value.code


def test_a_bundle_reads_back_whole() -> None:
    read = bundle.read_bundle(made())
    assert read.members == MEMBERS
    assert read.altered == ()
    assert read.consortium_id == "00" * 32
    assert read.named("facts/", ".pb") == {"block": MEMBERS["facts/block.pb"]}


def test_equal_content_gives_equal_bytes_in_any_order() -> None:
    assert made() == made(dict(reversed(MEMBERS.items())))


def test_stock_zip_tools_read_every_member() -> None:
    with zipfile.ZipFile(io.BytesIO(made())) as stock:
        assert stock.testzip() is None
        assert {name: stock.read(name) for name in stock.namelist() if name != bundle.MANIFEST} == MEMBERS
        assert stock.namelist() == sorted(stock.namelist())
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in stock.infolist())
        manifest = json.loads(stock.read(bundle.MANIFEST))
    assert set(manifest["members"]) == set(MEMBERS)


def test_a_bundle_by_another_zip_program_is_unreadable() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as stock:
        for name, data in MEMBERS.items():
            stock.writestr(name, data)
    assert code_of(target.getvalue()) == "malformed"


@pytest.mark.parametrize(
    "name", ["../profile.json", "/etc/passwd", "packs/x.cose", "notes.txt", "facts/block.pb\0", "profile.json/", ""]
)
def test_names_outside_the_layout_are_refused(name: str) -> None:
    with pytest.raises(EvidenceError) as refusal:
        made({name: b""})
    assert refusal.value.code == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw + b"\0",
        lambda raw: b"\0" + raw,
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"",
        lambda raw: raw + raw,
        lambda raw: raw.replace(b"profile.json", b"rulepack.jso"),
    ],
)
def test_bytes_before_after_or_missing_make_it_unreadable(change) -> None:  # type: ignore[no-untyped-def]
    assert code_of(change(made())) == "malformed"


def test_a_changed_member_is_named() -> None:
    raw = made()
    changed = raw.replace(b"inside a member", b"inside a Member")
    assert bundle.read_bundle(changed).altered == ("facts/block.pb",)


def test_a_member_the_manifest_does_not_list_or_the_other_way_round_is_named() -> None:
    more, less = made({**MEMBERS, "rulepack.json": b"{}"}), made()
    mixed = bundle._zip(_entries({**bundle.read_bundle(more).members, "manifest.json": _manifest(less)}))  # pyright: ignore[reportPrivateUsage]
    assert bundle.read_bundle(mixed).altered == ("rulepack.json",)
    lacking = bundle._zip(_entries({**MEMBERS, "manifest.json": _manifest(more)}))  # pyright: ignore[reportPrivateUsage]
    assert bundle.read_bundle(lacking).altered == ("rulepack.json",)


def test_the_manifest_must_be_there_and_canonical() -> None:
    assert code_of(bundle._zip(_entries(MEMBERS))) == "malformed"  # pyright: ignore[reportPrivateUsage]
    spaced = _manifest(made()).replace(b":", b": ", 1)
    raw = bundle._zip(_entries({**MEMBERS, "manifest.json": spaced}))  # pyright: ignore[reportPrivateUsage]
    assert code_of(raw) == "malformed"


def test_repeated_and_unsorted_names_are_unreadable() -> None:
    entries = _entries({**MEMBERS, "manifest.json": _manifest(made())})
    assert code_of(bundle._zip(entries[::-1])) == "malformed"  # pyright: ignore[reportPrivateUsage]
    assert code_of(bundle._zip([entries[0], *entries])) == "malformed"  # pyright: ignore[reportPrivateUsage]


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = made()
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 100)
    assert code_of(raw) == "too_large"
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 10_000)
    monkeypatch.setattr(bundle, "MEMBERS_MAX", 2)
    assert code_of(raw) == "too_large"


def test_a_member_that_claims_to_be_longer_than_the_file_is_unreadable() -> None:
    raw = bytearray(made())
    raw[18:26] = struct.pack("<2I", 2**31, 2**31)
    assert code_of(bytes(raw)) == "malformed"


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_noise_is_unreadable_and_nothing_worse(noise: bytes, at: int) -> None:
    raw = made()
    for broken in (noise, b"PK\x03\x04" + noise, raw[: at % len(raw)] + noise + raw[at % len(raw) + len(noise) :]):
        try:
            read = bundle.read_bundle(broken)
        except EvidenceError as error:
            assert error.code in ("malformed", "too_large")
        else:
            assert broken == raw or read.altered


def _manifest(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as stock:
        return stock.read(bundle.MANIFEST)


def _entries(members: dict[str, bytes]) -> list[bundle._Entry]:  # pyright: ignore[reportPrivateUsage]
    return [
        bundle._Entry(name, data, bundle.zlib.crc32(data))  # pyright: ignore[reportPrivateUsage]
        for name, data in sorted(members.items())
    ]
