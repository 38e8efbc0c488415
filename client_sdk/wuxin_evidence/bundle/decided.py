"""A transaction of the obligations, proved once: a decided block of a trusted chain holds it, and it ran to its end.

How a block is decided is the engine's; the trust file says which: a sealer's signature, the seals of a quorum, or the
votes of validators with more than two thirds of the power. Where an engine offers an outsider no proof, the bundle
says so in ``unproven.json``, and the verdict is incomplete with those words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

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
    decode_header,
    sealed_by,
    signed_for,
    verify_receipt,
)
from wuxin_evidence.evm.qbft import committed_by

_KINDS = ("comet/", "unproven.json", "")


@dataclass(frozen=True)
class Decided:
    """A transaction in a decided block: its own bytes, what it did, where, and the notes on who decided the block."""

    chain: TrustedChain
    height: int
    transaction: bytes
    outcome: Executed
    where: str
    notes: tuple[Note, ...]


def decided(case: Case, folder: str, what: str) -> Decided | Missing:
    """Prove the transaction of one folder of the bundle; `what` names it where it is missing.

    Raises EvidenceError for a proof that does not hold, of another chain, or of a transaction that was reverted.
    """
    names = [name.removeprefix(folder) for name in case.bundle.members if name.startswith(folder)]
    found = {next(kind for kind in _KINDS if name.startswith(kind)) for name in names}
    case.read.update(folder + name for name in names)
    # with two kinds a reader could check the one and read the other
    if len(found) > 1:
        raise EvidenceError("malformed", f"{folder} holds proofs of more than one kind", "carry one kind")
    if found == {"comet/"}:
        proved = _voted(case, folder, what)
    elif found == {"unproven.json"}:
        proved = _told(case, folder, what)
    else:
        proved = _sealed(case, folder, what)
    return proved


def _sealed(case: Case, folder: str, what: str) -> Decided | Missing:
    raw, receipt = case.member(f"{folder}header.rlp"), case.member(f"{folder}receipt.rlp")
    proof = case.json(f"{folder}proof.json")
    if raw is None or receipt is None or proof is None:
        return Missing(what)
    header, place = decode_header(raw), ReceiptProof.from_json(proof)
    outcome = verify_receipt(header, receipt, place)
    _require_done(outcome)
    if case.trust is None:
        return Missing("who seals the chain: no trust file")
    chain, by = _sealed_chain(header, signed_for(place.transaction), case.trust)
    where = f"{chain.name} block {header.number}, transaction {place.tx_hash.hex()}, sealed {by}{header.timestamp}"
    who = f"a third of the validators of {chain.name}" if chain.quorum else f"the sealer of {chain.name}"
    believed = Assumed(f"{who} sealed no second block {header.number}; the state root is not used")
    return Decided(chain, header.number, place.transaction, outcome, where, (believed,))


def _sealed_chain(header: Header, chain_id: int, trust: Trust) -> tuple[TrustedChain, str]:
    """The chain by what its transaction is signed for, and how many sealed the block where that takes a quorum.

    Two chains may have the same sealers and contracts at the same addresses; the chain id (EIP-155) is what a sender
    signed.
    """
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


def _committers(header: Header, sealers: Iterable[bytes]) -> int:
    try:
        return len(committed_by(header) & set(sealers))
    except EvidenceError:
        return 0  # no header of this engine, so none with a seal of theirs


def _voted(case: Case, folder: str, what: str) -> Decided | Missing:
    proof = CometProof.from_members(case.bundle.members, folder)
    if proof is None:
        return Missing(f"a part of the proof that validators decided {what}")
    if case.trust is None:
        return Missing("who votes on the chain: no trust file")
    named = CometHeader.read(proof.header).chain_id
    chain = next((each for each in case.trust.chains if each.validators and each.consensus_id == named), None)
    if chain is None:
        raise EvidenceError("wrong_aad", f"no trusted chain votes as {named[:80]!r}", "compare the trust file")
    fact = verify_comet(proof, chain.consensus_id, chain.validators)
    if fact.transaction.chain_id != chain.chain_id:
        raise EvidenceError("wrong_aad", "the transaction is signed for another chain", "compare the trust file")
    _require_done(fact.outcome)
    votes, header, sent = fact.votes, fact.header, fact.transaction
    where = (
        f"{chain.name} block {header.height}, transaction {sent.tx_hash.hex()}, sent by {sent.sender.hex()}, "
        f"at {time_text(header.time_s)}"
    )
    notes = (
        Checked(
            f"status and logs are under the votes of {len(votes.signed)} of {len(chain.validators)} validators, with "
            f"{votes.power} of {votes.total} power"
        ),
        Assumed(f"validators with a third of {chain.name}'s power did not vote twice; the state root is not used"),
    )
    return Decided(chain, header.height, sent.raw, fact.outcome, where, notes)


def _told(case: Case, folder: str, what: str) -> Missing:
    """What an endpoint said and nobody proved."""
    told = case.json(f"{folder}unproven.json") or {}
    texts = ("transaction", "block_hash", "why")
    if set(told) != {*texts, "block"} or not all(isinstance(told[name], str) for name in texts):
        raise EvidenceError("malformed", f"{folder}unproven.json has other fields", "make the bundle again")
    return Missing(
        f"a proof of {what}: {told['why']}; an endpoint says it is transaction {told['transaction']} in block "
        f"{told['block']}"
    )


def _require_done(outcome: Executed) -> None:
    if outcome.status != 1:
        raise EvidenceError("not_found", "the transaction was reverted", "carry the one that was accepted")
