"""The trust file follows the engines that a network was brought up with."""

from pathlib import Path

import pytest

from network.membership.published import certificate
from network.membership.seats import create_home
from network.membership.trust_file import TRUST_FILE, set_block_signers, set_contracts, set_validators
from node.demo.founding import write_consortium
from wuxin_evidence.bundle.trust import Trust, TrustedValidator
from wuxin_evidence.fabric import BlockSigner

VALIDATORS = [TrustedValidator(bytes([n]) * 32, 1) for n in (4, 2, 3, 1)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    create_home(tmp_path, write_consortium(tmp_path))
    return tmp_path


def trust(home: Path) -> Trust:
    return Trust.parse((home / TRUST_FILE).read_bytes())


def test_validators_take_the_place_of_the_sealer_and_the_contracts_stay(home: Path) -> None:
    before = trust(home)
    set_contracts(home, "e1", b"\x0f" * 20, b"\x0a" * 20)
    set_validators(home, "e1", "wuxin-e1-ab", VALIDATORS)
    (chain,) = trust(home).chains
    assert (chain.sealers, chain.consensus_id) == ((), "wuxin-e1-ab")
    assert (chain.feed, chain.facility) == (b"\x0f" * 20, b"\x0a" * 20)
    assert chain.validators == tuple(sorted(VALIDATORS))
    assert (trust(home).facts, trust(home).committees) == (before.facts, before.committees)


def test_contracts_deployed_later_are_added_to_a_voted_chain(home: Path) -> None:
    set_validators(home, "e1", "wuxin-e1-ab", VALIDATORS)
    set_contracts(home, "e1", b"\x0e" * 20, b"\x0b" * 20)
    assert (trust(home).chains[0].feed, trust(home).chains[0].facility) == (b"\x0e" * 20, b"\x0b" * 20)
    assert len(trust(home).chains[0].validators) == 4


def test_numbered_orderers_take_the_place_of_the_embedded_one(home: Path) -> None:
    signers = [BlockSigner(certificate(home, name, "root"), n) for n, name in enumerate(("bank", "insurer"), start=1)]
    set_block_signers(home, signers, 2)
    assert trust(home).facts.block_signers == tuple(signers)
    assert trust(home).facts.block_quorum == 2
