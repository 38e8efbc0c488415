"""Carrying a command to the facts, so that it is one transaction however often it is sent.

    seat's secret ‖ organisation ‖ key ‖ attempt ─▶ nonce ─▶ transaction id: known before anything is sent

What was sent before is asked for by its id. Only being overtaken by another transaction, which is final, makes another
attempt under another id worth while: `Overtaken`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from network.ports import Commit, Invalid, PortError
from node.ledgers.seat_ledgers import SeatLedgers
from wuxin_evidence.fabric import serialized_identity, transaction_id

NONCE_BYTES = 24  # the customary length of Fabric's nonces
# Another transaction came first: it changed what this one read, or, in the same block, who has to endorse the key.
OVERTAKEN = frozenset({"MVCC_READ_CONFLICT", "PHANTOM_READ_CONFLICT", "ENDORSEMENT_POLICY_FAILURE"})


class Overtaken(PortError):
    """Another transaction came first; this attempt is final and changed nothing."""

    def __init__(self, cause: Invalid) -> None:
        super().__init__(cause.code, cause.detail, cause.hint)
        self.tx_id = cause.tx_id
        self.block = cause.block


def nonce_of(secret: bytes, organisation: str, idempotency_key: str, attempt: int) -> bytes:
    """HMAC-SHA-256(secret, org ‖ key ‖ attempt)[:24]; a zero byte parts the three."""
    # Not of the body: another body under a key that was committed has to meet the same id, where the ledger refuses
    # it; under an id of its own it would be done beside the first (docs/adr/0025).
    text = f"{organisation}\x00{idempotency_key}\x00{attempt}".encode()
    return hmac.new(secret, text, hashlib.sha256).digest()[:NONCE_BYTES]


async def carry_fact(
    own: SeatLedgers,
    function: str,
    arguments: Mapping[str, Any],
    private: Mapping[str, bytes],
    *,
    idempotency_key: str,
    attempt: int,
    sent_before: bool,
) -> Commit:
    """One attempt of a command, or what an earlier sending of the same attempt became. Raises Overtaken, PortError."""
    nonce = nonce_of(own.seat.command_secret, own.name, idempotency_key, attempt)
    try:
        known = None
        if sent_before:
            seat = own.seat
            creator = serialized_identity(seat.msp_id, seat.fabric_signer.certificate_pem)
            known = await own.ledger.status(transaction_id(nonce, creator))
        return known or await own.ledger.submit(function, arguments, private=private, nonce=nonce)
    except Invalid as error:
        if error.validation_code in OVERTAKEN:
            raise Overtaken(error) from error
        raise
