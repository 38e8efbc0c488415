"""What members tell each other is read strictly: damaged, missing or somebody else's, it is named and not used."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from network.membership.consortium import Consortium
from network.membership.identities import Authority, Validity, is_of, key_from_pem, key_to_pem, new_key
from network.membership.keystore import Keystore, KeystoreError
from network.membership.published import certificate, certificate_file, directory_of, first_committee, public_keys
from network.membership.seats import open_admin, open_orderer, open_peer, open_seat, open_tls


def altered(home: Path, org: str, **fields: object) -> None:
    path = directory_of(home, org) / "public.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def refused(read, *args: Any) -> KeystoreError:
    with pytest.raises(KeystoreError) as refusal:
        read(*args)
    return refusal.value


class TestPublicKeys:
    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"keys"', "[" * 100_000])
    def test_that_are_no_object_are_damaged(self, home: Path, text: str) -> None:
        (directory_of(home, "bank") / "public.json").write_text(text)
        refusal = refused(public_keys, home, "bank")
        assert refusal.code == "keystore_damaged"
        assert "orgs/bank/public.json" in refusal.detail
        assert "another member" in refusal.hint

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("evm_address", None),
            ("evm_address", "11" * 19),
            ("evm_address", "0x" + "11" * 20),
            ("evm_address", "zz" * 20),
            ("evm_address", 7),
            ("oracle_sm2", "04" * 64),
            ("oracle_sm2", "04" * 33),
            ("oracle_sm2", ["04"]),
            ("oracle_evm_address", ""),
            ("oracle_evm_address", "11" * 32),
            ("sealer_address", "11" * 21),
        ],
    )
    def test_of_another_form_are_damaged(self, home: Path, field: str, value: object) -> None:
        altered(home, "bank", **{field: value})
        assert refused(public_keys, home, "bank").code == "keystore_damaged"

    @pytest.mark.parametrize(
        "field", ["organisation", "evm_address", "oracle_sm2", "oracle_evm_address", "sealer_address"]
    )
    def test_that_lack_one_are_damaged(self, home: Path, field: str) -> None:
        path = directory_of(home, "bank") / "public.json"
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != field}))
        refusal = refused(public_keys, home, "bank")
        assert refusal.code == "keystore_damaged"
        assert field in refusal.detail

    def test_of_another_organisation_are_not_taken_for_ones_own(self, home: Path) -> None:
        """Whoever puts its file in the bank's place would get the bank's role on the contracts."""
        shutil.copy(directory_of(home, "warehouse") / "public.json", directory_of(home, "bank") / "public.json")
        refusal = refused(public_keys, home, "bank")
        assert refusal.code == "keystore_damaged"
        assert "it is what warehouse published" in refusal.detail

    def test_that_are_not_there_are_named(self, home: Path) -> None:
        (directory_of(home, "insurer") / "public.json").unlink()
        refusal = refused(public_keys, home, "insurer")
        assert refusal.code == "keystore_missing"
        assert "copy it from another member" in refusal.hint

    def test_of_one_member_stop_the_committee_of_all(self, home: Path, consortium: Consortium) -> None:
        altered(home, "inspector", oracle_sm2="00")
        assert refused(first_committee, home, consortium).code == "keystore_damaged"


class TestACertificate:
    @pytest.mark.parametrize("name", ["root", "client", "tls-peer"])
    def test_that_is_not_there_is_named(self, home: Path, name: str) -> None:
        certificate_file(home, "bank", name).unlink()
        refusal = refused(certificate, home, "bank", name)
        assert refusal.code == "keystore_missing"
        assert refusal.detail.endswith(f"orgs/bank/certificates/{name}.pem does not exist")

    @pytest.mark.parametrize(
        ("name", "open_it"),
        [
            ("client", lambda home, bank: open_seat(home, "bank")),
            ("peer", lambda home, bank: open_seat(home, "bank")),
            ("peer", open_peer),
            ("admin", open_admin),
            ("orderer", open_orderer),
            ("tls-orderer", lambda home, bank: open_tls(home, bank, "orderer")),
        ],
    )
    def test_that_a_duty_lacks_opens_no_seat(self, home: Path, consortium: Consortium, name: str, open_it) -> None:
        certificate_file(home, "bank", name).unlink()
        assert refused(open_it, home, consortium.organisation("bank")).code == "keystore_missing"

    @pytest.mark.parametrize(
        "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
    )
    def test_that_is_none_opens_no_seat(self, home: Path, content: bytes) -> None:
        certificate_file(home, "bank", "client").write_bytes(content)
        refusal = refused(open_seat, home, "bank")
        assert refusal.code == "keystore_damaged"
        assert "client.pem is no certificate of the key" in refusal.detail

    @pytest.mark.parametrize(("own", "other"), [("client", "admin"), ("peer", "client"), ("client", "root")])
    def test_of_another_key_of_the_organisation_opens_no_seat(self, home: Path, own: str, other: str) -> None:
        shutil.copy(certificate_file(home, "bank", other), certificate_file(home, "bank", own))
        assert refused(open_seat, home, "bank").code == "keystore_damaged"

    def test_of_another_organisation_opens_no_seat(self, home: Path) -> None:
        shutil.copy(certificate_file(home, "warehouse", "client"), certificate_file(home, "bank", "client"))
        assert refused(open_seat, home, "bank").code == "keystore_damaged"

    def test_that_was_issued_again_for_the_same_key_opens_the_seat(self, home: Path) -> None:
        """So a certificate is renewed: its authority opens, the key stays."""
        seat = open_seat(home, "bank")
        phrase = (directory_of(home, "bank") / "passphrase").read_text()
        sealed = Keystore(directory_of(home, "bank") / "keys", "bank", phrase).open("authority")
        authority = Authority.create("BankMSP", Validity())
        renewed = authority.issue("client.bank", "client", seat.fabric_signer.key.public_key(), Validity())
        certificate_file(home, "bank", "client").write_bytes(renewed)
        assert set(sealed) == {"authority", "tls_authority"}
        assert open_seat(home, "bank").fabric_signer.certificate_pem == renewed

    def test_is_of_its_key_and_of_no_other(self) -> None:
        authority, key = Authority.create("BankMSP", Validity()), new_key()
        pem = authority.issue("client.bank", "client", key.public_key(), Validity())
        assert is_of(key_from_pem(key_to_pem(key)), pem)
        assert not is_of(new_key(), pem)
        assert not is_of(key, authority.certificate_pem())


class TestAPassphraseFile:
    @pytest.mark.parametrize("content", [b"\xff\xfe", b"\x80abc"])
    def test_that_is_no_text_is_named(self, home: Path, content: bytes) -> None:
        (directory_of(home, "bank") / "passphrase").write_bytes(content)
        refusal = refused(open_seat, home, "bank")
        assert refusal.code == "keystore_damaged"
        assert refusal.detail.endswith("passphrase is no text")

    @pytest.mark.parametrize("content", ["", "\n", "guessed", "correct horse battery staple"])
    def test_with_another_passphrase_opens_nothing(self, home: Path, content: str) -> None:
        (directory_of(home, "bank") / "passphrase").write_text(content)
        assert refused(open_seat, home, "bank").code == "keystore_passphrase"

    def test_may_end_with_a_new_line_as_editors_write_it(self, home: Path) -> None:
        path = directory_of(home, "bank") / "passphrase"
        path.write_text(path.read_text() + "\r\n")
        assert open_seat(home, "bank").name == "bank"

    def test_that_is_a_folder_is_named(self, home: Path) -> None:
        path = directory_of(home, "bank") / "passphrase"
        path.unlink()
        path.mkdir(mode=0o700)
        assert refused(open_seat, home, "bank").code == "keystore_damaged"


class TestAKeyFile:
    @pytest.mark.parametrize("kept", [0, 1, 40, 200, 0.5, 0.99])
    def test_that_was_cut_off_is_damaged(self, home: Path, kept: float) -> None:
        path = directory_of(home, "bank") / "keys" / "seat.json"
        raw = path.read_bytes()
        path.write_bytes(raw[: int(kept * len(raw)) if isinstance(kept, float) else kept])
        assert refused(open_seat, home, "bank").code == "keystore_damaged"

    @pytest.mark.parametrize("kept", [0, 2, 30])
    def test_whose_sealed_part_was_cut_off_does_not_open(self, home: Path, kept: int) -> None:
        path = directory_of(home, "bank") / "keys" / "seat.json"
        envelope = json.loads(path.read_bytes())
        path.write_text(json.dumps(envelope | {"sealed": envelope["sealed"][:kept]}))
        assert refused(open_seat, home, "bank").code == "keystore_passphrase"

    @pytest.mark.parametrize("nonce", ["", "00", "00" * 11, "00" * 200])
    def test_with_a_nonce_of_another_length_does_not_open(self, home: Path, nonce: str) -> None:
        path = directory_of(home, "bank") / "keys" / "seat.json"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"nonce": nonce}))
        assert refused(open_seat, home, "bank").code == "keystore_passphrase"

    def test_that_is_nested_without_end_is_damaged(self, home: Path) -> None:
        (directory_of(home, "bank") / "keys" / "seat.json").write_text("[" * 60_000)
        assert refused(open_seat, home, "bank").code == "keystore_damaged"

    def test_that_is_a_folder_is_damaged(self, home: Path) -> None:
        path = directory_of(home, "bank") / "keys" / "seat.json"
        path.unlink()
        path.mkdir(mode=0o700)
        assert refused(open_seat, home, "bank").code == "keystore_damaged"
