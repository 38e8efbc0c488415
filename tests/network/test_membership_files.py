"""What lies in a home: sealed files, published files, marks of stopped endorsers, and what is shared between homes."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from network.membership.consortium import Consortium, ConsortiumError
from network.membership.endorsers import is_stopped, start_endorser, stop_endorser, stopped_endorsers
from network.membership.homes import home_of, separate, share
from network.membership.identities import Authority, Roots, Validity, key_from_pem, key_to_pem, may_create, new_key
from network.membership.keystore import (
    FILE_BYTES_MAX,
    SCRYPT_N,
    Keystore,
    KeystoreError,
    read_private,
    write_private,
)
from network.membership.published import (
    certificate,
    certificate_file,
    directory_of,
    first_committee,
    public_keys,
    root_certificates,
)
from network.membership.seats import open_orderer, open_peer, open_seat
from wuxin_evidence.errors import EvidenceError

SECRETS = {"evm": "aa" * 32, "client": "a key"}


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys", "lender", "correct horse")


def code_of(refused: pytest.ExceptionInfo[KeystoreError]) -> str:
    return refused.value.code


class TestASealedFile:
    def test_opens_with_its_passphrase_and_no_other(self, keystore: Keystore, tmp_path: Path) -> None:
        keystore.seal("seat", SECRETS)
        assert Keystore(tmp_path / "keys", "lender", "correct horse").open("seat") == SECRETS
        with pytest.raises(KeystoreError) as refused:
            Keystore(tmp_path / "keys", "lender", "correct horse ").open("seat")
        assert code_of(refused) == "keystore_passphrase"

    def test_shows_nothing_of_its_content(self, keystore: Keystore, tmp_path: Path) -> None:
        keystore.seal("seat", SECRETS)
        raw = (tmp_path / "keys" / "seat.json").read_bytes()
        assert not any(value.encode() in raw for value in SECRETS.values())
        assert b"correct horse" not in raw

    def test_is_never_overwritten(self, keystore: Keystore) -> None:
        keystore.seal("seat", SECRETS)
        with pytest.raises(FileExistsError):
            keystore.seal("seat", {"evm": "bb"})
        assert keystore.open("seat") == SECRETS

    def test_leaves_nothing_beside_it(self, keystore: Keystore, tmp_path: Path) -> None:
        keystore.seal("seat", SECRETS)
        with pytest.raises(FileExistsError):
            keystore.seal("seat", SECRETS)
        assert [each.name for each in (tmp_path / "keys").iterdir()] == ["seat.json"]

    def test_is_held_under_its_name(self, keystore: Keystore) -> None:
        assert not keystore.holds("seat")
        keystore.seal("seat", SECRETS)
        assert keystore.holds("seat") and not keystore.holds("oracle")

    def test_of_another_name_does_not_stand_in_for_it(self, keystore: Keystore, tmp_path: Path) -> None:
        keystore.seal("oracle", SECRETS)
        (tmp_path / "keys" / "oracle.json").rename(tmp_path / "keys" / "seat.json")
        with pytest.raises(KeystoreError) as refused:
            keystore.open("seat")
        assert code_of(refused) == "keystore_passphrase"

    def test_of_another_organisation_does_not_open(self, keystore: Keystore, tmp_path: Path) -> None:
        keystore.seal("seat", SECRETS)
        with pytest.raises(KeystoreError) as refused:
            Keystore(tmp_path / "keys", "borrower", "correct horse").open("seat")
        assert code_of(refused) == "keystore_passphrase"

    @pytest.mark.parametrize("field", ["nonce", "sealed"])
    def test_with_one_byte_changed_does_not_open(self, keystore: Keystore, tmp_path: Path, field: str) -> None:
        keystore.seal("seat", SECRETS)
        path = tmp_path / "keys" / "seat.json"
        envelope = json.loads(path.read_bytes())
        first = int(envelope[field][:2], 16) ^ 1
        envelope[field] = f"{first:02x}{envelope[field][2:]}"
        path.write_text(json.dumps(envelope))
        with pytest.raises(KeystoreError) as refused:
            keystore.open("seat")
        assert code_of(refused) == "keystore_passphrase"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("format", "wuxin-keys-2"), ("nonce", "zz"), ("nonce", 7), ("kdf", None), ("sealed", None), ("format", None)],
    )
    def test_of_another_form_is_damaged(self, keystore: Keystore, tmp_path: Path, field: str, value: object) -> None:
        keystore.seal("seat", SECRETS)
        path = tmp_path / "keys" / "seat.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {field: value}))
        with pytest.raises(KeystoreError) as refused:
            keystore.open("seat")
        assert code_of(refused) == "keystore_damaged"

    @pytest.mark.parametrize("n", [SCRYPT_N // 2, SCRYPT_N + 1, 2**21])
    def test_asks_for_no_cheaper_and_no_dearer_key(self, keystore: Keystore, tmp_path: Path, n: int) -> None:
        keystore.seal("seat", SECRETS)
        path = tmp_path / "keys" / "seat.json"
        envelope = json.loads(path.read_bytes())
        envelope["kdf"]["n"] = n
        path.write_text(json.dumps(envelope))
        with pytest.raises(KeystoreError) as refused:
            keystore.open("seat")
        assert code_of(refused) == "keystore_damaged"


class TestAPrivateFile:
    def test_is_closed_to_others_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            write_private(tmp_path / "secret", b"x")
        finally:
            os.umask(before)
        assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
        assert read_private(tmp_path / "secret") == b"x"

    @pytest.mark.parametrize("mode", [0o601, 0o610, 0o644, 0o660])
    def test_that_others_may_use_is_not_read(self, tmp_path: Path, mode: int) -> None:
        write_private(tmp_path / "secret", b"x")
        (tmp_path / "secret").chmod(mode)
        with pytest.raises(KeystoreError) as refused:
            read_private(tmp_path / "secret")
        assert code_of(refused) == "keystore_mode"

    def test_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(KeystoreError, match="secret") as refused:
            read_private(tmp_path / "secret")
        assert code_of(refused) == "keystore_missing"

    def test_is_read_up_to_a_bound(self, tmp_path: Path) -> None:
        write_private(tmp_path / "secret", b"x" * (FILE_BYTES_MAX + 1))
        assert len(read_private(tmp_path / "secret")) == FILE_BYTES_MAX


class TestStoppedEndorsers:
    def test_are_those_that_were_stopped_and_not_started_again(self, home: Path) -> None:
        assert stopped_endorsers(home) == []
        for org in ("warehouse", "bank"):
            stop_endorser(home, org)
            stop_endorser(home, org)
        assert stopped_endorsers(home) == ["bank", "warehouse"]
        start_endorser(home, "bank")
        start_endorser(home, "bank")
        assert (is_stopped(home, "bank"), is_stopped(home, "warehouse")) == (False, True)

    @pytest.mark.parametrize("org", ["inspector", "nobody", "../bank"])
    @pytest.mark.parametrize("change", [stop_endorser, start_endorser])
    def test_are_endorsers(self, home: Path, org: str, change) -> None:
        with pytest.raises(ConsortiumError) as refused:
            change(home, org)
        assert refused.value.field == "organisation"
        assert stopped_endorsers(home) == []


class TestWhatIsPublished:
    def test_is_read_without_any_secret(self, home: Path, consortium: Consortium) -> None:
        expected = {member.name: public_keys(home, member.name) for member in consortium.organisations}
        for path in [*home.glob("orgs/*/keys/*"), *home.glob("orgs/*/passphrase")]:
            path.unlink()
        for member in consortium.organisations:
            keys = public_keys(home, member.name)
            assert keys == expected[member.name]
            assert len(keys.evm_address) == 20
            assert (keys.oracle_sm2 is not None) == (keys.oracle_evm_address is not None) == member.oracle
            assert (keys.sealer_address is not None) == (member.name == consortium.circles[0].sealer)

    def test_names_each_organisations_root_by_its_msp(self, home: Path, consortium: Consortium) -> None:
        roots = root_certificates(home, consortium)
        assert set(roots) == {member.msp_id for member in consortium.organisations}
        assert len({raw for raws in roots.values() for raw in raws}) == len(consortium.organisations)

    def test_lies_under_the_organisations_directory(self, home: Path) -> None:
        path = certificate_file(home, "bank", "root")
        assert path.parent.parent == directory_of(home, "bank")
        assert certificate(home, "bank", "root") == path.read_bytes()

    def test_makes_the_first_committee(self, home: Path, consortium: Consortium) -> None:
        committee = first_committee(home, consortium, active_from_s=7)
        assert (committee.epoch, committee.threshold, committee.active_from_s) == (1, 2, 7)
        assert [each.organisation for each in committee.members] == ["bank", "insurer", "inspector"]
        assert all(len(each.sm2_public_key) == 65 and len(each.evm_address) == 20 for each in committee.members)


class TestWhatHomesShare:
    def test_rule_packs_and_the_profile_are_in_every_home(self, home: Path, consortium: Consortium) -> None:
        (home / "packs").mkdir()
        (home / "packs" / "ours.json").write_text("{}")
        (home / "profile.json").write_text("{}")
        separate(home, consortium)
        for member in consortium.organisations:
            own = home_of(home, member.name)
            assert (own / "packs" / "ours.json").read_text() == (own / "profile.json").read_text() == "{}"

    def test_what_is_deposited_or_only_here_is_not_shared(self, home: Path, consortium: Consortium) -> None:
        (home / "deposits.json").write_text("{}")
        (home / "local.db").write_text("")
        separate(home, consortium)
        share(home, consortium)
        for name in ("deposits.json", "local.db"):
            assert not list((home / "homes").rglob(name))


class TestKeysOfTheFacts:
    def test_are_p256_and_nothing_else(self) -> None:
        key = new_key()
        assert key_from_pem(key_to_pem(key)).private_numbers() == key.private_numbers()
        with pytest.raises(EvidenceError) as refused:
            key_from_pem(key_to_pem(ec.generate_private_key(ec.SECP384R1())))
        assert refused.value.code == "malformed"

    def test_of_an_authority_are_not_shown(self) -> None:
        assert "key=" not in repr(Authority.create("LenderMSP", Validity()))

    @pytest.mark.parametrize(("role", "may"), [("client", True), ("admin", True), ("peer", False), ("orderer", False)])
    def test_of_a_peer_or_an_orderer_make_no_transaction(self, role: str, may: bool) -> None:
        authority = Authority.create("LenderMSP", Validity())
        pem = authority.issue(f"{role}.lender", role, new_key().public_key(), Validity())
        roots = Roots({"LenderMSP": [authority.certificate_pem()]})
        from wuxin_evidence.fabric import serialized_identity

        found = roots.identify(
            serialized_identity("LenderMSP", pem), int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
        )
        assert may_create(found) is may


def test_each_duty_opens_its_own_file_and_no_other(home: Path, consortium: Consortium) -> None:
    """An endorser's process never holds the organisation's client key, and an orderer's holds nothing but its own."""
    bank = consortium.organisation("bank")
    keys = home / "orgs" / "bank" / "keys"
    seat = open_seat(home, "bank")
    for path in keys.iterdir():
        if path.name not in ("peer.json", "orderer.json"):
            path.unlink()
    signer, secret = open_peer(home, bank)
    assert seat.peer_signer is not None
    assert signer.identity == seat.peer_signer.identity
    assert len(secret) == 32
    assert open_orderer(home, bank).organisation == "bank"
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank")
    assert refused.value.code == "keystore_missing"
