"""Every kind of attestation has a bundle that verifies, for every organisation entitled to it.

One node tells the story of a loan on embedded ledgers; each organisation asks for the bundle of each attestation over
HTTP and verifies it with the home's trust file. What the oracle's own members sign is held against the same check.
"""

import asyncio
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from network.bringup import tools
from node.demo.founding import demo_product, found
from node.projection import tables
from oracle.sources.values import SourceValues
from tests.node.conftest import Running, running
from tests.node.story import PLEDGE, QUANTITY_G, Story
from tests.node.test_anchors import Log
from tests.node.test_uploads import WINDOW, code_of, place_in
from tests.oracle.trio import AFTER_GRACE_S, CONSORTIUM, NAMES, T0_S, Trio, mass
from wuxin_evidence.attestation import ALARM, KIND_NAMES, LIEN, PRICE, SCHEDULED, SignedAttestation
from wuxin_evidence.bundle.archive import Bundle, read_bundle
from wuxin_evidence.bundle.case import Case, Checked
from wuxin_evidence.bundle.check_evidence import check_pack_set
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INCOMPLETE, INVALID, VALID, Verdict, verify_bundle
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import COMMON, parse, parse_block
from wuxin_evidence.log.tree import EMPTY_ROOT
from wuxin_evidence.packs.pack import parse_pack


@dataclass(frozen=True)
class Told:
    """A told story: its home, the bundle of each kind for each organisation, and the trust file."""

    home: Path
    bundles: dict[tuple[str, str], bytes]
    circle: tuple[str, ...]
    trust: Trust

    def verdict(self, kind: str, organisation: str) -> Verdict:
        return verify_bundle(self.bundles[kind, organisation], self.trust)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "home"
    found(home)
    return home


