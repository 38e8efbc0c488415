"""What comes in costs the node little: no key, no reading; no slow body; no body that is slow to check."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node import __main__ as serving
from node.api import limits
from node.api.limits import BODY_BYTES_MAX, require_sound
from node.api.relayed import PACKS_MAX
from node.gate.problems import Problem
from tests.node.conftest import Running
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import PROOF_HASHES_MAX
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading


@pytest.mark.parametrize("pattern", [b'\\"', b'"', b"\\", b"["], ids=["escapes", "quotes", "backslashes", "brackets"])
def test_a_body_of_the_full_size_is_checked_in_linear_time(pattern: bytes) -> None:
    raw = b'"' + pattern * ((BODY_BYTES_MAX - 1) // len(pattern))
    started = time.process_time()
    with pytest.raises((Problem, EvidenceError)) as refused:
        require_sound(raw)
    assert refused.value.code == "malformed"
    assert time.process_time() - started < 2


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer wx_unknown"}], ids=["none", "unknown"])
async def test_nothing_is_read_for_who_has_no_key(node: Running, authorization: dict[str, str]) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(8):
            read += 1
            yield b'"' + b'\\"' * 1_000

    async with node.client(None) as client:
        answer = await client.post("/v1/slots", content=body(), headers=authorization)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert read == 0


async def post_by_hand(node: Running, *messages: dict[str, Any]) -> dict[str, Any]:
    """A POST whose body comes as ``messages`` and then not at all; gives the problem document."""
    sent: list[dict[str, Any]] = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    authorization = f"Bearer {node.key('warehouse')}".encode()
    headers = [(b"authorization", authorization), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/slots", "query_string": b"", "headers": headers}
    await node.app(scope, receive, send)
    document: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in sent))
    return document


async def test_a_body_that_comes_too_slowly_is_given_up(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_READ_S", 0.05)
    problem = await post_by_hand(node, {"type": "http.request", "body": b"{", "more_body": True})
    assert problem["code"] == "unavailable" and "did not come" in problem["detail"]


async def test_half_a_body_is_not_taken_for_a_whole_one(node: Running) -> None:
    half = {"type": "http.request", "body": b"{} ", "more_body": True}
    problem = await post_by_hand(node, half, {"type": "http.disconnect"})
    assert problem["code"] == "malformed" and "ended" in problem["detail"]


PACKS_OF_A_WINDOW = 1_000  # what members admit for one slot and window
PACK_BYTES = 4_096  # 180 readings; what a device says in one breath has one to ten
LOG_LEVELS = 32


def test_an_attestation_may_cite_every_pack_that_members_admit_for_its_window() -> None:
    readings = [Reading("mass_kg", 20_000 + n, "kg", 1_641_114_000_000 + n * 1_000) for n in range(180)]
    envelope = sign_pack(SigningKey.generate("sm2-sm3"), bytes(32), "s" * 64, 1, 2**40, readings)
    assert 3_900 < len(envelope) <= PACK_BYTES and len(parse_pack(envelope, bytes(32)).readings) == 180
    text = base64.b64encode(bytes(PACK_BYTES)).decode()
    proof = {"digest": "ab" * 32, "index": 2**LOG_LEVELS, "path": ["ab" * 32] * LOG_LEVELS}
    body = {
        "attestation": "x" * 20_000,
        "packs": [text] * PACKS_OF_A_WINDOW,
        "checkpoint": "x" * 4_096,
        "inclusion": {"origin": "x" * 200, "size": 2**LOG_LEVELS, "proofs": [proof] * PACKS_OF_A_WINDOW},
        "consistency": {"from": "x" * 4_096, "path": ["ab" * 32] * PROOF_HASHES_MAX},
    }
    raw = json.dumps(body).encode()
    assert len(raw) <= BODY_BYTES_MAX
    require_sound(raw)
    assert PACKS_OF_A_WINDOW <= PACKS_MAX


def test_the_server_answers_a_bounded_number_of_connections() -> None:
    assert 0 < serving.CONCURRENCY_MAX <= serving.BACKLOG
