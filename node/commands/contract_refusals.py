"""Refusals of contracts, told in the names that callers use: a contract knows hashes and addresses only.

    facility_id 0x6d3e…, reasons 1      ─▶ facility_id facility-1, reasons 1
    caller 0xcbf0…                      ─▶ caller manufacturer

What nobody here has a name for stays as the contract said it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import select

from node.projection import tables
from node.projection.decoded import bare
from node.stores.databases import Store
from wuxin_evidence.ids import facility_key

HINTS = {
    "not_found": "GET /v1/facilities lists what facilities there are, GET /v1/facilities/{id}/reasons what freezes one",
    "forbidden": "let its lender, borrower or insurer do it: GET /v1/facilities/{id} names them; deposits move between "
    "organisations that the bank listed",
    "malformed": "correct what the detail names; GET /openapi.json has the bounds of each field",
    "too_large": "send less, or in parts",
    "conflict": "GET /v1/facilities/{id} says in which state it is; another state allows other commands",
    "command_repeated": "nothing is to be done: the first one stands; a new command needs a new Idempotency-Key",
    "unsupported_action": "the rule pack names an action that the contracts do not carry out",
    "bad_signature": "let the members sign again with the keys that GET /v1/committee names",
    "quorum_not_met": "let more members of the committee sign; GET /v1/committee says how many",
    "conflicted_signer": "let a member sign that neither stores, owns nor borrows against it",
    "equivocation": "keep both and bring them to the regulator",
    "wrong_epoch": "let the committee in force sign; GET /v1/committee names it",
    "sequence_regressed": "nothing is to be done: a newer one was accepted already",
    "profile_mismatch": "let all members run the registered profile",
    "clock_skew": "set the clock of who sent it",
    "facility_frozen": "ask GET /v1/facilities/{id}/reasons why, and what would reverse it",
    "facility_not_active": "activate it over an attested lien; a facility that closes never lends again",
    "facility_matured": "agree on a new facility; repayments go on",
    "attestation_stale": "wait for the next scheduled attestation, or find out why the oracle is silent",
    "lien_missing": "let the oracle attest the lien of the pledge",
    "closing_unreleased": "let the pledgee release the pledge, and the oracle attest it",
    "price_stale": "let the oracle attest the price",
    "limit_exceeded": "ask GET /v1/collateral/{receipt_id} for the headroom",
    "not_clean": "wait for enough clean scheduled windows after the breach",
    "approval_missing": "let the roles that the rule names approve this very opening",
    "insufficient_funds": "fund the account, or let the lender raise the facility's allowance",
}
"""What to do next, by the code of a refusal; the contracts have no room for it."""
HINT = "docs/reference/problems.md says what the code means and what to do"
"""Of a contract that is newer than this node."""

_HEX = re.compile(r"\b0x([0-9a-fA-F]{64}|[0-9a-fA-F]{40})\b")


def in_names(detail: str, subject: str, organisations: Mapping[str, str], read_model: Store) -> str:
    """The detail of a refusal with the names of what it is about.

    `subject` is what the command was about, as its caller named it; `organisations` are those behind addresses (hex
    without 0x); a thing is called as the facts call it.
    """
    known = {facility_key(subject).hex(): subject, **organisations}
    told = {bare(found) for found in _HEX.findall(detail)} - known.keys()
    if told:
        table = tables.subject_name
        with read_model.read() as connection:
            rows = connection.execute(select(table.c.subject, table.c.ident).where(table.c.subject.in_(sorted(told))))
            known |= {row.subject: row.ident for row in rows}
    return _HEX.sub(lambda found: known.get(bare(found[1]), found[0]), detail)
