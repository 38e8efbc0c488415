"""The circle decides who sees the obligations' transactions; the data class decides who gets raw packs."""

import io
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from network.membership.consortium import Organisation
from node.evidence.entitlement import may_read_packs
from node.lending.duties import Duty
from node.projection import tables
from tests.node.conftest import Running
from tests.node.story import DEVICE, Story
from wuxin_evidence.attestation import Attestation, SignedAttestation


async def bundle_of(node: Running, organisation: str, digest: str) -> set[str]:
    answer = await node.get(organisation, f"/v1/evidence/{digest}")
    assert answer.status_code == 200, answer.text
    return set(zipfile.ZipFile(io.BytesIO(answer.content)).namelist())


def digest_of(body: dict[str, Any]) -> str:
    return SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()


async def weighed(node: Running, story: Story) -> dict[str, Any]:
    """A slot whose device spoke, before any receipt was over it."""
    await node.done("warehouse", "/v1/slots", {"slot_id": story.slot})
    await node.done("warehouse", "/v1/devices", story.device())
    body = story.statement("slot", story.slot, 0, {"quantity_g": 1}, back=1)
    await story.relay(body)
    return body


async def test_raw_packs_are_for_those_whose_they_are(node: Running) -> None:
    story = Story(node)
    digest = digest_of(await weighed(node, story))
    for entitled in ("warehouse", "bank", "inspector", "regulator"):
        assert any(name.startswith("packs/") for name in await bundle_of(node, entitled, digest)), entitled
    others = await bundle_of(node, "manufacturer", digest)
    assert not any(name.startswith("packs/") for name in others) and "attestation.json" in others


async def test_an_outsider_of_the_circle_sees_nothing_of_the_obligations(node: Running) -> None:
    story = Story(node)
    digest = digest_of(await weighed(node, story))
    inside = (await node.get("bank", f"/v1/attestations/{digest}")).json()
    outside = (await node.get("warehouse", f"/v1/attestations/{digest}")).json()
    assert inside["obligations"]["tx_id"] and outside["obligations"] is None
    tx_id = inside["obligations"]["tx_id"]
    assert (await node.get("warehouse", f"/v1/evidence/{tx_id}")).json()["code"] == "not_found"
    assert not any(name.startswith("obligations/") for name in await bundle_of(node, "warehouse", digest))
    assert any(name.startswith("obligations/") for name in await bundle_of(node, "bank", tx_id))
    events = (await node.get("bank", "/v1/events", limit=500)).json()["items"]
    of_the_chain = next(each["id"] for each in events if each["id"].startswith("e1:"))
    path = f"/v1/events/{of_the_chain}"
    assert (await node.get("bank", path)).status_code == 200
    assert (await node.get("warehouse", path)).json()["code"] == "not_found"


async def test_duties_between_the_ledgers_are_not_an_outsiders(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    duty = Duty("conflict", 1000, "bank", 9, "look")
    monkeypatch.setattr("node.api.network.duties.all_duties", lambda *_: [("r", "p", duty)])
    assert len((await node.get("bank", "/v1/duties")).json()["items"]) == 1
    assert (await node.get("warehouse", "/v1/duties")).json()["items"] == []


def reader(name: str) -> Organisation:
    return Organisation(name, f"{name}MSP", "", ("bank",), endorses=True, oracle=False)


async def test_parties_are_those_of_the_attested_window(node: Running) -> None:
    """Who owned, stored or had a pledge on what lay there then; not who comes later, or was only asked."""
    story = Story(node)
    body = await weighed(node, story)
    attestation = SignedAttestation.from_json(body["attestation"]).attestation
    now_s = story.now_s

    def entitled(name: str, since_s: int, until_s: int) -> bool:
        window = {"window_start": since_s, "window_end": until_s}
        seen = Attestation(**{**vars(attestation), **window})
        with node.node.read_model.read() as connection:
            return may_read_packs(connection, reader(name), seen, [])

    await node.done("warehouse", "/v1/receipts", story.receipt())
    assert entitled("manufacturer", now_s, now_s + 900), "owner of what lies there"
    assert entitled("warehouse", now_s, now_s + 900), "who stores it"
    assert not entitled("manufacturer", now_s - 9_000, now_s - 8_100), "before the receipt"
    await node.done("manufacturer", "/v1/pledges", story.pledge())
    assert not entitled("bank", now_s, now_s + 900), "only asked"
    await node.done("bank", "/v1/facilities", story.facility())
    terms = {name: story.pledge()[name] for name in ("terms", "salt")}
    await node.done("bank", "/v1/pledges/pledge-1/accept", {"facility_id": "facility-1", **terms})
    assert entitled("bank", now_s, now_s + 900) and not entitled("other-bank", now_s, now_s + 900)
    await node.done("bank", "/v1/pledges/pledge-1/release", {})
    await node.done("manufacturer", "/v1/receipts/receipt-1/request-delivery", {})
    await node.done("warehouse", "/v1/receipts/receipt-1/deliver", {})
    later_s = story.now_s + 9_000
    assert entitled("bank", now_s, later_s), "it had the pledge in that window"
    assert not entitled("bank", later_s, later_s + 900) and not entitled("manufacturer", later_s, later_s + 900)
    with node.node.read_model.read() as connection:
        assert connection.execute(select(tables.device.c.id)).scalars().all() == [DEVICE]
