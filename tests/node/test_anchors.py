"""A member's log is anchored through the API, and a bundle carries the path from there, if it holds."""

import base64
from typing import Any

import pytest

from network.membership.seats import open_seat
from network.membership.trust_file import log_origin
from tests.node.conftest import Running
from tests.node.story import Story
from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle.archive import read_bundle, write_bundle
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import INCOMPLETE, INVALID, VALID, verify_bundle
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint
from wuxin_evidence.log.tree import Tree
from wuxin_evidence.packs.pack import parse_pack

ANCHORS = "/v1/anchors"
CONSISTENCY = "log/consistency.json"


class Log:
    """The evidence log of one member, with its own key."""

    def __init__(self, node: Running, organisation: str = "bank", leaves: int = 9) -> None:
        self.organisation = organisation
        self.origin = log_origin(node.node.consortium, organisation)
        key = open_seat(node.home, organisation).oracle_sm2
        assert key is not None
        self.key = key
        self.tree = Tree()
        for n in range(leaves):
            self.tree.append(b"pack %d" % n)

    def note(self, size: int) -> str:
        checkpoint = Checkpoint(self.origin, size, self.tree.root(size))
        return sign_checkpoint(checkpoint, self.organisation, self.key).decode()

    def path(self, size: int, anchored: int) -> list[str]:
        return [step.hex() for step in self.tree.consistency_proof(anchored, size)]

    def body(self, size: int, anchored: int = 0) -> dict[str, Any]:
        return {"origin": self.origin, "note": self.note(size), "consistency": self.path(size, anchored)}

    async def anchor(self, node: Running) -> str:
        """Pin the log as it is to the facts; the anchored note, once the node shows it."""
        size = len(self.tree)
        body = self.body(size)
        await node.done(self.organisation, ANCHORS, body, name="oracle")
        await caught_up(node, size, self.origin)
        return body["note"]


@pytest.fixture
def log(node: Running) -> Log:
    return Log(node)


async def anchored(node: Running, **query: Any) -> list[int]:
    return [each["size"] for each in (await node.get("regulator", ANCHORS, **query)).json()["items"]]


async def caught_up(node: Running, size: int, origin: str) -> None:
    for _ in range(200):
        if size in await anchored(node, origin=origin):
            return
        await node.node.position.moved(0.1)
    raise AssertionError(f"size {size} is not shown")


async def test_a_log_is_anchored_as_it_grows_and_shown_longest_first(node: Running, log: Log) -> None:
    for size, before in ((4, 0), (7, 4), (9, 7)):
        await node.done("bank", ANCHORS, log.body(size, before), name="oracle")
    below = log.body(3) | {"origin": log.origin + "/2022"}
    below["note"] = sign_checkpoint(Checkpoint(below["origin"], 3, log.tree.root(3)), "bank", log.key).decode()
    await node.done("bank", ANCHORS, below, name="oracle")
    await caught_up(node, 3, below["origin"])
    assert await anchored(node, origin=log.origin) == [9, 7, 4]
    assert await anchored(node, origin=below["origin"]) == [3]
    first = (await node.get("regulator", ANCHORS, origin=log.origin, limit=2)).json()
    assert [each["size"] for each in first["items"]] == [9, 7] and first["items"][0]["note"] != ""
    assert await anchored(node, origin=log.origin, after=first["next"]) == [4]
    assert sorted(await anchored(node)) == [3, 4, 7, 9]
    assert await anchored(node, origin=log.origin[:-1]) == []


async def test_what_does_not_continue_the_anchored_log_is_refused_by_the_ledger(node: Running, log: Log) -> None:
    await node.done("bank", ANCHORS, log.body(7), name="oracle")
    assert await node.refused("bank", ANCHORS, log.body(4), name="oracle") == "sequence_regressed"
    assert await node.refused("bank", ANCHORS, log.body(9, 4), name="oracle") == "conflict"
    rewritten = Log(node, leaves=0)
    for n in range(9):
        rewritten.tree.append(b"another pack %d" % n)
    assert await node.refused("bank", ANCHORS, rewritten.body(7), name="oracle") == "equivocation"
    assert await node.refused("bank", ANCHORS, rewritten.body(9, 7), name="oracle") == "conflict"


