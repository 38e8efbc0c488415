"""A transaction endorsed by whom the test chooses: what a client could do that does not ask whom it should."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from network.facts.embedded.ledger import LocalLedger
from network.facts.embedded.proposal import agree, seal
from network.facts.embedded.state import State
from network.ports import Commit, Invalid, Ledger
from wuxin_evidence.fabric import VALID, envelope, validation_code_name


async def submit_endorsed_by(ledger: Ledger, function: str, args: Mapping[str, Any], msp_ids: Sequence[str]) -> Commit:
    """Have it endorsed by these organisations' peers alone, and ordered. Raises Invalid."""
    if isinstance(ledger, LocalLedger):
        return await _embedded(ledger, function, args, msp_ids)
    from network.facts.fabric.ledger import FabricLedger

    assert isinstance(ledger, FabricLedger)
    prepared = ledger._prepare(function, args, {}, None)
    payload = await ledger._gateway.endorse(prepared.tx_id, prepared.signed, msp_ids)
    return await ledger.order(prepared.tx_id, prepared.args, envelope(payload, ledger._signer.sign(payload)))


async def _embedded(ledger: LocalLedger, function: str, args: Mapping[str, Any], msp_ids: Sequence[str]) -> Commit:
    facts, prepared = ledger._facts, ledger._prepare(function, args, {}, None)
    chosen = [each for each in facts._endorsers if each.organisation.msp_id in msp_ids]
    with facts._storage.snapshot() as connection:
        answers = [each.endorse(prepared.signed, State(connection), facts.clock.now_ms()) for each in chosen]
        agreed = agree(answers, prepared.tx_id)
    place = await asyncio.wrap_future(facts.order(seal(ledger._signer, prepared, agreed), agreed))
    if place.code != VALID:
        raise Invalid(prepared.tx_id, validation_code_name(place.code), place.block)
    return Commit(prepared.tx_id, place.block, place.position, None)
