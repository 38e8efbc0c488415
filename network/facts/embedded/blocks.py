"""Blocks: the genesis block, and cutting the next one.

`cut` runs inside the writer's transaction: decide each candidate in order, apply the valid ones, then store the block
with its validation codes, chained to the one before and signed by the orderer identity. Block 0 carries the
organisations' MSPs as Fabric's tools read them and, as the name of the channel's consortium, the consortium statement
in canonical JSON; whoever opens the file with another consortium's file is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from network.facts.embedded.state import Place, State
from network.facts.embedded.validate import Candidate, Policies, decide
from network.membership.consortium import Consortium
from network.membership.identities import FabricSigner
from network.ports import Rejected
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import (
    BAD_CREATOR_SIGNATURE,
    COMMON,
    DUPLICATE_TXID,
    NONCE_BYTES,
    VALID,
    TransactionView,
    Version,
    assemble_block,
    block_header,
    genesis_envelope,
    genesis_statement,
    parse,
    parse_block,
    parse_envelope,
)


@dataclass(frozen=True)
class Chain:
    """What every block of a channel has in common: its consortium and who signs."""

    consortium: Consortium
    orderer: FabricSigner
    policies: Policies


def cut(candidates: Sequence[Candidate], state: State, chain: Chain) -> list[Place]:
    """Append one block of these candidates; gives each one's place and validation code."""
    number = state.height()
    places: list[Place] = []
    for index, candidate in enumerate(candidates):
        place = Place(number, index, decide(candidate, state, chain.policies))
        enter(candidate, place, state)
        places.append(place)
    envelopes = [candidate.view.envelope for candidate in candidates]
    _append(envelopes, [place.code for place in places], state, chain)
    return places


def begin(state: State, chain: Chain, roots: Mapping[str, Sequence[bytes]], now_ms: int) -> None:
    """Write block 0, or hold the one that is there against this consortium.

    Raises Rejected `conflict` when the file belongs to another consortium.
    """
    if state.height() == 0:
        first_roots = {msp_id: pems[0] for msp_id, pems in roots.items()}
        statement = canonical_json(chain.consortium.statement())
        genesis = genesis_envelope(chain.consortium.facts.channel, now_ms, first_roots, statement)
        _append([genesis], [VALID], state, chain)
    elif statement_of(state.block(0)) != canonical_json(chain.consortium.statement()):
        raise Rejected(
            "conflict",
            "the ledger was begun with another consortium file",
            "name the home that this consortium.toml belongs to; a running consortium changes by transactions",
        )


def transaction_at(block: bytes, place: Place) -> TransactionView:
    """One transaction of a block, without reading the others."""
    envelope: bytes = parse(COMMON.Block, block).data.data[place.position]
    return parse_envelope(envelope, place.position, place.code)


def statement_of(genesis_block: bytes) -> bytes:
    """The consortium statement (canonical JSON) in block 0. Raises EvidenceError `malformed` where there is none."""
    return genesis_statement(parse_block(genesis_block).envelopes[0])


def enter(candidate: Candidate, place: Place, state: State) -> None:
    """Index the transaction and, if it is valid, make its writes the committed state.

    A forged envelope does not take the id away from the one who may use it.
    """
    view = candidate.view
    if place.code not in (DUPLICATE_TXID, BAD_CREATOR_SIGNATURE):
        state.add_place(view.tx_id, place)
    if place.code == VALID:
        state.apply(candidate.changes, Version(place.block, place.position), view.tx_id, view.timestamp_s)
        state.apply_private(candidate.private)


def _append(envelopes: Sequence[bytes], codes: Sequence[int], state: State, chain: Chain) -> None:
    number = state.height()
    previous_hash = state.header_hash(number - 1) if number else b""
    header = block_header(number, previous_hash, envelopes)
    block = assemble_block(
        header,
        envelopes,
        orderer=chain.orderer.identity,
        nonce=secrets.token_bytes(NONCE_BYTES),
        sign=chain.orderer.sign,
        validation_codes=codes,
    )
    state.add_block(number, header.hash(), block)
