"""What a bundle holds of the obligations is what their engine has for proof."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from network.ports import Chain
from node.evidence.bundles import obligation_members
from tests.evidence.comet_maker import Chain as Voters
from wuxin_evidence.comet.proof import CometProof
from wuxin_evidence.encoding.canonical import parse_canonical_json


class Proving:
    """A chain that has this for proof."""

    def __init__(self, proof: Mapping[str, Any]) -> None:
        self._proof = proof

    async def receipt_proof(self, tx_hash: str) -> Mapping[str, Any]:
        return self._proof


async def members(proof: Mapping[str, Any]) -> dict[str, bytes]:
    return await obligation_members(cast(Chain, Proving(proof)), "0x" + "ab" * 32)


RECEIPT = {"header_rlp": b"h", "receipt_rlp": b"r", "proof": {"index": 0}, "block": 4}
SEALED = {"obligations/header.rlp": b"h", "obligations/receipt.rlp": b"r", "obligations/proof.json": b'{"index":0}'}


@pytest.mark.parametrize("proof", [RECEIPT, {**RECEIPT, "kind": "receipt"}])
async def test_a_sealed_chain_gives_header_receipt_and_path(proof: Mapping[str, Any]) -> None:
    assert await members(proof) == SEALED


async def test_a_chain_decided_by_vote_gives_its_own_members_unchanged() -> None:
    proof = Voters().proof()
    found = await members({"kind": "comet", "members": proof.members()})
    assert CometProof.from_members(found) == proof


async def test_a_chain_without_proof_gives_the_words_that_it_has_none() -> None:
    told = {"transaction": "ab" * 32, "block": 9, "block_hash": "cd" * 32, "why": "this engine proves nothing"}
    found = await members({"kind": "unproven", **told})
    assert list(found) == ["obligations/unproven.json"]
    assert parse_canonical_json(found["obligations/unproven.json"]) == told
