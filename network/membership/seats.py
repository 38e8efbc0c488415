"""Seats: one organisation's presence on a machine, and the making of all of them.

Workflow: `create_home` makes, for each organisation of the consortium file, a certificate authority, certificates
and keys, each duty in a sealed file of its own, publishes what others need to know, and writes the trust file.
`open_seat` opens one organisation's duties and hands out a `Seat`. Code gets a `Seat`, never the directory with
everybody's keys: a request for one organisation cannot cause another's signature.

    orgs/<org>/passphrase                opens the files below (demo; else the operator gives it)
    orgs/<org>/keys/authority.json       both certificate authorities; opened to issue, never by a node
    orgs/<org>/keys/admin.json           key of the organisation's administrator, who joins channels and installs
    orgs/<org>/keys/seat.json            client key, EVM key, secret behind transaction nonces
    orgs/<org>/keys/peer.json            endorser key (organisations that endorse)
    orgs/<org>/keys/chaincode.json       connection keys between a peer and its chaincode (organisations that endorse)
    orgs/<org>/keys/oracle.json          SM2 and secp256k1 keys (oracle members)
    orgs/<org>/keys/orderer.json         block signing key (organisations that order)
    orgs/<org>/keys/sealer.json          header sealing key (organisations that seal a circle's chain)
    orgs/<org>/certificates/*.pem        root, client, admin, peer, orderer; tls-root and one tls-… per connection key
    orgs/<org>/public.json               addresses and oracle public keys
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from network.membership.consortium import Consortium, Organisation
from network.membership.identities import Authority, FabricSigner, Validity, is_of, key_from_pem, key_to_pem, new_key
from network.membership.keystore import Keystore, KeystoreError, read_private, write_private
from network.membership.published import certificate, certificate_file, directory_of
from network.membership.trust_file import TRUST_FILE, trust_of, write_trust
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey

COMMAND_SECRET_BYTES = 32

ORACLE_SUITE = "sm2-sm3"


@dataclass(frozen=True)
class Seat:
    """One organisation's signers. What the organisation has no duty for is None."""

    organisation: Organisation
    fabric_signer: FabricSigner = field(repr=False)
    evm_key: EvmKey = field(repr=False)
    command_secret: bytes = field(repr=False)
    peer_signer: FabricSigner | None = field(default=None, repr=False)
    oracle_sm2: SigningKey | None = field(default=None, repr=False)
    oracle_evm: EvmKey | None = field(default=None, repr=False)
    sealer_key: EvmKey | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The organisation's name."""
        return self.organisation.name

    @property
    def msp_id(self) -> str:
        """The organisation's MSP id."""
        return self.organisation.msp_id


TlsDuty = Literal["admin", "peer", "orderer", "chaincode", "chaincode-client"]
"""Who holds a connection key: `chaincode` serves the chaincode, `chaincode-client` is its peer's side."""

_TLS_KEYS: Mapping[TlsDuty, tuple[str, str]] = {
    "admin": ("admin", "tls"),
    "peer": ("peer", "tls"),
    "orderer": ("orderer", "tls"),
    "chaincode": ("chaincode", "server"),
    "chaincode-client": ("chaincode", "client"),
}
"""The sealed file of each and the name within it."""


@dataclass(frozen=True)
class TlsIdentity:
    """A certificate for connections, its key and the root that it leads to; PEM."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    root: bytes = field(repr=False)


def open_seat(home: Path, org: str, passphrase: str | None = None) -> Seat:
    """Open the keys of `org`; the passphrase comes from its file when not given.

    Raises KeystoreError (missing, readable by others, wrong passphrase, damaged), ConsortiumError.
    """
    organisation = Consortium.load(home).organisation(org)
    keystore = _keystore(home, org, passphrase)
    own = keystore.open("seat")
    oracle = keystore.open("oracle") if organisation.oracle else None
    sealer = keystore.open("sealer") if keystore.holds("sealer") else None
    return Seat(
        organisation=organisation,
        fabric_signer=_signer(home, organisation, "client", own["client"]),
        evm_key=EvmKey.from_bytes(bytes.fromhex(own["evm"])),
        command_secret=bytes.fromhex(own["command_secret"]),
        peer_signer=_peer_signer(home, organisation, keystore) if organisation.endorses else None,
        oracle_sm2=SigningKey.from_pem(oracle["sm2"].encode()) if oracle else None,
        oracle_evm=EvmKey.from_bytes(bytes.fromhex(oracle["evm"])) if oracle else None,
        sealer_key=EvmKey.from_bytes(bytes.fromhex(sealer["evm"])) if sealer else None,
    )


def open_peer(home: Path, organisation: Organisation, passphrase: str | None = None) -> tuple[FabricSigner, bytes]:
    """An endorser's signer and the secret that seals its organisation's private data; nothing else is opened."""
    keystore = _keystore(home, organisation.name, passphrase)
    return _peer_signer(home, organisation, keystore), bytes.fromhex(keystore.open("peer")["private_data"])


def open_orderer(home: Path, organisation: Organisation, passphrase: str | None = None) -> FabricSigner:
    """The signer of blocks."""
    keystore = _keystore(home, organisation.name, passphrase)
    return _signer(home, organisation, "orderer", keystore.open("orderer")["orderer"])


def open_admin(home: Path, organisation: Organisation, passphrase: str | None = None) -> FabricSigner:
    """The signer of the organisation's administrator on a Fabric network."""
    return _signer(home, organisation, "admin", _keystore(home, organisation.name, passphrase).open("admin")["admin"])


