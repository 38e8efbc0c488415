"""Checks of what the obligations hold: the accepted attestation, and the facility that names the rule pack."""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256

from wuxin_evidence.bundle.case import Assumed, Case, Checked, Missing, Note, json_object
from wuxin_evidence.bundle.decided import Decided, decided
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import attestation_logs, call_of
from wuxin_evidence.evm.terms import ProposedTerms, read_proposal


def check_obligations(case: Case) -> Iterator[Note]:
    """A decided block holds the transaction with which the feed accepted this attestation."""
    found = _accepting(case)
    if isinstance(found, Missing):
        yield found
        return
    if found.chain.feed is None:
        yield Missing(f"the address of AttestationFeed on {found.chain.name} is not in the trust file")
        return
    if case.attestation.digest() not in attestation_logs(found.outcome, found.chain.feed):
        raise EvidenceError("not_found", "the receipt accepts no such attestation", "carry the accepting transaction")
    yield Checked(f"AttestationFeed accepted it: {found.where}")
    yield from found.notes


def _accepting(case: Case) -> Decided | Missing:
    return decided(case, "obligations/", "the obligations block that accepted the attestation")


def check_rule_pack(case: Case) -> Iterator[Note]:
    """The rule pack is the one that a facility over the subject names by hash, in terms that a decided block holds.

    A bundle's maker could otherwise show the reader milder rules than those that froze the line.
    """
    raw = case.member("rulepack.json")
    found = decided(case, "terms/", "the transaction with which a facility named rulepack.json")
    if raw is None:
        yield Missing("rulepack.json: no facility's rules for this subject were known to whoever made the bundle")
        return
    json_object(raw, "rulepack.json")
    if isinstance(found, Missing):
        yield found
        return
    if found.chain.facility is None:
        yield Missing(f"the address of CreditFacility on {found.chain.name} is not in the trust file")
        return
    call = call_of(found.transaction)
    if call.to != found.chain.facility:
        raise EvidenceError("not_found", "terms/ calls another contract than CreditFacility", "carry the proposal")
    terms = read_proposal(call.data)
    _require_named(case, sha256(raw).digest(), terms, found)
    yield Checked(
        f"the terms of facility {terms.facility.hex()} name it, SHA-256 {terms.rule_pack.hex()}: {found.where}"
    )
    yield from found.notes
    yield Assumed(
        "no facility proposed later, and before the attestation was accepted, names another pack for the subject: "
        "compare with the facilities on the obligations chain (GET /v1/facilities)"
    )


def _require_named(case: Case, pack_hash: bytes, terms: ProposedTerms, proposed: Decided) -> None:
    if terms.rule_pack != pack_hash:
        raise EvidenceError(
            "proof_invalid", "rulepack.json is another pack than the facility's terms name", "carry the one they name"
        )
    if case.attestation.subject not in terms.subjects:
        raise EvidenceError("not_found", "terms/ proposes a facility over other subjects", "carry the subject's own")
    accepted: Decided | Missing | None = None
    with suppress(EvidenceError):  # an acceptance that does not hold is the obligations check's failure
        accepted = _accepting(case)
    if isinstance(accepted, Decided) and accepted.chain == proposed.chain and proposed.height > accepted.height:
        raise EvidenceError(
            "implausible", "the facility was proposed after the attestation was accepted", "carry the terms of then"
        )
