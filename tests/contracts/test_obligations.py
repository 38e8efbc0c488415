"""The obligations themselves: fuzz, invariants and stories run by forge, and the digest both sides must share."""

import re
import subprocess
from pathlib import Path

import pytest

from contracts import build
from tests.contracts import vectors
from wuxin_evidence.attestation import ALARM, OK, SUSPECT, Attestation, Indicator, sequence_of
from wuxin_evidence.ids import indicator_id, keccak256, subject

CONTRACTS = Path(build.__file__).parent
SHARED_DIGEST = "e74999781fc44db18af79301562c34933f4d66af6205c18a7b8ad03e0a16e0fe"
"""Also in contracts/forge/AttestationFeed.t.sol."""
FORGE_TIMEOUT_S = 300
"""A run takes some fifteen seconds on two idle cores."""


@pytest.mark.engine("forge")
def test_forge_finds_no_counterexample_and_the_vectors_hold() -> None:
    vectors.write(vectors.files())
    run = subprocess.run(
        [CONTRACTS / "node_modules" / ".bin" / "forge", "test", "--offline"],
        cwd=CONTRACTS,
        env=build.node_environment(),
        capture_output=True,
        text=True,
        timeout=FORGE_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    summary = re.search(r"(\d+) tests passed, 0 failed, 0 skipped", run.stdout)
    written = sum(
        len(re.findall(r"function (?:test|invariant)", path.read_text("utf-8")))
        for path in (CONTRACTS / "forge").glob("*.t.sol")
    )
    assert summary is not None
    assert int(summary[1]) == written


def test_the_digest_is_the_one_that_the_contracts_compute() -> None:
    consortium_id = keccak256(b"consortium")
    attestation = Attestation(
        consortium_id=consortium_id,
        epoch=1,
        subject=subject("slot", "s1"),
        kind=ALARM,
        sequence=sequence_of(1_823_455, 7),
        window_start=1_641_081_600,
        window_end=1_641_081_700,
        profile=keccak256(b"profile"),
        pack_root=keccak256(b"packs"),
        pack_count=3,
        late_count=1,
        indicators=tuple(
            sorted(
                (
                    Indicator(indicator_id("unexplained_loss_g"), -(2**127), 9_999, SUSPECT),
                    Indicator(indicator_id("quantity_g"), 2**127 - 1, 10_000, OK),
                ),
                key=lambda each: each.id,
            )
        ),
    )
    assert attestation.digest().hex() == SHARED_DIGEST
