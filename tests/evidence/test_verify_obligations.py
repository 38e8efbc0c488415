"""Who decided the obligations block: a sealer, a quorum of them, validators by vote, or nobody that can be shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.evidence.bundle_maker import FEED, NOON_S, Consortium
from tests.evidence.comet_maker import CHAIN_ID, Chain
from wuxin_evidence.bundle.members import obligations_members
from wuxin_evidence.bundle.trust import Trust, TrustedChain, TrustedValidator
from wuxin_evidence.bundle.verify import Verdict, verify_bundle
from wuxin_evidence.comet.proof import PLACE
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.encoding.rlp import encode, int_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm import qbft as evm_qbft
from wuxin_evidence.evm.proof import ATTESTATION_ACCEPTED, Header, Log, Receipt, prove_receipt
from wuxin_evidence.evm.trie import ordered_root

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def believing(consortium: Consortium, chain: TrustedChain) -> Trust:
    return replace(consortium.trust, chains=(replace(consortium.trust.chains[0], name="e0"), chain))


def with_obligations(consortium: Consortium, members: Members) -> bytes:
    rest = {name: raw for name, raw in consortium.members.items() if not name.startswith("obligations/")}
    return consortium.bundle({**rest, **members})


def accepting(consortium: Consortium, feed: bytes = FEED) -> Log:
    attestation = consortium.attestation()
    return Log(feed, (ATTESTATION_ACCEPTED, attestation.digest(), attestation.subject), bytes(64))


def voted(consortium: Consortium, chain: Chain, feed: bytes = FEED, **options: Any) -> Members:
    return chain.proof([accepting(consortium, feed)], **options).members()


def failure(verdict: Verdict) -> list[tuple[str, str]]:
    return [(finding.check, finding.code) for finding in verdict.failed]


# Validators by vote.


def test_a_bundle_decided_by_vote_is_valid_and_says_by_whose(consortium: Consortium, chain: Chain) -> None:
    verdict = verify_bundle(
        with_obligations(consortium, voted(consortium, chain)), believing(consortium, chain.trusted)
    )
    assert (verdict.exit_status, verdict.failed, verdict.missing) == (0, (), ())
    shown = [finding.detail for finding in verdict.checked if finding.check == "obligations"]
    assert "e1 block 8" in shown[0] and chain.sender.address.hex() in shown[0] and "2023-11-14T22:13:20Z" in shown[0]
    assert "4 of 4 validators, with 4 of 4 power" in shown[1]


def test_validators_are_written_to_the_trust_file_and_read_back(consortium: Consortium, chain: Chain) -> None:
    trust = believing(consortium, chain.trusted)
    told = trust.to_json()["chains"]
    assert set(told[1]) == {"name", "chain_id", "consensus_id", "validators", "feed"}
    assert set(told[0]) == {"name", "chain_id", "sealers", "feed", "facility"}
    assert Trust.from_json(trust.to_json()) == trust


def _drop(place: str) -> Callable[[Consortium, Chain], Members]:
    def members(consortium: Consortium, chain: Chain) -> Members:
        return {name: raw for name, raw in voted(consortium, chain).items() if name != place}

    return members


def test_a_missing_part_is_missing_and_not_wrong(consortium: Consortium, chain: Chain) -> None:
    rest = _drop(f"obligations/{PLACE}")(consortium, chain)
    verdict = verify_bundle(with_obligations(consortium, rest), believing(consortium, chain.trusted))
    assert (verdict.exit_status, [finding.check for finding in verdict.missing]) == (2, ["obligations"])


def test_without_a_trust_file_or_a_feed_the_vote_is_incomplete(consortium: Consortium, chain: Chain) -> None:
    raw = with_obligations(consortium, voted(consortium, chain))
    assert "obligations" in {finding.check for finding in verify_bundle(raw, None).missing}
    verdict = verify_bundle(raw, believing(consortium, replace(chain.trusted, feed=None)))
    assert (verdict.exit_status, [finding.check for finding in verdict.missing]) == (2, ["obligations"])


def _two_kinds(consortium: Consortium, chain: Chain) -> Members:
    return {**voted(consortium, chain), **consortium.obligations(consortium.attestation())}


def _proof_and_excuse(consortium: Consortium, chain: Chain) -> Members:
    return {**voted(consortium, chain), "obligations/unproven.json": b"{}"}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (lambda c, v: voted(c, v, signers=(0, 1)), "quorum_not_met"),
        (lambda c, v: voted(c, v, chain_id="wuxin-other"), "quorum_not_met"),
        (lambda c, v: voted(c, v, vm_error="execution reverted"), "not_found"),
        (lambda c, v: voted(c, v, feed=b"\xfd" * 20), "not_found"),
        (lambda c, v: v.proof([]).members(), "not_found"),
        (_two_kinds, "malformed"),
        (_proof_and_excuse, "malformed"),
    ],
)
def test_a_vote_that_does_not_carry_the_acceptance_is_invalid(
    consortium: Consortium, chain: Chain, members: Callable[[Consortium, Chain], Members], code: str
) -> None:
    verdict = verify_bundle(
        with_obligations(consortium, members(consortium, chain)), believing(consortium, chain.trusted)
    )
    assert failure(verdict) == [("obligations", code)]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"consensus_id": "another"}, "wrong_aad"), ({"chain_id": CHAIN_ID + 1}, "wrong_aad")],
)
def test_a_vote_on_a_chain_that_nobody_trusts_is_invalid(
    consortium: Consortium, chain: Chain, change: dict[str, Any], code: str
) -> None:
    raw = with_obligations(consortium, voted(consortium, chain))
    verdict = verify_bundle(raw, believing(consortium, replace(chain.trusted, **change)))
    assert failure(verdict) == [("obligations", code)]


def test_a_sealers_chain_does_not_take_votes(consortium: Consortium, chain: Chain) -> None:
    raw = with_obligations(consortium, voted(consortium, chain))
    assert failure(verify_bundle(raw, consortium.trust)) == [("obligations", "wrong_aad")]


# A quorum of seals.

GENESIS_VALIDATORS = [EvmKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3, 4)]
BY_QUORUM = TrustedChain("q1", 1337, tuple(key.address for key in GENESIS_VALIDATORS), FEED, quorum=3)


def qbft(
    consortium: Consortium,
    signers: list[EvmKey],
    status: int = 1,
    round_number: int = 2,
    chain_id: int = BY_QUORUM.chain_id,
) -> Members:
    receipts = [Receipt(2, status, 90_000, bytes(256), (accepting(consortium),)).raw()]
    sent = [b"\x02" + encode([int_bytes(chain_id), b"submit"])]
    extra: list[Any] = [bytes(32), [key.address for key in GENESIS_VALIDATORS], [], int_bytes(round_number), []]
    blank = Header(
        parent_hash=b"\x01" * 32,
        ommers_hash=bytes(32),
        coinbase=GENESIS_VALIDATORS[0].address,
        state_root=b"\x02" * 32,
        transactions_root=ordered_root(sent),
        receipts_root=ordered_root(receipts),
        logs_bloom=bytes(256),
        difficulty=1,
        number=44,
        gas_limit=30_000_000,
        gas_used=90_000,
        timestamp=NOON_S + 1001,
        extra_data=encode(extra),
        mix_hash=bytes(32),
        nonce=bytes(8),
    )
    sealed = evm_qbft.committed(blank, [key.sign_digest for key in signers])
    return obligations_members(sealed, receipts[0], prove_receipt(sent, receipts, 0))


def test_a_quorum_of_seals_is_valid(consortium: Consortium) -> None:
    raw = with_obligations(consortium, qbft(consortium, GENESIS_VALIDATORS[1:]))
    verdict = verify_bundle(raw, believing(consortium, BY_QUORUM))
    assert (verdict.exit_status, verdict.failed) == (0, ())
    shown = [finding.detail for finding in verdict.checked if finding.check == "obligations"]
    assert "sealed by 3 of 4 validators" in shown[0]


@pytest.mark.parametrize(
    ("signers", "code"),
    [
        (GENESIS_VALIDATORS[:2], "quorum_not_met"),
        (GENESIS_VALIDATORS[:1] * 3, "quorum_not_met"),
        ([*GENESIS_VALIDATORS[:2], EvmKey.from_bytes(bytes([9]) * 32)], "quorum_not_met"),
    ],
)
def test_fewer_seals_than_the_quorum_are_invalid(consortium: Consortium, signers: list[EvmKey], code: str) -> None:
    raw = with_obligations(consortium, qbft(consortium, signers))
    assert failure(verify_bundle(raw, believing(consortium, BY_QUORUM))) == [("obligations", code)]


def test_one_sealers_clique_seal_does_not_pass_for_a_quorum(consortium: Consortium) -> None:
    members = consortium.obligations(
        consortium.attestation(), sealer=GENESIS_VALIDATORS[0], chain_id=BY_QUORUM.chain_id
    )
    verdict = verify_bundle(with_obligations(consortium, members), believing(consortium, BY_QUORUM))
    assert failure(verdict) == [("obligations", "quorum_not_met")]


# Chains with the same sealers, whose contracts have the same addresses.


@pytest.mark.parametrize("by_quorum", [False, True])
def test_a_block_is_of_the_chain_that_its_transaction_is_signed_for(consortium: Consortium, by_quorum: bool) -> None:
    known = BY_QUORUM if by_quorum else consortium.trust.chains[0]
    trust = believing(consortium, replace(known, name="twin", chain_id=4242))
    said = consortium.attestation()
    members = (
        qbft(consortium, GENESIS_VALIDATORS, chain_id=4242)
        if by_quorum
        else consortium.obligations(said, chain_id=4242)
    )
    others = consortium.trust.chains if by_quorum else ()  # the facility of the bundle's rules is on that chain
    trust = replace(trust, chains=(replace(known, name="first"), *trust.chains[1:], *others))
    verdict = verify_bundle(with_obligations(consortium, members), trust)
    (shown, *_) = [finding.detail for finding in verdict.checked if finding.check == "obligations"]
    assert verdict.exit_status == 0 and "twin block 44" in shown
    without = replace(trust, chains=tuple(each for each in trust.chains if each.name != "twin"))
    alone = verify_bundle(with_obligations(consortium, members), without)
    assert failure(alone) == [("obligations", "wrong_aad")]


def test_members_of_two_chains_do_not_spoil_the_proof_of_the_second(consortium: Consortium) -> None:
    others = [EvmKey.from_bytes(bytes([n]) * 32) for n in (11, 12, 13)]
    shared = [GENESIS_VALIDATORS[0], *others]
    second = replace(BY_QUORUM, name="q2", chain_id=1338, sealers=tuple(key.address for key in shared))
    trust = replace(consortium.trust, chains=(BY_QUORUM, second, *consortium.trust.chains))
    verdict = verify_bundle(with_obligations(consortium, qbft(consortium, shared, chain_id=1338)), trust)
    assert (verdict.exit_status, verdict.failed) == (0, ())


def test_two_chains_that_a_proof_cannot_tell_apart_refuse_the_trust_file(consortium: Consortium) -> None:
    """Validators may share an EVM chain id, which some engines have compiled in: their votes name the chain."""
    keys = (TrustedValidator(b"\x11" * 32, 1),)
    voted = TrustedChain("a", 1, (), FEED, "one", keys)
    assert len(_reread(consortium, voted, replace(voted, name="b", consensus_id="two"), BY_QUORUM).chains) == 3
    undeployed = replace(BY_QUORUM, feed=None)
    assert len(_reread(consortium, undeployed, replace(undeployed, name="twin")).chains) == 2
    for first, second in ((voted, replace(voted, chain_id=2)), (BY_QUORUM, replace(BY_QUORUM, quorum=4))):
        with pytest.raises(EvidenceError) as refused:
            _reread(consortium, first, replace(second, name="twin"))
        assert refused.value.code == "malformed"


def _reread(consortium: Consortium, *chains: TrustedChain) -> Trust:
    return Trust.from_json(replace(consortium.trust, chains=chains).to_json())


def test_a_seal_is_over_the_round_and_the_blocks_hash_is_not(consortium: Consortium) -> None:
    from wuxin_evidence.evm.proof import decode_header

    first, second = (
        decode_header(qbft(consortium, GENESIS_VALIDATORS, round_number=n)["obligations/header.rlp"]) for n in (0, 1)
    )
    assert evm_qbft.block_hash(first) == evm_qbft.block_hash(second)
    assert evm_qbft.commit_hash(first) != evm_qbft.commit_hash(second)
    assert evm_qbft.committed_by(second) == {key.address for key in GENESIS_VALIDATORS}
    moved = replace(second, extra_data=first.extra_data)
    assert evm_qbft.committed_by(moved) == evm_qbft.committed_by(first)
    assert not evm_qbft.committed_by(replace(second, gas_used=1)) & set(BY_QUORUM.sealers)


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (bytes(97), "malformed"),
        (encode([bytes(32), [], [], b""]), "malformed"),
        (encode([bytes(32), [], [], b"\x00" * 5, []]), "malformed"),
        (encode([bytes(32), [], [], b"", [b"short"]]), "malformed"),
        (encode([bytes(32), [], [], b"", [bytes(65)] * 257]), "too_large"),
    ],
)
def test_extra_data_in_another_form_is_refused(consortium: Consortium, extra: bytes, code: str) -> None:
    from wuxin_evidence.evm.proof import decode_header

    header = decode_header(qbft(consortium, GENESIS_VALIDATORS)["obligations/header.rlp"])
    with pytest.raises(EvidenceError) as refused:
        evm_qbft.committed_by(replace(header, extra_data=extra))
    assert refused.value.code == code


# Nobody that can be shown.

TOLD = {"transaction": "ab" * 32, "block": 9, "block_hash": "cd" * 32, "why": "this engine hashes its blocks otherwise"}


def test_what_an_endpoint_said_makes_the_verdict_incomplete_in_its_own_words(consortium: Consortium) -> None:
    raw = with_obligations(consortium, {"obligations/unproven.json": canonical_json(TOLD)})
    verdict = verify_bundle(raw, consortium.trust)
    assert verdict.exit_status == 2
    (missing,) = verdict.missing
    assert missing.check == "obligations" and TOLD["why"] in missing.detail and "ab" * 32 in missing.detail


@pytest.mark.parametrize("told", [{}, {**TOLD, "more": 1}, {**TOLD, "why": 7}])
def test_an_excuse_in_another_form_is_refused(consortium: Consortium, told: dict[str, Any]) -> None:
    raw = with_obligations(consortium, {"obligations/unproven.json": canonical_json(told)})
    assert failure(verify_bundle(raw, consortium.trust)) == [("obligations", "malformed")]


# The trust file.


@pytest.mark.parametrize(
    "chain",
    [
        {"validators": []},
        {"validators": [{"public_key": "11" * 32, "power": 1}] * 2},
        {"validators": [{"public_key": "11" * 32, "power": 0}]},
        {"validators": [{"public_key": "11" * 32, "power": -1}]},
        {"validators": [{"public_key": "11" * 32, "power": 2**53}]},
        {"validators": [{"public_key": "11" * 31, "power": 1}]},
        {"validators": [{"public_key": "11" * 32}]},
        {"consensus_id": ""},
        {"sealers": []},
        {"quorum": 3},
    ],
)
def test_a_voted_chain_in_another_form_refuses_the_file(consortium: Consortium, chain: dict[str, Any]) -> None:
    tree = consortium.trust.to_json()
    good = TrustedChain("e1", 1, (), None, "id", (TrustedValidator(b"\x11" * 32, 1),))
    tree["chains"] = [{**replace(consortium.trust, chains=(good,)).to_json()["chains"][0], **chain}]
    with pytest.raises(EvidenceError) as refused:
        Trust.from_json(tree)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize("quorum", [0, 2, 5])
def test_a_quorum_below_two_thirds_or_beyond_all_refuses_the_file(consortium: Consortium, quorum: int) -> None:
    tree = believing(consortium, BY_QUORUM).to_json()
    assert Trust.from_json(tree).chains[1] == BY_QUORUM
    tree["chains"][1]["quorum"] = quorum
    with pytest.raises(EvidenceError) as refused:
        Trust.from_json(tree)
    assert refused.value.code == "malformed"
