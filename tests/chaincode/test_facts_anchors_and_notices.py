"""Anchored checkpoints that continue one another, and notices that were read."""

from typing import Any

import pytest

from tests.chaincode.facts_world import CONSORTIUM_ID, START_S, World
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint
from wuxin_evidence.log.tree import Tree

ORIGIN = f"wuxin/1/{CONSORTIUM_ID.hex()}/logs/bank"
HASH = "ab" * 32


def tree(size: int, *, seed: bytes = b"leaf") -> Tree:
    grown = Tree()
    for number in range(size):
        grown.append(seed + str(number).encode())
    return grown


def checkpoint(
    world: World, log: Tree, size: int, anchored: int = 0, *, origin: str = ORIGIN, signer: str = "bank"
) -> dict[str, Any]:
    """The argument of `anchor_checkpoint` for the first `size` leaves, continuing `anchored`."""
    note = sign_checkpoint(Checkpoint(origin, size, log.root(size)), signer, world.keys[signer])
    proof = log.consistency_proof(anchored, size) if anchored else []
    return {"origin": origin, "note": note.decode(), "consistency": [one.hex() for one in proof]}


def test_a_log_is_anchored_as_it_grows(world: World) -> None:
    log = tree(9)
    for size, anchored in ((4, 0), (7, 4), (9, 7)):
        world.call("bank", "anchor_checkpoint", **checkpoint(world, log, size, anchored))
    assert world.record(f"anchor-head/{ORIGIN}")["size"] == 9
    assert world.record(f"anchor/{ORIGIN}/{4:016d}")["root"] == log.root(4).hex()
    assert world.events()[0]["type"] == "checkpoint_anchored"


def test_the_same_checkpoint_again_has_no_effect(world: World) -> None:
    log = tree(4)
    world.call("bank", "anchor_checkpoint", **checkpoint(world, log, 4))
    world.call("bank", "anchor_checkpoint", **checkpoint(world, log, 4))
    assert world.last is not None
    assert not world.last.writes


def test_a_rewritten_log_is_refused(world: World) -> None:
    log, rewritten = tree(9), tree(9, seed=b"other")
    world.call("bank", "anchor_checkpoint", **checkpoint(world, log, 4))
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, rewritten, 9, 4)) == "conflict"
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, rewritten, 4)) == "equivocation"
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, log, 3)) == "sequence_regressed"
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, log, 9)) == "conflict"


def test_a_first_checkpoint_continues_nothing(world: World) -> None:
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, tree(9), 9, 4)) == "malformed"


def test_only_the_calling_members_key_signs_its_log(world: World) -> None:
    arguments = checkpoint(world, tree(4), 4)
    world.keys["bank"] = SigningKey.generate("sm2-sm3")
    forged = checkpoint(world, tree(4), 4)
    assert world.refused("bank", "anchor_checkpoint", **forged) == "bad_signature"
    altered = arguments | {"note": arguments["note"].replace("\n4\n", "\n5\n")}
    assert world.refused("bank", "anchor_checkpoint", **altered) == "bad_signature"
    signed_by_another = checkpoint(world, tree(4), 4, signer="insurer")
    assert world.refused("bank", "anchor_checkpoint", **signed_by_another) == "bad_signature"


def test_an_origin_names_its_organisation(world: World) -> None:
    log = tree(4)
    assert world.refused("insurer", "anchor_checkpoint", **checkpoint(world, log, 4, signer="insurer")) == "forbidden"
    elsewhere = checkpoint(world, log, 4, origin="wuxin/elsewhere")
    assert world.refused("bank", "anchor_checkpoint", **elsewhere) == "forbidden"
    world.call("bank", "anchor_checkpoint", **checkpoint(world, log, 4, origin=ORIGIN + "/2022"))
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, log, 4) | {"origin": ORIGIN + "/x"}) == (
        "malformed"
    )


@pytest.mark.parametrize("stranger", ["warehouse", "manufacturer", "regulator", "other-bank"])
def test_only_committee_members_anchor(world: World, stranger: str) -> None:
    assert world.refused(stranger, "anchor_checkpoint", **checkpoint(world, tree(4), 4)) == "forbidden"


def test_a_committee_to_come_does_not_anchor_yet(world: World) -> None:
    following = world.committee(epoch=2, active_from_s=START_S + 900)
    following["members"][0]["organisation"] = "other-bank"
    world.call("regulator", "set_committee", **following)
    world.call("bank", "anchor_checkpoint", **checkpoint(world, tree(4), 4))
    world.now_s += 901
    assert world.refused("bank", "anchor_checkpoint", **checkpoint(world, tree(5), 5, 4)) == "forbidden"


@pytest.mark.parametrize("note", ["", "hello", "a\n1\nAAAA\n", "x" * 4097])
def test_a_note_of_another_form_is_malformed(world: World, note: str) -> None:
    arguments = checkpoint(world, tree(4), 4) | {"note": note}
    assert world.refused("bank", "anchor_checkpoint", **arguments) == "malformed"


def test_a_proof_is_bounded(world: World) -> None:
    arguments = checkpoint(world, tree(4), 4) | {"consistency": [HASH] * 65}
    assert world.refused("bank", "anchor_checkpoint", **arguments) == "malformed"


@pytest.mark.parametrize("organisation", ["insurer", "regulator", "bank"])
def test_a_notice_is_acknowledged_once_by_each(world: World, organisation: str) -> None:
    for _ in range(2):
        read = world.call(organisation, "acknowledge_notice", event_id="f:120.3.0", content_hash=HASH)
    assert world.record(f"notice-ack/f:120.3.0/{organisation}") == read
    assert world.last is not None
    assert not world.last.writes
    other = {"event_id": "f:120.3.0", "content_hash": "cd" * 32}
    assert world.refused(organisation, "acknowledge_notice", **other) == "conflict"


@pytest.mark.parametrize(
    "event_id",
    [
        "120.3.0", "f:120", "F:1.2.3", "f:1.2.3.4", "e1:44.2/x", "f:-1.2.3", "1e:1.2", "e:1.2",
        "f:01.0.3", "f:1.00.3", "f:1.0.03", "e1:044.2", "f:\uff11.0.3", "e1:\u0664.2", "f:+1.0.3", "f:1.2", "e1:1.2.0",
        "f:1.2.3\n", "f:1000000000000.0.0", "f:1.1000000000.0", "f:1.2.1000000",
    ],
)  # fmt: skip
def test_an_event_id_of_another_form_is_malformed(world: World, event_id: str) -> None:
    arguments = {"event_id": event_id, "content_hash": HASH}
    assert world.refused("bank", "acknowledge_notice", **arguments) == "malformed"


def test_events_of_both_ledgers_are_acknowledged(world: World) -> None:
    for event_id in ("f:120.3.0", "e1:44.2"):
        world.call("regulator", "acknowledge_notice", event_id=event_id, content_hash=HASH)