@pytest.fixture(scope="module")
def told(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return asyncio.run(tell(shutil.copytree(founded, tmp_path_factory.mktemp("told") / "home")))


async def tell(home: Path) -> Told:
    async with running(home) as node:
        consortium, story = node.node.consortium, Story(node)
        attested = await attest_every_kind(node, story)
        bundles: dict[tuple[str, str], bytes] = {}
        for kind, body in attested.items():
            digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
            for organisation in consortium.organisations:
                answer = await node.get(organisation.name, f"/v1/evidence/{digest}")
                assert answer.status_code == 200, answer.text
                bundles[kind, organisation.name] = answer.content
        (circle,) = consortium.circles
        return Told(home, bundles, circle.members, Trust.parse((home / "trust.json").read_bytes()))


async def attest_every_kind(node: Running, story: Story) -> dict[str, dict[str, Any]]:
    """The relayed body of each kind, in the order of a loan; packs are in the bank's log."""
    await story.issue()
    await story.pledge_it()
    lien = {"lien_active": 1, "receipt_quantity_g": QUANTITY_G, "receipt_status": 1}
    bodies = {
        "lien": story.statement("pledge", PLEDGE, LIEN, lien),
        "price": story.statement("commodity", "copper-cathode", PRICE, {"price_minor_per_t": 7_000_000}),
        "scheduled": story.statement("slot", story.slot, SCHEDULED, WINDOW, back=1),
        "alarm": story.statement("slot", story.slot, ALARM, WINDOW | {"unexplained_loss_g": QUANTITY_G}),
    }
    log = Log(node)
    anchored = await log.anchor(node)
    for body in bodies.values():
        body.update(place_in(log, node, body, anchored) if body["packs"] else {})
        await story.relay(body)
    return bodies


ORGANISATIONS = ("bank", "insurer", "manufacturer", "warehouse", "inspector", "regulator")


BEFORE_THE_RECEIPT = ("scheduled", "manufacturer")
"""The window ended before the receipt was issued: its owner had nothing on the slot and gets no raw packs."""
WITHOUT_PACKS = {"packs", "pack set", "log"}
"""What a verifier misses in such a bundle."""


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_whoever_is_entitled_to_a_bundle_can_verify_it(told: Told, kind: str, organisation: str) -> None:
    verdict = told.verdict(kind, organisation)
    assert verdict.failed == ()
    if (kind, organisation) == BEFORE_THE_RECEIPT:
        assert ({each.check for each in verdict.missing}, verdict.exit_status) == (WITHOUT_PACKS, INCOMPLETE)
    elif organisation in told.circle:
        assert (verdict.missing, verdict.exit_status) == ((), VALID)
    else:
        assert ({each.check for each in verdict.missing}, verdict.exit_status) == (
            {"obligations", "rule pack"},
            INCOMPLETE,
        )


def test_every_organisation_of_the_consortium_was_asked(told: Told) -> None:
    assert {organisation for _, organisation in told.bundles} == set(ORGANISATIONS)
    assert {kind for kind, _ in told.bundles} == set(KIND_NAMES)


@pytest.mark.parametrize("kind", ["lien", "price"])
def test_over_no_packs_the_root_is_that_of_none_for_every_kind(told: Told, kind: str) -> None:
    signed = SignedAttestation.from_cbor(read_bundle(told.bundles[kind, "bank"]).members["attestation.cbor"])
    assert (signed.attestation.pack_count, signed.attestation.pack_root) == (0, EMPTY_ROOT)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_bundle_holds_the_rule_pack_and_the_facilitys_terms_that_name_it(told: Told, kind: str) -> None:
    members = read_bundle(told.bundles[kind, "bank"]).members
    assert sha256(members["rulepack.json"]).digest() == demo_product().pack.hash
    (shown,) = [each.detail for each in told.verdict(kind, "bank").checked if each.check == "rule pack"]
    assert f"name it, SHA-256 {demo_product().pack.hash.hex()}: e1 block" in shown
    outside = read_bundle(told.bundles[kind, "warehouse"]).members
    assert not any(name == "rulepack.json" or name.startswith("terms/") for name in outside)


async def test_a_read_model_that_names_another_pack_makes_a_bundle_that_is_incomplete_or_invalid(
    founded: Path, tmp_path: Path
) -> None:
    """What a node tells of the terms is not believed: the proposal on the chain is."""
    home = shutil.copytree(founded, tmp_path / "home")
    document = {**demo_product().pack.document, "id": "stricter-1"}
    own = sha256(canonical_json(document)).digest()
    (home / "packs").mkdir(exist_ok=True)
    (home / "packs" / "stricter.json").write_bytes(canonical_json(document))
    async with running(home) as node:
        story = Story(node)
        await story.issue()
        await story.pledge_it()
        body = story.statement("pledge", PLEDGE, LIEN, {"lien_active": 1})
        await story.relay(body)
        digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
        trust = Trust.parse((home / "trust.json").read_bytes())
        for named, carried, status in ((own, own, INVALID), (bytes(32), None, INCOMPLETE)):
            with node.node.read_model.write() as connection:
                terms = connection.execute(select(tables.facility.c.terms)).scalar_one()
                connection.execute(tables.facility.update().values(terms={**terms, "rulePack": "0x" + named.hex()}))
            raw = (await node.get("bank", f"/v1/evidence/{digest}")).content
            pack = read_bundle(raw).members.get("rulepack.json")
            assert (None if pack is None else sha256(pack).digest()) == carried
            verdict = verify_bundle(raw, trust)
            assert {each.check for each in (*verdict.missing, *verdict.failed)} == {"rule pack"}
            assert verdict.exit_status == status


def blocks_of(home: Path) -> list[bytes]:
    with closing(sqlite3.connect(home / "ledger" / "facts.db")) as database:
        return [bytes(row[0]) for row in database.execute("SELECT block FROM blocks ORDER BY number")]


@pytest.mark.engine("fabric")
def test_configtxlator_reads_every_block_of_the_embedded_ledger(told: Told, tmp_path: Path) -> None:
    blocks = blocks_of(told.home)
    assert len(blocks) > 10
    for number, raw in enumerate(blocks):
        (tmp_path / "block.pb").write_bytes(raw)
        command = [tools.command("configtxlator"), "proto_decode", "--type", "common.Block"]
        command += ["--input", str(tmp_path / "block.pb")]
        read = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert int(read["header"]["number"] or 0) == number
        assert len(read["data"]["data"]) == len(parse_block(raw).transactions)
        if number == 0:
            config = read["data"]["data"][0]["payload"]["data"]["config"]["channel_group"]
            assert set(config["groups"]["Application"]["groups"]) == {each.msp_id for each in told.trust.organisations}
            assert told.trust.consortium_id.hex() in config["values"]["Consortium"]["value"]["name"]


def test_block_0_has_nothing_where_fabrics_tools_expect_a_transaction(told: Told) -> None:
    """`configtxlator` refuses a channel header with an extension in anything but an endorsed transaction."""
    (envelope,) = parse_block(blocks_of(told.home)[0]).envelopes
    payload = parse(COMMON.Payload, parse(COMMON.Envelope, envelope).payload)
    assert parse(COMMON.ChannelHeader, payload.header.channel_header).extension == b""


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    made = Trio(tmp_path)
    yield made
    made.close()


READ = (
    SourceValues(LIEN, "pledge", "p-1", {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 80_000_000}),
    SourceValues(PRICE, "commodity", "copper-cathode", {"price_minor_per_t": 957_000}, since_s=T0_S - 86_400),
)


def test_what_members_sign_of_each_kind_is_what_the_verifier_expects(trio: Trio) -> None:
    for name in NAMES:
        trio.reads[name] = list(READ)
    trio.look()
    trio.settle()
    envelopes = [trio.send(mass(80_000, 100)), trio.send(mass(70_000, 110))]
    trio.pass_to(AFTER_GRACE_S)
    for kind in (SCHEDULED, ALARM, LIEN, PRICE):
        attested = trio.attested("bank", kind)
        assert attested, f"no {KIND_NAMES[kind]} attestation"
        for signed in attested:
            assert [type(note) for note in check_pack_set(case_of(signed, envelopes))] == [Checked]


def case_of(signed: SignedAttestation, envelopes: list[bytes]) -> Case:
    """The attestation with the packs under it: all that were sent, or none."""
    packs = [parse_pack(each, CONSORTIUM) for each in envelopes[: signed.attestation.pack_count]]
    named = {f"packs/{pack.digest.hex()}.cose": pack.envelope for pack in packs}
    return Case(Bundle({"attestation.cbor": signed.to_cbor(), **named}, {}), None)


async def test_a_lien_over_another_root_than_that_of_none_is_refused(founded: Path, tmp_path: Path) -> None:
    async with running(shutil.copytree(founded, tmp_path / "home")) as node:
        story = Story(node)
        await story.issue()
        await story.pledge_it()
        body = story.statement("pledge", PLEDGE, LIEN, {"lien_active": 1})
        said = SignedAttestation.from_json(body["attestation"]).attestation
        body["attestation"] = story.sign(replace(said, pack_root=bytes(32))).to_json()
        assert await code_of(node, body) == (400, "malformed")
