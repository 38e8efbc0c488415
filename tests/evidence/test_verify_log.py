"""What a verifier makes of the path from an earlier checkpoint: it holds and is told, or the bundle is invalid."""

import json
from collections.abc import Callable

import pytest

from tests.evidence.bundle_maker import LOG, Consortium
from wuxin_evidence.bundle.members import consistency_members
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import Verdict, verify_bundle
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint
from wuxin_evidence.log.tree import Tree

ANCHORS = "compare with the anchored checkpoints"
CONSISTENCY = "log/consistency.json"


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture(scope="module")
def trust(consortium: Consortium) -> Trust:
    return consortium.trust


def of_log(verdict: Verdict) -> tuple[list[str], list[str]]:
    """What was checked and what is assumed of the log."""
    checked = [finding.detail for finding in verdict.checked if finding.check == "log"]
    return checked, [finding.detail for finding in verdict.assumed if finding.check == "log"]


def test_growth_is_shown_and_the_anchor_itself_is_assumed(consortium: Consortium, trust: Trust) -> None:
    verdict = verify_bundle(consortium.bundle(), trust)
    checked, assumed = of_log(verdict)
    assert any("grew from size 5" in each for each in checked)
    assert len(assumed) == 1 and "at size 5 is anchored" in assumed[0] and ANCHORS in assumed[0]


def test_without_a_path_the_past_is_missing_and_nothing_is_assumed_of_it(consortium: Consortium, trust: Trust) -> None:
    members = {name: raw for name, raw in consortium.members.items() if name != CONSISTENCY}
    verdict = verify_bundle(consortium.bundle(members), trust)
    checked, assumed = of_log(verdict)
    assert verdict.exit_status == 2 and len(checked) == 1 and not assumed
    assert [finding.check for finding in verdict.missing] == ["log"] and CONSISTENCY in verdict.missing[0].detail


def note(tree: Tree, key: SigningKey, origin: str = LOG) -> bytes:
    return sign_checkpoint(Checkpoint(origin, len(tree), tree.root()), "bank", key)


def of_five(first: bytes = b"earlier pack 0") -> Tree:
    tree = Tree()
    for leaf in (first, *(b"earlier pack %d" % n for n in range(1, 5))):
        tree.append(leaf)
    return tree


FORGERIES: dict[str, tuple[Callable[[SigningKey], bytes], str]] = {
    "another key": (lambda _: note(of_five(), SigningKey.generate("sm2-sm3")), "bad_signature"),
    "another size": (lambda key: note(of_five(), key).replace(b"\n5\n", b"\n4\n"), "bad_signature"),
    "another past": (lambda key: note(of_five(b"taken out"), key), "proof_invalid"),
    "another log": (lambda key: note(of_five(), key, LOG + "/2022"), "proof_invalid"),
    "no note": (lambda _: b"five", "malformed"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_earlier_checkpoint_fails(consortium: Consortium, trust: Trust, forgery: str) -> None:
    made, code = FORGERIES[forgery]
    path = [bytes.fromhex(each) for each in consistency_of(consortium)]
    forged = consistency_members(made(consortium.oracle["bank"][0]), path)
    verdict = verify_bundle(consortium.bundle({**consortium.members, **forged}), trust)
    assert verdict.exit_status == 1
    assert [(finding.check, finding.code) for finding in verdict.failed] == [("log", code)]


def consistency_of(consortium: Consortium) -> list[str]:
    """The true path, as the bundle carries it."""
    return json.loads(consortium.members[CONSISTENCY])["path"]
