"""A small consortium with real keys that makes whole evidence bundles in memory, for the tests of verification."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from wuxin_evidence.attestation import (
    SCHEDULED,
    Attestation,
    Committee,
    CommitteeMember,
    Indicator,
    MemberSignature,
    SignedAttestation,
    sequence_of,
)
from wuxin_evidence.bundle.archive import write_bundle
from wuxin_evidence.bundle.members import (
    DeviceKey,
    Inclusion,
    attestation_members,
    consistency_members,
    enrolment_members,
    facts_members,
    log_members,
    obligations_members,
    pack_members,
    rule_pack_members,
)
from wuxin_evidence.bundle.trust import Trust, TrustedChain, TrustedFacts, TrustedLog, TrustedOrganisation
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import rlp
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.evm import proof as evm_proof
from wuxin_evidence.evm import trie as evm_trie
from wuxin_evidence.evm.terms import PROPOSE
from wuxin_evidence.fabric import (
    P256_ORDER,
    BlockSigner,
    Endorsement,
    NamespaceChanges,
    Outcome,
    Read,
    Write,
    assemble_block,
    block_header,
    encode_rwset,
    endorsement_message,
    envelope,
    genesis_envelope,
    propose,
    response_payload,
    serialized_identity,
    transaction_payload,
)
from wuxin_evidence.ids import indicator_id, subject
from wuxin_evidence.log.checkpoint import Checkpoint, sign_checkpoint
from wuxin_evidence.log.tree import Tree, pack_root
from wuxin_evidence.packs.pack import Pack, parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading

NOON_S = 1_641_096_000
WINDOW_S = 900
SLOT = "91310000MA1K00001X/A-16"
DEVICE = "scale-16"
LOG = "wuxin/bank/packs"
CLOCK = {"kind": "system", "start_ms": 0, "factor": 1}
FEED, FACILITY = b"\xfe" * 20, b"\xfc" * 20
CHAIN_ID = 7001
ACCEPTED_IN = 44
"""Block of the obligations that accepts the attestation; the facility is proposed in the one before."""
FACILITY_ID = sha256(b"facility").digest()
SUBJECTS = (subject("slot", SLOT), subject("pledge", "p-1"), subject("commodity", "copper-cathode"))
RULES = canonical_json({"name": "warehouse-stock-1"})
PROFILE = canonical_json({"name": "warehouse-weight-1", "window_s": WINDOW_S})
ENDORSERS = ("BankMSP", "InsurerMSP", "ManufacturerMSP", "RegulatorMSP", "WarehouseMSP")
ORACLE = ("bank", "insurer", "inspector")


def proposal(rule_pack: bytes, subjects: tuple[bytes, ...] = SUBJECTS) -> bytes:
    """Call data of `propose`: command, facility, and the 23 words of its terms."""
    words = [bytes(32), FACILITY_ID, *[bytes(32)] * 5, *subjects, *[bytes(32)] * 14, rule_pack]
    return PROPOSE + b"".join(words)


def transaction(to: bytes, call_data: bytes, chain_id: int = CHAIN_ID) -> bytes:
    """A transaction with dynamic fee (EIP-1559); nobody looks at its signature, the block holds it."""
    priced = [b"", b"", b"", rlp.int_bytes(90_000)]
    return b"\x02" + rlp.encode([rlp.int_bytes(chain_id), *priced, to, b"", call_data, [], b"", b"\x01", b"\x01"])


@dataclass(frozen=True)
class FabricSigner:
    """A certificate and its key; signs as Fabric wants it (low s)."""

    msp_id: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def serialized(self) -> bytes:
        return serialized_identity(self.msp_id, self.pem)

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
        return encode_dss_signature(r, min(s, P256_ORDER - s))


@dataclass
class Authority:
    """One organisation's CA."""

    msp_id: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def root(self) -> x509.Certificate:
        return self._certificate(self._name("root"), self.key, is_ca=True)

    def issue(self, *units: str, days: int = 36500) -> FabricSigner:
        key = ec.generate_private_key(ec.SECP256R1())
        return FabricSigner(self.msp_id, key, self._certificate(self._name(*units), key, is_ca=False, days=days))

    def _name(self, *units: str) -> x509.Name:
        common = x509.NameAttribute(x509.NameOID.COMMON_NAME, self.msp_id)
        return x509.Name([common, *(x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units)])

    def _certificate(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_ca: bool, days: int = 36500
    ) -> x509.Certificate:
        start = datetime(2020, 1, 1, tzinfo=UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name("root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


class Consortium:
    """Keys of everybody, and the evidence of one scheduled window with two packs."""

    def __init__(self) -> None:
        self.consortium_id = sha256(b"a consortium for tests").digest()
        self.authorities = {msp_id: Authority(msp_id) for msp_id in ENDORSERS}
        self.peers = {msp_id: authority.issue("peer") for msp_id, authority in self.authorities.items()}
        self.client = self.authorities["BankMSP"].issue("client")
        self.orderer = self.authorities["RegulatorMSP"].issue("orderer")
        self.oracle = {name: (SigningKey.generate("sm2-sm3"), EvmKey.generate()) for name in ORACLE}
        self.device = SigningKey.generate("sm2-sm3")
        self.sealer = EvmKey.generate()

    @property
    def committee(self) -> Committee:
        members = tuple(CommitteeMember(name, sm2.public_key, evm.address) for name, (sm2, evm) in self.oracle.items())
        return Committee(1, 2, members, 0)

    @property
    def trust(self) -> Trust:
        logs = tuple(
            TrustedLog(name, f"wuxin/{name}/packs", "sm2-sm3", sm2.public_key) for name, (sm2, _) in self.oracle.items()
        )
        organisations = tuple(
            TrustedOrganisation(msp_id.lower(), msp_id, ("bank",), (each.root.public_bytes(Encoding.PEM).decode(),))
            for msp_id, each in self.authorities.items()
        )
        return Trust(
            self.consortium_id,
            "test",
            CLOCK,
            organisations,
            TrustedFacts("wuxin", "facts", 3, ENDORSERS, (BlockSigner(self.orderer.pem),)),
            (TrustedChain("e1", CHAIN_ID, (self.sealer.address,), FEED, facility=FACILITY),),
            (self.committee,),
            logs,
        )

    @cached_property
    def packs(self) -> list[Pack]:
        return [self.pack(1, NOON_S - 60), self.pack(2, NOON_S + 60), self.pack(3, NOON_S + 600)]

    def pack(self, seq: int, at_s: int, key: SigningKey | None = None) -> Pack:
        readings = [Reading("mass_kg", 1000 + seq, "kg", at_s * 1000)]
        signed = sign_pack(key or self.device, self.consortium_id, DEVICE, 1, seq, readings)
        return parse_pack(signed, self.consortium_id)

    def attestation(self, **changes: object) -> Attestation:
        fields: dict[str, object] = {
            "consortium_id": self.consortium_id,
            "epoch": 1,
            "subject": subject("slot", SLOT),
            "kind": SCHEDULED,
            "sequence": sequence_of(NOON_S // WINDOW_S, 65535),
            "window_start": NOON_S,
            "window_end": NOON_S + WINDOW_S,
            "profile": sha256(PROFILE).digest(),
            "pack_root": pack_root(pack.digest for pack in self.packs),
            "pack_count": len(self.packs),
            "late_count": 0,
            "indicators": (Indicator(indicator_id("quantity_g"), 1_003_000, 10_000, 0),),
        }
        return Attestation(**{**fields, **changes})  # type: ignore[arg-type]  # keyword names are the test's

    def sign(self, attestation: Attestation, *names: str) -> SignedAttestation:
        digest = attestation.digest()
        signatures = tuple(
            MemberSignature(name, self.oracle[name][0].sign(digest), self.oracle[name][1].sign_digest(digest))
            for name in names or ORACLE[:2]
        )
        return SignedAttestation(attestation, signatures)

    def transaction(
        self, function: str, argument: object, writes: dict[str, bytes], endorsers: tuple[str, ...] = ENDORSERS[:3]
    ) -> bytes:
        proposal = propose(
            channel="wuxin",
            chaincode="facts",
            creator=self.client.serialized,
            nonce=sha256(canonical_json(argument)).digest()[:24],
            timestamp_ms=(NOON_S + 1000) * 1000,
            args=[function.encode(), canonical_json(argument)],
        )
        changes = NamespaceChanges(
            "facts",
            (Read("consortium", None),),
            tuple(Write(key, value, False) for key, value in writes.items()),
        )
        payload = response_payload(
            proposal.raw, "facts", proposal.tx_id, Outcome(encode_rwset([changes]), 200, "", b"{}", "wuxin", b"[]")
        )
        endorsements = [
            Endorsement(peer.serialized, peer.sign(endorsement_message(payload, peer.serialized)))
            for peer in (self.peers[msp_id] for msp_id in endorsers)
        ]
        ordered = transaction_payload(proposal.raw, payload, endorsements)
        return envelope(ordered, self.client.sign(ordered))

    def block(
        self, *envelopes: bytes, codes: tuple[int, ...] | None = None, signer: FabricSigner | None = None
    ) -> bytes:
        orderer = signer or self.orderer
        header = block_header(7, b"\x07" * 32, envelopes)
        return assemble_block(
            header,
            envelopes,
            orderer=orderer.serialized,
            nonce=b"\x01" * 24,
            sign=orderer.sign,
            validation_codes=codes or (0,) * len(envelopes),
        )

    def record(self, attestation: Attestation, **options: tuple[str, ...]) -> bytes:
        key = f"attestation/{attestation.subject.hex()}/{attestation.kind}/{attestation.sequence:016d}"
        argument = {
            "subject_kind": "slot",
            "subject_id": SLOT,
            "attestation": attestation.to_cbor().hex(),
            "signatures": [],
        }
        record = canonical_json({"digest": attestation.digest().hex()})
        return self.transaction("record_attestation", argument, {key: record}, **options)

    def enrolment(self, **changes: object) -> bytes:
        record = {
            "device_id": DEVICE,
            "suite": "sm2-sm3",
            "public_key": self.device.public_key.hex(),
            "status": "active",
            "slots": [SLOT],
            "asset_id": None,
        }
        return self.transaction(
            "enrol_device", {"device_id": DEVICE}, {f"device/{DEVICE}": canonical_json({**record, **changes})}
        )

    def obligations(
        self, attestation: Attestation, sealer: EvmKey | None = None, status: int = 1, chain_id: int = CHAIN_ID
    ) -> dict[str, bytes]:
        """The block in which the feed accepted the attestation."""
        log = evm_proof.Log(
            FEED, (evm_proof.ATTESTATION_ACCEPTED, attestation.digest(), attestation.subject), bytes(64)
        )
        sent = transaction(FEED, b"submit", chain_id)
        return self.sealed(sent, (log,), number=ACCEPTED_IN, sealer=sealer, status=status)

    def rules(self, pack: bytes = RULES, **options: Any) -> dict[str, bytes]:
        """The rule pack, and the block in which a facility over the slot named it. ``options``: ``named`` (another
        hash), ``subjects``, ``to`` and ``chain_id`` of the proposal, and those of ``sealed``.
        """
        usual = {"named": sha256(pack).digest(), "subjects": SUBJECTS, "to": FACILITY, "chain_id": CHAIN_ID}
        named, subjects, to, chain_id = (options.pop(name, value) for name, value in usual.items())
        sent = transaction(to, proposal(named, subjects), chain_id)
        return rule_pack_members(pack, self.sealed(sent, **{"number": ACCEPTED_IN - 1, **options}))

    def sealed(
        self,
        sent: bytes,
        logs: tuple[evm_proof.Log, ...] = (),
        *,
        number: int,
        sealer: EvmKey | None = None,
        status: int = 1,
    ) -> dict[str, bytes]:
        """A sealed block with a transfer and this transaction, and the proof of the latter."""
        receipts = [
            evm_proof.Receipt(2, 1, 21_000, bytes(256), ()).raw(),
            evm_proof.Receipt(2, status, 90_000, bytes(256), logs).raw(),
        ]
        transactions = [transaction(FEED, b"transfer"), sent]
        header = evm_proof.Header(
            parent_hash=b"\x01" * 32,
            ommers_hash=bytes(32),
            coinbase=bytes(20),
            state_root=bytes(32),
            transactions_root=evm_trie.ordered_root(transactions),
            receipts_root=evm_trie.ordered_root(receipts),
            logs_bloom=bytes(256),
            difficulty=0,
            number=number,
            gas_limit=30_000_000,
            gas_used=90_000,
            timestamp=NOON_S + 1001,
            extra_data=bytes(32),
            mix_hash=bytes(32),
            nonce=bytes(8),
            later=(b"",),
        )
        proof = evm_proof.prove_receipt(transactions, receipts, 1)
        return obligations_members(evm_proof.seal(header, (sealer or self.sealer).sign_digest), receipts[1], proof)

    def log(self) -> dict[str, bytes]:
        tree = Tree()
        for filler in range(5):
            tree.append(b"earlier pack %d" % filler)
        earlier = self._checkpoint(tree)
        places = {pack.digest.hex(): tree.append(pack.sig_structure) for pack in self.packs}
        size = len(tree)
        inclusions = [
            Inclusion(bytes.fromhex(digest), index, tree.inclusion_proof(index, size))
            for digest, index in places.items()
        ]
        return {
            **log_members(self._checkpoint(tree), LOG, size, inclusions),
            **consistency_members(earlier, tree.consistency_proof(5, size)),
        }

    def _checkpoint(self, tree: Tree) -> bytes:
        return sign_checkpoint(Checkpoint(LOG, len(tree), tree.root()), "bank", self.oracle["bank"][0])

    @cached_property
    def members(self) -> dict[str, bytes]:
        """Everything a complete bundle holds but the manifest."""
        return self.members_of(self.sign(self.attestation()))

    def members_of(self, signed: SignedAttestation) -> dict[str, bytes]:
        attestation = signed.attestation
        recorded, enrolled = self.record(attestation), self.enrolment()
        genesis = genesis_envelope(
            "wuxin", 0, {m: a.root.public_bytes(Encoding.PEM) for m, a in self.authorities.items()}
        )
        return {
            **attestation_members(signed, PROFILE),
            **self.rules(subjects=(attestation.subject, *SUBJECTS[1:])),
            **pack_members(self.packs, {DEVICE: DeviceKey("sm2-sm3", self.device.public_key)}),
            **self.log(),
            **facts_members(recorded, self.block(genesis, recorded)),
            **enrolment_members(DEVICE, enrolled, self.block(enrolled)),
            **self.obligations(attestation),
        }

    def bundle(self, members: dict[str, bytes] | None = None, **changes: bytes) -> bytes:
        return write_bundle(
            {**(members if members is not None else self.members), **changes},
            consortium_id=self.consortium_id,
            clock=CLOCK,
        )