def open_tls(home: Path, organisation: Organisation, duty: TlsDuty, passphrase: str | None = None) -> TlsIdentity:
    """What the process with this duty shows on its connections."""
    file, entry = _TLS_KEYS[duty]
    key = _keystore(home, organisation.name, passphrase).open(file)[entry]
    return TlsIdentity(
        certificate=certificate(home, organisation.name, f"tls-{duty}"),
        key=key.encode(),
        root=certificate(home, organisation.name, "tls-root"),
    )


def open_sealer(home: Path, organisation: str, passphrase: str | None = None) -> EvmKey:
    """The key that seals a circle's headers; nothing else is opened."""
    return EvmKey.from_bytes(bytes.fromhex(_keystore(home, organisation, passphrase).open("sealer")["evm"]))


def create_home(
    home: Path,
    consortium: Consortium,
    *,
    passphrases: Mapping[str, str] | None = None,
    validity: Validity | None = None,
) -> None:
    """Make whatever an installation of this consortium lacks: keys, certificates, passphrases, the trust file.

    `passphrases` (by organisation) are the operators' own and are not written down; an organisation without one gets
    a random one in its passphrase file, as the demo does. Organisations that have keys keep them, so that calling
    it again changes nothing. Raises KeystoreError, ConsortiumError.
    """
    (home / "orgs").mkdir(parents=True, exist_ok=True)
    for organisation in consortium.organisations:
        if not _is_made(home, organisation.name):
            given = (passphrases or {}).get(organisation.name)
            _create_organisation(home, consortium, organisation, given, validity or Validity())
    if not (home / TRUST_FILE).exists():
        write_trust(home, trust_of(home, consortium))


def _is_made(home: Path, org: str) -> bool:
    """Whether `org` has its keys. Raises KeystoreError for a directory without: something else was put there."""
    directory = directory_of(home, org)
    if not directory.exists():
        return False
    if not (directory / "public.json").exists():
        raise KeystoreError("keystore_damaged", f"{directory} has no public.json", f"move {directory} away")
    return True


def _keystore(home: Path, org: str, passphrase: str | None) -> Keystore:
    directory = directory_of(home, org)
    if passphrase is None:
        try:
            passphrase = read_private(directory / "passphrase").decode().strip()
        except UnicodeDecodeError as wrong:
            hint = "write it anew, as UTF-8, mode 0600"
            raise KeystoreError("keystore_damaged", f"{directory / 'passphrase'} is no text", hint) from wrong
    return Keystore(directory / "keys", org, passphrase)


def _signer(home: Path, organisation: Organisation, duty: str, key_pem: str) -> FabricSigner:
    """The signer of a duty. Raises KeystoreError where the published certificate is not of the sealed key.

    Whoever signs with a key that the certificate does not name is refused by every peer, and none can say why.
    """
    pem, key = certificate(home, organisation.name, duty), key_from_pem(key_pem.encode())
    if not is_of(key, pem):
        path = certificate_file(home, organisation.name, duty)
        raise KeystoreError("keystore_damaged", f"{path} is no certificate of the key under keys/", f"restore {path}")
    return FabricSigner.of(organisation.name, organisation.msp_id, pem, key)


def _peer_signer(home: Path, organisation: Organisation, keystore: Keystore) -> FabricSigner:
    return _signer(home, organisation, "peer", keystore.open("peer")["peer"])