async def test_only_the_oracle_key_of_the_logs_own_organisation_anchors_it(node: Running, log: Log) -> None:
    assert await node.refused("insurer", ANCHORS, log.body(4), name="oracle") == "forbidden"
    assert await node.refused("bank", ANCHORS, log.body(4)) == "forbidden"
    elsewhere = log.body(4) | {"origin": log.origin + "er"}
    assert await node.refused("bank", ANCHORS, elsewhere, name="oracle") == "forbidden"
    foreign = Log(node, "insurer").note(4)
    assert await node.refused("bank", ANCHORS, log.body(4) | {"note": foreign}, name="oracle") == "bad_signature"
    assert await anchored(node) == []


@pytest.mark.parametrize(
    "change",
    [{"consistency": ["00"]}, {"consistency": ["00" * 32] * 65}, {"note": ""}, {"origin": "a b"}, {"size": 4}],
)
async def test_an_anchor_that_is_not_well_formed_is_refused(node: Running, log: Log, change: dict[str, Any]) -> None:
    assert await node.refused("bank", ANCHORS, log.body(4) | change, name="oracle") == "malformed"


async def relayed(node: Running, log: Log, anchored_size: int, earlier: str, path: list[str] | None = None) -> bytes:
    """The bundle of a window whose packs are in the log, relayed with a path from `earlier`."""
    story = Story(node)
    await story.issue()
    await story.pledge_it()
    window = {"quantity_g": 20_000_000, "unexplained_loss_g": 0, "gap_s": 0, "run_length": 0}
    body = story.statement("slot", story.slot, 0, window, back=1)
    pack = parse_pack(base64.b64decode(body["packs"][0]), node.node.consortium.consortium_id)
    index = log.tree.append(pack.sig_structure)
    size = len(log.tree)
    proof = {
        "digest": pack.digest.hex(),
        "index": index,
        "path": [h.hex() for h in log.tree.inclusion_proof(index, size)],
    }
    body |= {
        "checkpoint": log.note(size),
        "inclusion": {"origin": log.origin, "size": size, "proofs": [proof]},
        "consistency": {"from": earlier, "path": log.path(size, anchored_size) if path is None else path},
    }
    await story.relay(body)
    digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
    return (await node.get("regulator", f"/v1/evidence/{digest}")).content


async def test_a_bundle_shows_that_its_log_continues_the_anchored_one(node: Running, log: Log) -> None:
    note = log.note(7)
    await node.done("bank", ANCHORS, log.body(7) | {"note": note}, name="oracle")
    await caught_up(node, 7, log.origin)
    raw = await relayed(node, log, 7, note)
    trust = Trust.parse((node.home / "trust.json").read_bytes())
    verdict = verify_bundle(raw, trust)
    assert verdict.exit_status == VALID, verdict.to_json()
    assert any("grew from size 7 to 10" in each.detail for each in verdict.checked)
    assert any("at size 7 is anchored" in each.detail for each in verdict.assumed), "the anchor itself is not carried"

    bundle = read_bundle(raw)
    for forged in ({"from": log.note(6)}, {"from": note.replace("\n7\n", "\n8\n")}, {"path": []}):
        told = {"from": note, "path": log.path(10, 7), **forged}
        members = {**bundle.members, CONSISTENCY: canonical_json(told)}
        clock = bundle.manifest["clock"]
        again = write_bundle(members, consortium_id=node.node.consortium.consortium_id, clock=clock)
        assert verify_bundle(again, trust).exit_status == INVALID, forged


@pytest.mark.parametrize("lie", ["not anchored", "another path"])
async def test_a_path_that_does_not_hold_is_left_out_and_only_it_is_missing(node: Running, log: Log, lie: str) -> None:
    note = log.note(7)
    await node.done("bank", ANCHORS, log.body(7) | {"note": note}, name="oracle")
    await caught_up(node, 7, log.origin)
    raw = await relayed(node, log, 6, log.note(6)) if lie == "not anchored" else await relayed(node, log, 7, note, [])
    assert CONSISTENCY not in read_bundle(raw).members
    verdict = verify_bundle(raw, Trust.parse((node.home / "trust.json").read_bytes()))
    assert (verdict.exit_status, verdict.failed) == (INCOMPLETE, ())
    assert [each.check for each in verdict.missing] == ["log"] and CONSISTENCY in verdict.missing[0].detail
