"""Every kind of attestation has a bundle that verifies, for every organisation entitled to it.

One node tells the story of a loan on embedded ledgers; each organisation asks for the bundle of each attestation over
HTTP and verifies it with the home's trust file. What the oracle's own members sign is held against the same check.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from node.demo.founding import found
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
from wuxin_evidence.bundle.verify import INCOMPLETE, VALID, Verdict, verify_bundle
from wuxin_evidence.log.tree import EMPTY_ROOT
from wuxin_evidence.packs.pack import parse_pack


@dataclass(frozen=True)
class Told:
    """A told story: the bundle of each kind for each organisation, and the trust file of its home."""

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
        return Told(bundles, circle.members, Trust.parse((home / "trust.json").read_bytes()))


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
    for body in bodies.values():
        body.update(place_in(log, node, body) if body["packs"] else {})
        await story.relay(body)
    return bodies


ORGANISATIONS = ("bank", "insurer", "manufacturer", "warehouse", "inspector", "regulator")


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_whoever_is_entitled_to_a_bundle_can_verify_it(told: Told, kind: str, organisation: str) -> None:
    verdict = told.verdict(kind, organisation)
    assert verdict.failed == ()
    if organisation in told.circle:
        assert (verdict.missing, verdict.exit_status) == ((), VALID)
    else:
        assert ({each.check for each in verdict.missing}, verdict.exit_status) == ({"obligations"}, INCOMPLETE)


def test_every_organisation_of_the_consortium_was_asked(told: Told) -> None:
    assert {organisation for _, organisation in told.bundles} == set(ORGANISATIONS)
    assert {kind for kind, _ in told.bundles} == set(KIND_NAMES)


@pytest.mark.parametrize("kind", ["lien", "price"])
def test_over_no_packs_the_root_is_that_of_none_for_every_kind(told: Told, kind: str) -> None:
    signed = SignedAttestation.from_cbor(read_bundle(told.bundles[kind, "bank"]).members["attestation.cbor"])
    assert (signed.attestation.pack_count, signed.attestation.pack_root) == (0, EMPTY_ROOT)


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
