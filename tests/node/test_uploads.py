"""What an oracle member hands in is checked before it is kept, and refused for ever only where it is wrong."""

import base64
import json
import time
import uuid
from typing import Any

import pytest

from node.api import attestations
from node.evidence.uploads import require_in_log
from node.projection import tables
from node.projection.facts import LEDGER
from node.projection.follow import START
from tests.node.conftest import Running
from tests.node.story import Story
from tests.node.test_anchors import Log
from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle.archive import read_bundle
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import VALID, verify_bundle
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint
from wuxin_evidence.packs.pack import parse_pack


async def code_of(node: Running, body: dict[str, Any], organisation: str = "bank") -> tuple[int, str]:
    """(status, code) of relaying a body; written as JSON writes what UTF-8 cannot."""
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json", "Prefer": "wait=30"}
    async with node.client(organisation, "oracle") as client:
        answer = await client.post("/v1/attestations", content=json.dumps(body), headers=headers)
    document = answer.json()
    return answer.status_code, str(document.get("code") or document["transaction"]["code"])


@pytest.mark.parametrize(("table", "code"), [("committee", "wrong_epoch"), ("device", "unknown_device")])
async def test_what_a_rebuilt_read_model_does_not_know_yet_is_no_refusal(
    node: Running, monkeypatch: pytest.MonkeyPatch, table: str, code: str
) -> None:
    story = Story(node)
    await story.issue()
    body = story.statement("slot", story.slot, 0, {"quantity_g": 1}, back=1)
    with node.node.read_model.write() as connection:
        connection.execute(tables.READ_MODEL.tables[table].delete())
    assert await code_of(node, body) == (409, code)
    monkeypatch.setattr(attestations, "CATCH_UP_S", 0.05)
    monkeypatch.setitem(node.node.position._at, LEDGER, START)  # pyright: ignore[reportPrivateUsage] -- behind, and standing still
    assert await code_of(node, body) == (503, "unavailable")


WINDOW = {"quantity_g": 20_000_000, "unexplained_loss_g": 0, "gap_s": 0, "run_length": 0}
Change = dict[str, Any]


async def window_of(node: Running) -> dict[str, Any]:
    story = Story(node)
    await story.issue()
    await story.pledge_it()
    return story.statement("slot", story.slot, 0, WINDOW, back=1)


def place_in(log: Log, node: Running, body: dict[str, Any], anchored: str = "") -> Change:
    """{checkpoint, inclusion}: the body's packs appended to a member's log; `consistency` from an anchored note."""
    packs = [parse_pack(base64.b64decode(raw), node.node.consortium.consortium_id) for raw in body["packs"]]
    at = [log.tree.append(pack.sig_structure) for pack in packs]
    size = len(log.tree)
    proofs = [
        {
            "digest": pack.digest.hex(),
            "index": index,
            "path": [step.hex() for step in log.tree.inclusion_proof(index, size)],
        }
        for pack, index in zip(packs, at, strict=True)
    ]
    place = {"checkpoint": log.note(size), "inclusion": {"origin": log.origin, "size": size, "proofs": proofs}}
    if anchored:
        place["consistency"] = {"from": anchored, "path": log.path(size, int(anchored.split("\n")[1]))}
    return place


async def bundle_of(node: Running, body: dict[str, Any]) -> bytes:
    await Story(node).until_recorded(body)
    digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
    answer = await node.get("regulator", f"/v1/evidence/{digest}")
    assert answer.status_code == 200, answer.text
    return answer.content


def lies(log: Log, true: Change) -> dict[str, tuple[str, Change]]:
    """name → (code, what a rogue member says instead)."""
    inclusion = true["inclusion"]
    (proof,) = inclusion["proofs"]
    elsewhere = Checkpoint("wuxin/1/elsewhere", inclusion["size"], log.tree.root())

    def proving(**change: Any) -> Change:
        return {"inclusion": inclusion | {"proofs": [proof | change]}}

    return {
        "no note": ("malformed", {"checkpoint": "nonsense"}),
        "other key": ("bad_signature", {"checkpoint": true["checkpoint"].replace("— inspector ", "— bank ")}),
        "other log": ("proof_invalid", {"checkpoint": sign_checkpoint(elsewhere, log.organisation, log.key).decode()}),
        "other size": ("proof_invalid", {"inclusion": inclusion | {"size": 3}}),
        "no proof": ("proof_invalid", {"inclusion": inclusion | {"proofs": []}}),
        "other index": ("proof_invalid", proving(index=0)),
        "other path": ("proof_invalid", proving(path=proof["path"][::-1])),
        "spelled twice": ("malformed", proving(path=[step.upper() for step in proof["path"]])),
        "no JSON": ("malformed", {"inclusion": inclusion | {"x": "\ud800"}}),
        "half": ("malformed", {"inclusion": None}),
        "no packs": ("malformed", {"packs": []}),
    }


