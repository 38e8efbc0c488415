"""Keys on disk: sealed per organisation and duty, closed to others, opened one seat at a time."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from network.membership.consortium import Consortium, ConsortiumError
from network.membership.identities import Roots
from network.membership.keystore import KeystoreError
from network.membership.published import certificate, first_committee, public_keys, root_certificates
from network.membership.seats import (
    TlsDuty,
    create_home,
    open_admin,
    open_orderer,
    open_peer,
    open_sealer,
    open_seat,
    open_tls,
)
from network.membership.trust_file import set_contracts, trust_of
from node.demo.founding import write_consortium
from node.demo.timeline import SCENARIO_START_MS
from wuxin_evidence.bundle.trust import Trust


def test_a_seat_has_the_signers_of_its_duties_and_no_others(home: Path) -> None:
    bank, warehouse, inspector = (open_seat(home, name) for name in ("bank", "warehouse", "inspector"))
    assert bank.peer_signer and bank.oracle_sm2 and bank.oracle_evm and bank.sealer_key
    assert warehouse.peer_signer and not warehouse.oracle_sm2 and not warehouse.sealer_key
    assert inspector.oracle_sm2 and not inspector.peer_signer
    assert {bank.name, warehouse.name} == {bank.fabric_signer.organisation, warehouse.fabric_signer.organisation}
    assert len({each.evm_key.address for each in (bank, warehouse, inspector)}) == 3
    assert len(bank.command_secret) == 32


def test_a_seat_shows_no_secret_when_printed(home: Path) -> None:
    seat = open_seat(home, "bank")
    assert seat.command_secret.hex() not in repr(seat)
    assert "key=" not in repr(seat)


def test_six_seats_open_within_a_second_of_the_processor(home: Path, consortium: Consortium) -> None:
    begin = time.process_time()
    for member in consortium.organisations:
        open_seat(home, member.name)
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("name", ["keys/seat.json", "keys/peer.json", "keys/oracle.json", "passphrase"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(home: Path, name: str, mode: int) -> None:
    path = home / "orgs" / "bank" / name
    path.chmod(mode)
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank")
    assert refused.value.code == "keystore_mode"
    assert refused.value.hint == f"chmod 600 {path}"


def test_every_secret_file_is_made_with_mode_0600(home: Path) -> None:
    secrets = [*home.glob("orgs/*/keys/*"), *home.glob("orgs/*/passphrase")]
    assert len(secrets) > 20
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


def test_no_private_key_lies_open_in_the_home(home: Path) -> None:
    seat = open_seat(home, "bank")
    secret = seat.evm_key.private_bytes
    for path in home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"PRIVATE KEY" not in content
            assert secret.hex().encode() not in content


def test_another_passphrase_does_not_open(home: Path) -> None:
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank", passphrase="guessed")
    assert refused.value.code == "keystore_passphrase"


def test_one_organisations_file_does_not_pass_for_anothers(home: Path) -> None:
    orgs = home / "orgs"
    shutil.copytree(orgs / "bank" / "keys", orgs / "insurer" / "keys", dirs_exist_ok=True)
    shutil.copy(orgs / "bank" / "passphrase", orgs / "insurer" / "passphrase")
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "insurer")
    assert refused.value.code == "keystore_passphrase"


def test_one_duty_does_not_pass_for_another(home: Path) -> None:
    keys = home / "orgs" / "bank" / "keys"
    shutil.copy(keys / "sealer.json", keys / "oracle.json")
    with pytest.raises(KeystoreError):
        open_seat(home, "bank")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "wuxin-keys-1", "kdf": 1}'])
def test_a_damaged_file_says_so(home: Path, content: bytes) -> None:
    (home / "orgs" / "bank" / "keys" / "seat.json").write_bytes(content)
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank")
    assert refused.value.code == "keystore_damaged"


def test_a_file_cannot_ask_for_gigabytes_of_scrypt(home: Path) -> None:
    path = home / "orgs" / "bank" / "keys" / "seat.json"
    envelope = json.loads(path.read_bytes())
    envelope["kdf"]["n"] = 2**30
    path.write_text(json.dumps(envelope))
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank")
    assert refused.value.code == "keystore_damaged"


def test_missing_keys_say_so(home: Path) -> None:
    shutil.rmtree(home / "orgs" / "bank" / "keys")
    with pytest.raises(KeystoreError) as refused:
        open_seat(home, "bank")
    assert refused.value.code == "keystore_missing"


def test_a_stranger_has_no_seat(home: Path) -> None:
    for name in ("pirate", "../bank"):
        with pytest.raises(ConsortiumError):
            open_seat(home, name)


def test_the_sealers_key_opens_without_the_rest_of_its_seat(home: Path) -> None:
    sealer = open_seat(home, "bank").sealer_key
    keys = home / "orgs" / "bank" / "keys"
    for path in keys.iterdir():
        if path.name != "sealer.json":
            path.unlink()
    opened = open_sealer(home, "bank")
    assert sealer is not None and opened.address == sealer.address
    with pytest.raises(KeystoreError) as refused:
        open_sealer(home, "insurer")
    assert refused.value.code == "keystore_missing"


def test_opening_one_organisation_reads_nothing_of_another(home: Path) -> None:
    for name in ("insurer", "manufacturer", "warehouse", "regulator", "inspector"):
        shutil.rmtree(home / "orgs" / name)
    assert open_seat(home, "bank").name == "bank"


def test_making_a_home_again_changes_nothing(home: Path, consortium: Consortium) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    create_home(home, consortium)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_directory_that_is_no_organisations_is_not_written_into(tmp_path: Path) -> None:
    demo = write_consortium(tmp_path, start_ms=SCENARIO_START_MS)
    (tmp_path / "orgs" / "insurer").mkdir(parents=True)
    with pytest.raises(KeystoreError) as refused:
        create_home(tmp_path, demo)
    assert refused.value.code == "keystore_damaged"
    assert "insurer" in refused.value.hint


def test_an_operators_passphrase_is_not_written_down(tmp_path: Path) -> None:
    demo = write_consortium(tmp_path, start_ms=SCENARIO_START_MS)
    create_home(tmp_path, demo, passphrases={"bank": "correct horse"})
    assert not (tmp_path / "orgs" / "bank" / "passphrase").exists()
    assert (tmp_path / "orgs" / "insurer" / "passphrase").exists()
    assert open_seat(tmp_path, "bank", passphrase="correct horse").name == "bank"
    assert open_peer(tmp_path, demo.organisation("bank"), "correct horse")[0].organisation == "bank"
    with pytest.raises(KeystoreError) as refused:
        open_seat(tmp_path, "bank")
    assert refused.value.code == "keystore_missing"


def test_the_trust_file_is_what_the_organisations_published(home: Path, consortium: Consortium) -> None:
    trust = Trust.parse((home / "trust.json").read_bytes())
    assert trust == trust_of(home, consortium)
    assert trust.consortium_id == consortium.consortium_id
    assert [each.name for each in trust.organisations] == [each.name for each in consortium.organisations]
    assert trust.facts.block_signers[0].certificate_pem == certificate(home, "regulator", "orderer")
    assert trust.chains[0].sealers == (public_keys(home, "bank").sealer_address,)
    assert trust.committees == (first_committee(home, consortium),)


def test_deployed_contracts_enter_the_trust_file_and_stay(home: Path, consortium: Consortium) -> None:
    set_contracts(home, "e1", b"\x11" * 20, b"\x12" * 20)
    create_home(home, consortium)
    (chain,) = Trust.parse((home / "trust.json").read_bytes()).chains
    assert (chain.feed, chain.facility) == (b"\x11" * 20, b"\x12" * 20)


def test_published_keys_are_those_of_the_seat(home: Path) -> None:
    seat, published = open_seat(home, "inspector"), public_keys(home, "inspector")
    assert seat.oracle_sm2 and seat.oracle_evm
    assert published.evm_address == seat.evm_key.address
    assert published.oracle_sm2 == seat.oracle_sm2.public_key
    assert published.oracle_evm_address == seat.oracle_evm.address


def test_only_the_ordering_organisations_hold_a_block_key(home: Path, consortium: Consortium) -> None:
    assert open_orderer(home, consortium.organisation("regulator")).msp_id == "RegulatorMSP"
    with pytest.raises(KeystoreError):
        open_orderer(home, consortium.organisation("warehouse"))


@pytest.mark.engine("openssl")
def test_openssl_accepts_every_certificate_under_its_root_and_no_other(home: Path) -> None:
    for folder in home.glob("orgs/*/certificates"):
        tls = {path for path in folder.glob("tls-*.pem") if path.name != "tls-root.pem"}
        others = {path for path in folder.glob("*.pem") if not path.name.startswith("tls-") and path.name != "root.pem"}
        for root, own, foreign in (("root.pem", others, tls), ("tls-root.pem", tls, others)):
            subprocess.run([*_VERIFY, str(folder / root), *map(str, own)], check=True, capture_output=True)
            refused = subprocess.run(
                [*_VERIFY, str(folder / root), *map(str, foreign)], check=False, capture_output=True
            )
            assert refused.returncode


_VERIFY = ("openssl", "verify", "-x509_strict", "-CAfile")


def test_every_process_has_a_connection_key_of_its_own_for_this_machine(home: Path, consortium: Consortium) -> None:
    bank = consortium.organisation("bank")
    duties: tuple[TlsDuty, ...] = ("admin", "peer", "orderer", "chaincode", "chaincode-client")
    identities = [open_tls(home, bank, duty) for duty in duties]
    assert len({each.key for each in identities}) == len(duties)
    for each in identities:
        certificate = x509.load_pem_x509_certificate(each.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
        assert certificate.public_key() == load_pem_private_key(each.key, None).public_key()


def test_organisations_have_connection_keys_for_their_duties_only(home: Path, consortium: Consortium) -> None:
    inspector, warehouse = consortium.organisation("inspector"), consortium.organisation("warehouse")
    assert open_tls(home, inspector, "admin").certificate
    for organisation, duty in ((inspector, "peer"), (inspector, "chaincode"), (warehouse, "orderer")):
        with pytest.raises(KeystoreError) as refused:
            open_tls(home, organisation, duty)
        assert refused.value.code == "keystore_missing"


def test_the_administrators_certificate_says_so(home: Path, consortium: Consortium) -> None:
    roots = Roots(root_certificates(home, consortium))
    identity = roots.identify(open_admin(home, consortium.organisation("warehouse")).identity, 1_700_000_000_000)
    assert identity.principal == ("WarehouseMSP", "ADMIN")