class _Making:
    """One organisation's directory while it is made, beside its place; it appears whole or not at all."""

    def __init__(self, home: Path, organisation: Organisation, passphrase: str | None, validity: Validity) -> None:
        self._place = directory_of(home, organisation.name)
        self.directory = self._place.with_name(f"{organisation.name}.{secrets.token_hex(4)}.making")
        self._certificates = self.directory / "certificates"
        self._certificates.mkdir(parents=True)
        if passphrase is None:
            passphrase = secrets.token_urlsafe(24)
            write_private(self.directory / "passphrase", passphrase.encode())
        self.keystore = Keystore(self.directory / "keys", organisation.name, passphrase)
        self._organisation = organisation
        self._validity = validity
        self._authority = Authority.create(organisation.msp_id, validity)
        self._tls_authority = Authority.create(organisation.msp_id, validity, "TLS root")
        roots = {"authority": self._authority, "tls_authority": self._tls_authority}
        self.keystore.seal("authority", {name: key_to_pem(root.key).decode() for name, root in roots.items()})
        (self._certificates / "root.pem").write_bytes(self._authority.certificate_pem())
        (self._certificates / "tls-root.pem").write_bytes(self._tls_authority.certificate_pem())

    def certified(self, duty: str) -> str:
        """A new key (PEM) whose certificate is published under the duty's name, which is also its node OU."""
        key = new_key()
        common_name = f"{duty}.{self._organisation.name}"
        pem = self._authority.issue(common_name, duty, key.public_key(), self._validity)
        (self._certificates / f"{duty}.pem").write_bytes(pem)
        return key_to_pem(key).decode()

    def connected(self, duty: TlsDuty) -> str:
        """A new key (PEM) whose certificate for connections is published."""
        key = new_key()
        pem = self._tls_authority.issue_tls(f"{duty}.{self._organisation.name}", key.public_key(), self._validity)
        (self._certificates / f"tls-{duty}.pem").write_bytes(pem)
        return key_to_pem(key).decode()

    def finish(self, published: Mapping[str, str | None]) -> None:
        (self.directory / "public.json").write_text(json.dumps(published, indent=1), "utf-8")
        self.directory.rename(self._place)


def _create_organisation(
    home: Path, consortium: Consortium, organisation: Organisation, passphrase: str | None, validity: Validity
) -> None:
    making = _Making(home, organisation, passphrase, validity)
    published: dict[str, str | None] = {
        "organisation": organisation.name,
        "msp_id": organisation.msp_id,
        "evm_address": _make_seat(making),
        "oracle_sm2": None,
        "oracle_evm_address": None,
        "sealer_address": None,
    }
    making.keystore.seal("admin", {"admin": making.certified("admin"), "tls": making.connected("admin")})
    if organisation.endorses:
        _make_peer(making)
    if organisation.oracle:
        published |= _make_oracle(making)
    if organisation.orders or consortium.facts.orderer == organisation.name:
        making.keystore.seal("orderer", {"orderer": making.certified("orderer"), "tls": making.connected("orderer")})
    if any(circle.sealer == organisation.name for circle in consortium.circles):
        published["sealer_address"] = _make_evm(making, "sealer", {})
    making.finish(published)


def _make_seat(making: _Making) -> str:
    command_secret = secrets.token_hex(COMMAND_SECRET_BYTES)
    return _make_evm(making, "seat", {"client": making.certified("client"), "command_secret": command_secret})


def _make_peer(making: _Making) -> None:
    own = {"peer": making.certified("peer"), "private_data": secrets.token_hex(32), "tls": making.connected("peer")}
    making.keystore.seal("peer", own)
    ends = {"server": making.connected("chaincode"), "client": making.connected("chaincode-client")}
    making.keystore.seal("chaincode", ends)


def _make_oracle(making: _Making) -> dict[str, str | None]:
    sm2 = SigningKey.generate(ORACLE_SUITE)
    address = _make_evm(making, "oracle", {"sm2": sm2.to_pem().decode()})
    return {"oracle_sm2": sm2.public_key.hex(), "oracle_evm_address": address}


def _make_evm(making: _Making, name: str, beside: dict[str, str]) -> str:
    """Seal a file with a new secp256k1 key under `evm` and what else belongs to the duty; gives its address."""
    key = EvmKey.generate()
    making.keystore.seal(name, {**beside, "evm": key.private_bytes.hex()})
    return key.address.hex()