async def test_a_rogue_first_upload_takes_no_bundle_away(node: Running) -> None:
    body = await window_of(node)
    rogue = Log(node, "inspector")
    true = place_in(rogue, node, body)
    for name, (code, lie) in lies(rogue, true).items():
        assert await code_of(node, body | true | lie, "inspector") == (409 if code != "malformed" else 400, code), name
    honest = Log(node)
    anchored = await honest.anchor(node)
    assert (await code_of(node, body | place_in(honest, node, body, anchored)))[0] == 200
    raw = await bundle_of(node, body)
    assert read_bundle(raw).members["log/checkpoint"].decode().startswith(honest.origin)
    assert verify_bundle(raw, Trust.parse((node.home / "trust.json").read_bytes())).exit_status == VALID


async def test_a_checkpoint_of_another_members_log_is_not_taken(node: Running) -> None:
    body = await window_of(node)
    assert (await code_of(node, body | place_in(Log(node), node, body), "inspector"))[1] == "bad_signature"


async def test_an_upload_without_its_place_in_a_log_is_completed_by_a_later_one(node: Running) -> None:
    body = await window_of(node)
    assert (await code_of(node, body | {"packs": []}, "inspector"))[0] == 200
    assert not [name for name in read_bundle(await bundle_of(node, body)).members if name.startswith(("packs", "log"))]
    first, second = Log(node), Log(node, "insurer")
    for log in (first, second):
        assert (await code_of(node, body | place_in(log, node, body), log.organisation))[0] == 200
    members = read_bundle(await bundle_of(node, body)).members
    assert members["log/checkpoint"].decode().startswith(first.origin)
    assert [name for name in members if name.startswith("packs")]


async def test_checking_what_was_handed_in_costs_an_alarm_less_than_three_milliseconds(node: Running) -> None:
    body = await window_of(node)
    place = place_in(Log(node, leaves=1_000), node, body)
    packs = [parse_pack(base64.b64decode(raw), node.node.consortium.consortium_id) for raw in body["packs"]]
    took_s: list[float] = []
    for _ in range(20):
        started = time.perf_counter()
        require_in_log(
            node.node.read_model, node.node.consortium, "bank", packs, place["checkpoint"], place["inclusion"]
        )
        took_s.append(time.perf_counter() - started)
    assert min(took_s) < 0.003


async def detail_of(node: Running, body: dict[str, Any]) -> tuple[str, str]:
    answer = (await node.post("bank", "/v1/attestations", body, name="oracle")).json()
    return str(answer["code"]), str(answer["detail"])


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ((), "colour"),
        (("attestation",), "colour"),
        (("attestation", "attestation"), "window_length"),
        (("attestation", "attestation", "indicators", 0), "unit"),
        (("attestation", "signatures", 0), "algorithm"),
        (("inclusion",), "root"),
        (("inclusion", "proofs", 0), "leaf"),
        (("consistency",), "note"),
    ],
    ids=str,
)
async def test_a_field_that_nobody_declared_is_malformed_and_named_wherever_it_stands(
    node: Running, path: tuple[str | int, ...], field: str
) -> None:
    log = Log(node)
    body = await window_of(node)
    body |= place_in(log, node, body) | {"consistency": {"from": log.note(4), "path": log.path(len(log.tree), 4)}}
    inner: Any = body
    for step in path:
        inner = inner[step]
    inner[field] = "x"
    code, detail = await detail_of(node, body)
    assert code == "malformed" and field in detail and detail.endswith("is not a known field")
    del inner[field]
    assert (await code_of(node, body))[0] == 200
