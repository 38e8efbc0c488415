"""Check of the obligations: a decided block holds the transaction with which AttestationFeed accepted the attestation.

How a block is decided is the engine's; the trust file says which: a sealer's signature, the seals of a quorum, or the
votes of validators with more than two thirds of the power. Where an engine offers an outsider no proof, the bundle
says so in ``obligations/unproven.json``, and the verdict is incomplete with those words.
"""

from collections.abc import Iterator, Sequence

from wuxin_evidence.bundle.case import Assumed, Case, Checked, Missing, Note
from wuxin_evidence.bundle.trust import Trust, TrustedChain
from wuxin_evidence.comet.blocks import Header as CometHeader
from wuxin_evidence.comet.blocks import time_text
from wuxin_evidence.comet.proof import CometProof, verify_comet
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import (
    Executed,
    Header,
    ReceiptProof,
    attestation_logs,
    decode_header,
    sealed_by,
    signed_for,
    verify_receipt,
)
from wuxin_evidence.evm.qbft import committed_by

_KINDS = ("obligations/comet/", "obligations/unproven.json", "obligations/")


def check_obligations(case: Case) -> Iterator[Note]:
    """A decided block holds the transaction with which the feed accepted this attestation."""
    found = {next(kind for kind in _KINDS if name.startswith(kind)) for name in _members(case)}
    if len(found) > 1:
        raise EvidenceError("malformed", "obligations/ holds proofs of more than one kind", "carry one kind")
    kind = found.pop() if found else ""
    if kind == "obligations/comet/":
        yield from _voted(case)
    elif kind == "obligations/unproven.json":
        yield _told(case)
    else:
        yield from _sealed(case)


def _members(case: Case) -> list[str]:
    return [name for name in case.bundle.members if name.startswith("obligations/")]


def _sealed(case: Case) -> Iterator[Note]:
    raw, receipt = case.member("obligations/header.rlp"), case.member("obligations/receipt.rlp")
    proof = case.json("obligations/proof.json")
    if raw is None or receipt is None or proof is None:
        yield Missing("the obligations block that accepted the attestation")
        return
    header, place = decode_header(raw), ReceiptProof.from_json(proof)
    outcome = verify_receipt(header, receipt, place)
    _require_done(outcome)
    if case.trust is None:
        yield Missing("who seals the chain: no trust file")
        return
    chain, sealed = _sealed_chain(header, signed_for(place.transaction), case.trust)
    if chain.feed is None:
        yield _no_feed(chain)
        return
    _require_accepted(case, outcome, chain.feed)
    where = f"{chain.name} block {header.number}, transaction {place.tx_hash.hex()}"
    yield Checked(f"AttestationFeed accepted it: {where}, sealed {sealed}{header.timestamp}")
    yield Assumed(f"{_who(chain)} sealed no second block {header.number}; the state root is not used")


def _voted(case: Case) -> Iterator[Note]:
    proof = CometProof.from_members(case.bundle.members)
    if proof is None:
        yield Missing("a part of the proof that validators decided the obligations block")
        return
    if case.trust is None:
        yield Missing("who votes on the chain: no trust file")
        return
    chain = _voted_chain(CometHeader.read(proof.header).chain_id, case.trust)
    fact = verify_comet(proof, chain.consensus_id, chain.validators)
    if fact.transaction.chain_id != chain.chain_id:
        raise EvidenceError("wrong_aad", "the transaction is signed for another chain", "compare the trust file")
    _require_done(fact.outcome)
    if chain.feed is None:
        yield _no_feed(chain)
        return
    _require_accepted(case, fact.outcome, chain.feed)
    votes, header = fact.votes, fact.header
    where = f"{chain.name} block {header.height}, transaction {fact.transaction.tx_hash.hex()}"
    yield Checked(
        f"AttestationFeed accepted it: {where}, sent by {fact.transaction.sender.hex()}, at {time_text(header.time_s)}"
    )
    yield Checked(
        f"status and logs are under the votes of {len(votes.signed)} of {len(chain.validators)} validators, with "
        f"{votes.power} of {votes.total} power"
    )
    yield Assumed(f"validators with a third of {chain.name}'s power did not vote twice; the state root is not used")


def _told(case: Case) -> Note:
    """What an endpoint said and nobody proved."""
    told = case.json("obligations/unproven.json") or {}
    texts = ("transaction", "block_hash", "why")
    if set(told) != {*texts, "block"} or not all(isinstance(told[name], str) for name in texts):
        raise EvidenceError("malformed", "obligations/unproven.json has other fields", "make the bundle again")
    return Missing(
        f"a proof that the obligations accepted it: {told['why']}; an endpoint says transaction "
        f"{told['transaction']} in block {told['block']} did"
    )


def _require_done(outcome: Executed) -> None:
    if outcome.status != 1:
        raise EvidenceError("not_found", "the transaction was reverted", "carry the one that was accepted")


def _require_accepted(case: Case, outcome: Executed, feed: bytes) -> None:
    if case.attestation.digest() not in attestation_logs(outcome, feed):
        raise EvidenceError("not_found", "the receipt accepts no such attestation", "carry the accepting transaction")


def _no_feed(chain: TrustedChain) -> Missing:
    return Missing(f"the address of AttestationFeed on {chain.name} is not in the trust file")


def _sealed_chain(header: Header, chain_id: int, trust: Trust) -> tuple[TrustedChain, str]:
    """Whose block it is, by what its transaction is signed for, and how many sealed it where that takes a quorum."""
    chain = next((each for each in trust.chains if not each.validators and each.chain_id == chain_id), None)
    if chain is None:
        raise EvidenceError("wrong_aad", f"no trusted chain of sealers has the id {chain_id}", "compare the trust file")
    if chain.quorum:
        found = _committers(header, chain.sealers)
        if found < chain.quorum:
            raise EvidenceError(
                "quorum_not_met",
                f"{found} of {len(chain.sealers)} validators of {chain.name} sealed the block, {chain.quorum} must",
                "take the header from the chain again, or compare the trust file's sealers",
            )
        return chain, f"by {found} of {len(chain.sealers)} validators, "
    sealer = sealed_by(header.rlp())
    if sealer not in chain.sealers:
        raise EvidenceError(
            "bad_signature", f"the header is sealed by {sealer.hex()}, a stranger", "compare the chain's sealers"
        )
    return chain, ""


def _committers(header: Header, sealers: Sequence[bytes]) -> int:
    try:
        return len(committed_by(header) & set(sealers))
    except EvidenceError:
        return 0  # no header of this engine, so none with a seal of theirs


def _voted_chain(consensus_id: str, trust: Trust) -> TrustedChain:
    for chain in trust.chains:
        if chain.validators and chain.consensus_id == consensus_id:
            return chain
    raise EvidenceError("wrong_aad", f"no trusted chain votes as {consensus_id[:80]!r}", "compare the trust file")


def _who(chain: TrustedChain) -> str:
    return f"a third of the validators of {chain.name}" if chain.quorum else f"the sealer of {chain.name}"
