"""What is not well formed is refused with its code, in one shape, and changes nothing."""

import base64
from typing import Any

import httpx
import pytest

from node.api.limits import BODY_BYTES_MAX, DEPTH_MAX
from tests.node.conftest import Running
from tests.node.story import Story

HEADERS = {"Idempotency-Key": "k", "Content-Type": "application/json"}


async def raw(node: Running, body: bytes, path: str = "/v1/receipts") -> httpx.Response:
    async with node.client("warehouse") as client:
        return await client.post(path, content=body, headers=HEADERS)


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed"),
        (b"\xff\xfe", "malformed"),
        ("{}".encode("utf-16"), "malformed"),
        (b'{"quantity_g": 1.0}', "malformed"),
        (b'{"quantity_g": NaN}', "malformed"),
        (b'{"quantity_g": 9007199254740992}', "malformed"),
        (b'{"quantity_g": ' + b"9" * 5000 + b"}", "malformed"),
        (deep(DEPTH_MAX + 1), "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"a": "' + b"x" * BODY_BYTES_MAX + b'"}', "too_large"),
    ],
    ids=["cut", "not-utf8", "utf-16", "float", "nan", "2^53", "5000-digits", "deep", "brackets", "4MiB"],
)
async def test_a_body_that_no_reader_should_see_is_refused(node: Running, body: bytes, code: str) -> None:
    answer = await raw(node, body)
    problem = answer.json()
    assert problem["code"] == code and problem["status"] == answer.status_code, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "detail", "hint"} <= set(problem)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity_g": -1},
        {"quantity_g": "20000000"},
        {"quantity_g": True},
        {"quantity_kg": 20},
        {"loss_standard_bp": 10_001},
        {"slots": []},
        {"slots": ["BIN-16"]},
        {"owner": "The Owner"},
        {"receipt_id": "a/b"},
        {"keeper": ""},
        {"insurance": {"amount_minor": 1}},
    ],
    ids=str,
)
async def test_a_field_out_of_its_bounds_is_malformed_and_nothing_is_queued(
    node: Running, change: dict[str, Any]
) -> None:
    story = Story(node)
    answer = await node.post("warehouse", "/v1/receipts", story.receipt() | change)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert next(iter(change)) in answer.json()["detail"]
    assert (await node.get("warehouse", "/v1/transactions")).json()["items"] == []


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 129, "\u4ed3".encode().decode("latin-1")])
async def test_a_command_needs_a_sound_idempotency_key(node: Running, key: str) -> None:
    async with node.client("warehouse") as client:
        answer = await client.post(
            "/v1/slots", json={"slot_id": Story(node).slot}, headers={"Idempotency-Key": key.encode("latin-1")}
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


async def test_unknown_paths_and_pages_are_problems_too(node: Running) -> None:
    assert (await node.get("bank", "/v1/nothing")).json()["code"] == "not_found"
    assert (await node.get("bank", "/v1/receipts/none")).json()["code"] == "not_found"
    assert (await node.get("bank", "/v1/devices", limit=501)).json()["code"] == "malformed"
    assert (await node.get("bank", "/v1/events", after="nonsense")).json()["code"] == "malformed"
    assert (await node.get("bank", "/v1/evidence/" + "0" * 64)).json()["code"] == "not_found"


async def test_attestations_that_cannot_be_evidence_are_refused(node: Running) -> None:
    story = Story(node)
    await story.issue()
    body = story.statement("slot", story.slot, 0, {"quantity_g": 1}, back=1)

    async def code(**change: Any) -> str:
        answer = await node.post("bank", "/v1/attestations", body | change, name="oracle")
        return str(answer.json().get("code") or answer.json()["transaction"]["code"])

    other = story.statement("slot", story.slot, 0, {"quantity_g": 1}, back=1)["packs"]
    assert await code(packs=other) == "malformed"
    assert await code(packs=["%%%"]) == "malformed"
    envelope = base64.b64decode(body["packs"][0])
    same_content_other_signature = base64.b64encode(envelope[:-64] + bytes([1]) * 64).decode()
    assert await code(packs=[same_content_other_signature]) == "bad_signature"
    assert await code(subject_id=story.slot + "-B") == "malformed"
    statement = body["attestation"]["attestation"]
    elsewhere = body["attestation"] | {"attestation": statement | {"consortium_id": "00" * 32}}
    assert await code(attestation=elsewhere) == "wrong_aad"
    one_signature = body["attestation"] | {"signatures": body["attestation"]["signatures"][:1]}
    assert await code(attestation=one_signature) == "quorum_not_met"


async def test_the_api_page_names_every_route_with_tags(node: Running) -> None:
    async with node.client(None) as client:
        document = (await client.get("/openapi.json")).json()
    assert all(operation["tags"] for path in document["paths"].values() for operation in path.values())
    assert "/v1/collateral/{receipt_id}" in document["paths"]


async def test_what_nobody_foresaw_is_internal_and_told_to_the_log_alone(
    node: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the passphrase is 12345")

    monkeypatch.setattr("node.api.network.duties.all_duties", fail)
    answer = await node.get("bank", "/v1/duties")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (500, "internal", 500)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["instance"] == "/v1/duties" and problem["hint"]
    assert "12345" not in answer.text and "RuntimeError" not in answer.text
    (told,) = [record for record in caplog.records if record.name == "node.app"]
    assert told.getMessage() == "GET /v1/duties failed"
    assert told.exc_info is not None and "12345" in str(told.exc_info[1])


async def test_a_device_id_is_one_that_its_packs_can_carry(node: Running) -> None:
    """The id is signed with every pack; a longer one could be enrolled and never be heard."""
    body = {"device_id": "d" * 65, "suite": "eddsa", "public_key": "00" * 32, "firmware_hash": "00" * 32}
    answer = await node.post("warehouse", "/v1/devices", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert (await node.get("warehouse", "/v1/devices/" + "d" * 65)).json()["code"] == "malformed"
    assert (await node.get("warehouse", "/v1/devices/" + "d" * 64)).json()["code"] == "not_found"
