"""The golden files are one recorded set: nobody edited one, and the script makes the same set today.

An edit is found twice. `SHA256SUMS` is written with the files, and what is signed in each file is verified against the
trust file that was recorded with it, so that sums made to fit do not help. What differs between two recordings is what
has to: keys, ids, times, and how the engines cut their blocks. ``likeness`` is all the rest.
"""

import json
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.evidence.record_golden import SUMS, record
from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle.archive import read_bundle
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import VALID, verify_bundle
from wuxin_evidence.comet.proof import verify_comet
from wuxin_evidence.comet.rpc import prove
from wuxin_evidence.fabric import (
    BlockView,
    data_hash,
    parse_block,
    require_exact_block,
    validation_code_name,
    verify_block,
)

GOLDEN = Path(__file__).parent / "golden"


def files_of(golden: Path) -> dict[str, Path]:
    found = {path.relative_to(golden).as_posix(): path for path in golden.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if name not in ("README.md", SUMS)}


def sums_of(golden: Path) -> dict[str, str]:
    listed = (golden / SUMS).read_text().split()
    return dict(zip(listed[1::2], listed[::2], strict=True))


def blocks_of(golden: Path) -> list[BlockView]:
    paths = sorted((golden / "fabric").glob("*.pb"))
    for path in paths:
        require_exact_block(path.read_bytes())
    return [parse_block(path.read_bytes()) for path in paths]


# Nobody edited a file.


def test_every_file_is_byte_for_byte_the_one_that_was_recorded() -> None:
    assert {name: sha256(path.read_bytes()).hexdigest() for name, path in files_of(GOLDEN).items()} == sums_of(GOLDEN)


def test_every_block_of_the_channel_is_signed_or_is_the_first_of_the_chain() -> None:
    facts = Trust.parse((GOLDEN / "trust.json").read_bytes()).facts
    blocks = blocks_of(GOLDEN)
    for before, block in pairwise(blocks):
        assert verify_block(block, facts.block_signers, facts.block_quorum) >= facts.block_quorum
        assert (block.previous_hash, block.data_hash) == (before.header_hash, data_hash(block.envelopes))
    assert blocks[0].data_hash == data_hash(blocks[0].envelopes), "the second block signs the header of the first"


def test_the_block_of_the_other_channel_is_signed_by_its_own_orderers() -> None:
    trust = Trust.parse((GOLDEN / "raft" / "trust.json").read_bytes())
    raw = (GOLDEN / "raft" / "newest.pb").read_bytes()
    require_exact_block(raw)
    assert verify_block(parse_block(raw), trust.facts.block_signers, trust.facts.block_quorum) == 1


def test_every_transaction_of_the_chain_is_proved_by_the_answers_beside_it() -> None:
    (chain,) = Trust.parse((GOLDEN / "trust.json").read_bytes()).chains
    listed = json.loads((GOLDEN / "evmd" / "transactions.json").read_text())
    assert {path.name for path in (GOLDEN / "evmd").glob("block-*.json")} == {
        f"block-{t['block']}.json" for t in listed
    }
    for each in listed:
        told = json.loads((GOLDEN / "evmd" / f"block-{each['block']}.json").read_text())
        proof = prove(bytes.fromhex(each["hash"]), told["block"], told["results"], told["next_commit"])
        fact = verify_comet(proof, chain.consensus_id, chain.validators)
        assert (fact.outcome.status, fact.header.height) == (each["status"], each["block"])


def test_the_bundle_is_valid_and_the_story_names_transactions_of_the_channel() -> None:
    trust = Trust.parse((GOLDEN / "trust.json").read_bytes())
    verdict = verify_bundle((GOLDEN / "bundle.zip").read_bytes(), trust)
    assert (verdict.exit_status, verdict.missing) == (VALID, ())
    told = json.loads((GOLDEN / "fabric" / "story.json").read_text())
    recorded = {each.tx_id for block in blocks_of(GOLDEN) for each in block.transactions}
    assert {tx_id for name, tx_id in told.items() if name != "pledge"} <= recorded


# The script makes the same set today.


def likeness(golden: Path) -> dict[str, Any]:
    """All of a set that depends on no key, id or time; the SHA-256 of what is the same in every byte."""
    told = {name: json.loads((golden / name).read_text()) for name in files_of(golden) if name.endswith(".json")}
    answers = [each for name, each in told.items() if name.startswith("evmd/block-")]
    return {
        "files": sorted({name for name in files_of(golden) if not name.startswith(("fabric/0", "fabric/1", "evmd/b"))}),
        "trust": [_trust(told[name]) for name in ("trust.json", "raft/trust.json")],
        "facts": _facts(blocks_of(golden)),
        "story": sorted(told["fabric/story.json"]),
        "transactions": [(each["status"], each["code"]) for each in told["evmd/transactions.json"]],
        "answers": sorted({json.dumps(_keys(each, 3)) for each in answers}),
        "bundle": _bundle((golden / "bundle.zip").read_bytes()),
    }


def _trust(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "fields": sorted(told),
        "organisations": [(each["name"], each["msp_id"], each["roles"]) for each in told["organisations"]],
        "facts": {name: value for name, value in told["facts"].items() if name != "block_signers"},
        "numbers": sorted(str(each["identifier"]) for each in told["facts"]["block_signers"]),
        "chains": [(each["name"], each["chain_id"], sorted(each)) for each in told["chains"]],
        "committees": [
            (each["threshold"], [m["organisation"] for m in each["members"]]) for each in told["committees"]
        ],
        "logs": [(each["signer"], each["suite"]) for each in told["logs"]],
    }


def _facts(blocks: list[BlockView]) -> list[tuple[Any, ...]]:
    """Each transaction by caller, function, answer and what it changed; how often it is there."""
    counted = Counter(
        (
            each.creator_msp,
            each.chaincode,
            each.function,
            validation_code_name(each.validation_code),
            tuple((change.namespace, len(change.writes), len(change.reads)) for change in each.changes),
            tuple(hashed.name for hashed in each.hashed_writes),
        )
        for block in blocks
        for each in block.transactions
    )
    return sorted(counted.items(), key=repr)


def _bundle(raw: bytes) -> dict[str, Any]:
    members = read_bundle(raw).members
    said = SignedAttestation.from_cbor(members["attestation.cbor"])
    attestation = said.attestation
    return {
        "members": sorted(members),
        "profile": sha256(members["profile.json"]).hexdigest(),
        "rule pack": sha256(members["rulepack.json"]).hexdigest(),
        "attestation": (attestation.epoch, attestation.kind, attestation.profile.hex(), attestation.indicators),
        "packs": (attestation.pack_root.hex(), attestation.pack_count, attestation.late_count),
        "signers": [each.organisation for each in said.signatures],
    }


def _keys(value: Any, depth: int) -> Any:
    """The names of nested objects, down to a depth."""
    if not isinstance(value, dict) or not depth:
        return None
    return {name: _keys(inner, depth - 1) for name, inner in sorted(value.items())}


@pytest.mark.engine("fabric")
@pytest.mark.engine("evm")
@pytest.mark.timeout(600)
def test_the_script_makes_the_same_set_now(tmp_path: Path) -> None:
    record(tmp_path, tmp_path / "golden")
    assert likeness(tmp_path / "golden") == likeness(GOLDEN)
    assert sums_of(tmp_path / "golden").keys() == files_of(tmp_path / "golden").keys()
