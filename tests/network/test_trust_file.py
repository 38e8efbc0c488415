"""The trust file follows the engines that a network was brought up with."""

from pathlib import Path

import pytest

from network.membership.consortium import Consortium, ConsortiumError
from network.membership.keystore import KeystoreError
from network.membership.published import certificate, certificate_file
from network.membership.seats import create_home
from network.membership.trust_file import TRUST_FILE, log_origin, set_block_signers, set_contracts, set_validators
from node.demo.founding import write_consortium
from wuxin_evidence.bundle.trust import Trust, TrustedValidator
from wuxin_evidence.errors import EvidenceError
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


@pytest.mark.parametrize(
    "change",
    [
        lambda home: set_contracts(home, "e9", b"\x0f" * 20, b"\x0e" * 20),
        lambda home: set_validators(home, "e9", "x", VALIDATORS),
    ],
)
def test_a_chain_that_is_not_in_the_file_is_refused_and_nothing_is_written(home: Path, change) -> None:
    before = (home / TRUST_FILE).read_bytes()
    with pytest.raises(ConsortiumError, match="is named 'e9'") as refused:
        change(home)
    assert refused.value.field == "circle"
    assert (home / TRUST_FILE).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda home: set_contracts(home, "e1", b"\x0f" * 20, b"\x0e" * 20),
        lambda home: set_validators(home, "e1", "x", VALIDATORS),
        lambda home: set_block_signers(home, [], 1),
    ],
)
@pytest.mark.parametrize("text", ["", "{}", "[]", "[" * 100_000, '{"format": "wuxin-trust-2"}'])
def test_a_damaged_file_is_named_and_stays_for_whoever_mends_it(home: Path, change, text: str) -> None:
    (home / TRUST_FILE).write_text(text)
    with pytest.raises(EvidenceError) as refused:
        change(home)
    assert refused.value.code == "malformed"
    assert (home / TRUST_FILE).read_text() == text


def test_it_is_replaced_whole_and_nothing_lies_beside_it(home: Path) -> None:
    before = set(home.iterdir())
    set_contracts(home, "e1", b"\x0f" * 20, b"\x0e" * 20)
    assert set(home.iterdir()) == before


def test_it_names_each_organisation_with_its_own_root_and_each_member_with_its_own_log(home: Path) -> None:
    consortium, found = Consortium.load(home), trust(home)
    assert [each.msp_id for each in found.organisations] == [each.msp_id for each in consortium.organisations]
    for member, trusted in zip(consortium.organisations, found.organisations, strict=True):
        assert trusted.certificates == (certificate(home, member.name, "root").decode(),)
    assert [log.origin for log in found.logs] == [log_origin(consortium, each.name) for each in consortium.oracles]
    assert len({log.public_key for log in found.logs}) == len(consortium.oracles)
    assert found.facts.policy_n == consortium.facts.endorsements


def test_a_home_in_which_somebodys_root_is_missing_gets_no_trust_file(home: Path) -> None:
    """Written without it, the file would call that organisation's endorsements forged."""
    (home / TRUST_FILE).unlink()
    certificate_file(home, "insurer", "root").unlink()
    with pytest.raises(KeystoreError) as refused:
        create_home(home, Consortium.load(home))
    assert refused.value.code == "keystore_missing"
    assert not (home / TRUST_FILE).exists()


def test_numbered_orderers_take_the_place_of_the_embedded_one(home: Path) -> None:
    signers = [BlockSigner(certificate(home, name, "root"), n) for n, name in enumerate(("bank", "insurer"), start=1)]
    set_block_signers(home, signers, 2)
    assert trust(home).facts.block_signers == tuple(signers)
    assert trust(home).facts.block_quorum == 2
