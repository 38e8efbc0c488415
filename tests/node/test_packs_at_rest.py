"""What devices said rests sealed in ``local.db``: who copies the file reads no pack, and a bundle still holds it."""

import base64
import io
import sqlite3
import zipfile
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from node.commands.seals import PACKS, PRIVATE_ARGUMENTS, Seals
from tests.node.conftest import Running, running
from tests.node.story import Story
from wuxin_evidence.attestation import ALARM
from wuxin_evidence.packs.pack import parse1

SECRETS = {"bank": b"\x01" * 32, "insurer": b"\x02" * 32}


def files_of(path: Path) -> bytes:
    """The database with what its write-ahead log still holds."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(path.name + "*")))


async def relayed(node: Running) -> tuple[str, bytes]:
    """(digest, the pack's envelope) of an attestation that the bank's member handed in."""
    story = Story(node)
    await story.issue()
    body = story.statement("slot", story.slot, ALARM, {"quantity_g": 1})
    transaction = await story.relay(body)
    assert transaction["status"] == "committed", transaction
    attested = (await node.get("bank", "/v1/attestations", subject_kind="slot", subject_id=story.slot)).json()
    return attested["items"][0]["digest"], base64.b64decode(body["packs"][0])


async def packs_in(node: Running, organisation: str, digest: str) -> list[bytes]:
    answer = await node.get(organisation, f"/v1/evidence/{digest}")
    assert answer.status_code == 200, answer.text
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    return [bundle.read(name) for name in bundle.namelist() if name.endswith(".cose")]


async def test_the_database_holds_no_pack_that_can_be_read(node: Running) -> None:
    digest, envelope = await relayed(node)
    raw = files_of(node.node.local.path)
    message = parse1(envelope)
    assert digest.encode() in raw, "this is the file that keeps it"
    for secret in (envelope, message.payload, message.signature, base64.b64encode(envelope)):
        assert secret not in raw
    assert await packs_in(node, "regulator", digest) == [envelope]


async def test_a_pack_that_many_hand_in_and_cite_is_kept_once(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(node)
    await story.issue()
    first = story.statement("slot", story.slot, ALARM, {"quantity_g": 2})
    envelope = base64.b64decode(first["packs"][0])
    monkeypatch.setattr(story, "_pack", lambda _time_ms: envelope)
    for body, organisation in (
        (first, "bank"),
        (first, "insurer"),
        (story.statement("slot", story.slot, ALARM, {"quantity_g": 1}), "inspector"),
    ):
        await node.post(organisation, "/v1/attestations", body, name="oracle")
    with sqlite3.connect(node.node.local.path) as file:
        kept = file.execute("SELECT organisation FROM sealed_pack").fetchall()
        cited = file.execute("SELECT count(DISTINCT attestation_digest) FROM evidence_pack").fetchone()
    assert (kept, cited) == ([("bank",)], (2,))


async def test_a_process_that_does_not_serve_the_uploader_leaves_the_packs_out(home: Path) -> None:
    async with running(home) as node:
        digest, envelope = await relayed(node)
    async with running(home, ["regulator"]) as other:
        assert await packs_in(other, "regulator", digest) == []
    async with running(home, ["bank"]) as own:
        assert await packs_in(own, "bank", digest) == [envelope]


def test_a_seal_opens_for_its_organisation_purpose_and_place_only() -> None:
    seals = Seals(SECRETS, PACKS)
    sealed = seals.seal("bank", b"readings", b"place")
    assert seals.open("bank", sealed, b"place") == b"readings"
    assert "bank" in seals and "warehouse" not in seals
    for stranger, organisation, place in (
        (seals, "insurer", b"place"),
        (seals, "bank", b"another"),
        (Seals(SECRETS, PRIVATE_ARGUMENTS), "bank", b"place"),
    ):
        with pytest.raises(InvalidTag):
            stranger.open(organisation, sealed, place)
