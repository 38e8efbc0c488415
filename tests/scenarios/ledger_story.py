"""The story of a loan told at the two ports, and a transcript of what the ledgers answered.

    act ─▶ port ─▶ code, events, and the records it touched afterwards ─▶ Entry

Two runs on different engines must leave equal transcripts. What differs by nature is replaced by what it means: this
run's ids, times, transaction ids, and the hashes that are made of them.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from network.membership.published import public_keys
from network.obligations.jsonrpc.deployment import Deployment
from network.ports import Commit, PortError, TxResult
from node.demo.founding import demo_product
from tests.engines import CHAIN, Bound, Ledgers
from wuxin_evidence.attestation import (
    ALARM,
    LIEN,
    PRICE,
    SCHEDULED,
    SCHEDULED_N,
    Attestation,
    Indicator,
    MemberSignature,
    SignedAttestation,
    sequence_of,
    window_index,
)
from wuxin_evidence.crypto.secp256k1 import recover
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import parse_block
from wuxin_evidence.ids import command_id, facility_key, indicator_id, keccak256, subject
from wuxin_evidence.log.tree import EMPTY_ROOT

QUANTITY_G = 20_000_000
LINE_MINOR, DRAW_MINOR = 100_000_000, 50_000_000
PRICE_MINOR_PER_T = 7_000_000
LOSS_G = 5_000_000
"""The shipped rule freezes above 3,000,000."""
DAY_S = 86_400
SIGNERS = ("bank", "inspector")
CONTRACT_NUMBER = "ZY-2022-001"
READ_NOT_COMPUTED = (LIEN, PRICE)
"""Kinds that rest on no packs, as the oracle's members sign them."""

TIMES = range(1_500_000_000, 2_500_000_000)
"""Seconds since 1970 from 2017 to 2049; no amount or quantity of the story lies there."""
SEQUENCES = range(10**11, 10**12)
"""Window index × 2^16 in the same years."""
DAYS = range(18_000, 30_000)


@dataclass(frozen=True)
class Entry:
    """One act: its code (`done` or a problem code), the events it left, and the SHA-256 of what it touched."""

    act: str
    code: str
    events: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


@dataclass
class LedgerStory:
    """A run of its own over a pair; `parties` are the organisations' ports."""

    ledgers: Ledgers
    parties: Mapping[str, Bound]
    run: str = field(default_factory=lambda: secrets.token_hex(4).upper())
    transcript: list[Entry] = field(default_factory=list[Entry])
    _alarms: int = 0
    _commands: int = 0

    def __post_init__(self) -> None:
        self.consortium = self.ledgers.consortium
        self.profile = self.ledgers.profile
        self.slot = f"{self.consortium.organisation('warehouse').uscc}/B-{self.run}"
        self.receipt_id, self.pledge_id, self.facility_id, self.commodity = (
            f"{kind}-{self.run}" for kind in ("receipt", "pledge", "facility", "copper")
        )
        self.terms = canonical_json({"contract": f"{CONTRACT_NUMBER}-{self.run}", "rate_bp": 450, "salt": "5f" * 16})
        self.base_window = window_index(self.now_s, self.profile.windows.window_s, self.consortium.day_offset_s)
        self._names = self._meanings()

    # What is sent.

    @property
    def now_s(self) -> int:
        return self.ledgers.clock.now_ms() // 1000

    @property
    def key(self) -> bytes:
        return facility_key(self.facility_id)

    def receipt(self, receipt_id: str | None = None) -> dict[str, Any]:
        until_s = self.now_s + 90 * DAY_S
        return {
            "receipt_id": receipt_id or self.receipt_id,
            "slots": [self.slot],
            "owner": "manufacturer",
            "beneficiary": "manufacturer",
            "commodity": self.commodity,
            "quantity_g": QUANTITY_G,
            "depositor": {"name": "Maker", "address": "Wuxi"},
            "goods": {"name": "阴极铜", "quality": "A", "packaging": "bundle", "pieces": 12, "marks": "W"},
            "loss_standard_bp": 5,
            "storage_place": "hall 3",
            "storage_until_s": until_s,
            "storage_fee_minor": 120_000,
            "storage_fee_currency": "CNY",
            "insurance": {
                "amount_minor": 1, "currency": "CNY", "from_s": self.now_s, "until_s": until_s, "insurer": "insurer",
            },
            "issued_place": "Wuxi",
            "issued_at_s": self.now_s,
            "keeper": "Keeper",
        }  # fmt: skip

    def pledge(self, pledge_id: str | None = None) -> dict[str, Any]:
        return {
            "pledge_id": pledge_id or self.pledge_id,
            "receipt_id": self.receipt_id,
            "pledgee": "bank",
            "registration_number": "04250001",
            "accept_until_s": self.now_s + DAY_S,
        }

    def device(self) -> dict[str, Any]:
        return {
            "device_id": f"scale-{self.run}",
            "suite": "sm2-sm3",
            "public_key": self.parties["bank"].seat.oracle_sm2.public_key.hex(),  # type: ignore[union-attr] -- a member
            "firmware_hash": "00" * 32,
            "slots": [self.slot],
        }

    def facility(self) -> dict[str, Any]:
        address = {name: public_keys(self.ledgers.home, name).evm_address for name in ("bank", "manufacturer")}
        return {
            "lender": address["bank"],
            "borrower": address["manufacturer"],
            "insurer": public_keys(self.ledgers.home, "insurer").evm_address,
            "borrowerOrganisation": keccak256(b"manufacturer"),
            "storingOrganisation": keccak256(b"warehouse"),
            "quantitySubject": subject("slot", self.slot),
            "lienSubject": subject("pledge", self.pledge_id),
            "priceSubject": subject("commodity", self.commodity),
            "quantityIndicator": indicator_id("quantity_g"),
            "priceIndicator": indicator_id("price_minor_per_t"),
            "quantityPerPriceUnit": 1_000_000,
            "receiptQuantity": QUANTITY_G,
            "minQualityBp": 10_000,
            "advanceRateBp": 6_000,
            "rateBp": 450,
            "dayOffsetS": self.consortium.day_offset_s,
            "lineMinor": LINE_MINOR,
            "drawFeeMinor": 0,
            "quantityMaxAgeS": 7 * 900,
            "lienMaxAgeS": 3_600,
            "priceMaxAgeS": 3_600,
            "maturityS": self.now_s + 90 * DAY_S,
            "rulePack": demo_product().pack.hash,
        }

    def quantity(self, *, kind: int = SCHEDULED, loss_g: int = 0) -> SignedAttestation:
        values = {"quantity_g": QUANTITY_G - loss_g, "unexplained_loss_g": loss_g, "gap_s": 0, "run_length": 0}
        return self.statement("slot", self.slot, kind, values)

    def lien(self, *, active: bool) -> SignedAttestation:
        values = {"lien_active": int(active), "receipt_quantity_g": QUANTITY_G if active else 0, "receipt_status": 1}
        return self.statement("pledge", self.pledge_id, LIEN, values)

    def price(self) -> SignedAttestation:
        return self.statement("commodity", self.commodity, PRICE, {"price_minor_per_t": PRICE_MINOR_PER_T})

    def statement(
        self,
        kind_of_subject: str,
        ident: str,
        kind: int,
        values: Mapping[str, int],
        *,
        signers: Sequence[str] = SIGNERS,
    ) -> SignedAttestation:
        """Signed by the members' own keys. All of a run is said about the window in which it began, a scheduled one
        about the window before, so that no two runs differ by the hour."""
        window_s = self.profile.windows.window_s
        index = self.base_window - (1 if kind == SCHEDULED else 0)
        start_s = index * window_s - self.consortium.day_offset_s
        self._alarms += 1
        found = sorted(
            (Indicator(indicator_id(name), value, 10_000, 0) for name, value in values.items()), key=lambda one: one.id
        )
        said = Attestation(
            consortium_id=self.consortium.consortium_id,
            epoch=1,
            subject=subject(kind_of_subject, ident),
            kind=kind,
            sequence=sequence_of(index, SCHEDULED_N if kind == SCHEDULED else self._alarms),
            window_start=start_s,
            window_end=start_s + window_s if kind == SCHEDULED else min(self.now_s, start_s + window_s),
            profile=self.profile.hash,
            pack_root=EMPTY_ROOT if kind in READ_NOT_COMPUTED else hashlib.sha256(b"packs").digest(),
            pack_count=0 if kind in READ_NOT_COMPUTED else 1,
            late_count=0,
            indicators=tuple(found),
        )
        return SignedAttestation(said, tuple(self._signature(name, said.digest()) for name in signers))

    # Acts.

    async def fact(
        self, who: str, function: str, args: Mapping[str, Any], *, terms: bool = False, touched: Sequence[str] = ()
    ) -> Commit | PortError:
        """Submit and write down; `touched` are `kind/id` of the records to look at afterwards."""
        private = {"terms": self.terms} if terms else None
        ledger = self.parties[who].ledger
        try:
            commit = await ledger.submit(function, args, private=private)
        except PortError as refused:
            await self._note(f"{who}: {function}", refused.code, (), [await self.record(who, key) for key in touched])
            return refused
        events = await self.events_of(who, commit)
        await self._note(f"{who}: {function}", "done", events, [await self.record(who, key) for key in touched])
        return commit

    async def obligation(self, who: str, function: str, *args: Any, contract: str = "CreditFacility") -> TxResult:
        """Transact under a new command id and write down, with the facility as it stands then."""
        self._commands += 1
        command = command_id(who, f"{self.run}/{self._commands}")
        return await self.transact(who, contract, function, [command, *args])

    async def transact(self, who: str, contract: str, function: str, args: Sequence[Any]) -> TxResult:
        chain = self.parties[who].chain
        result = await chain.transact(contract, function, args)
        events = [{"event": log.event, "contract": log.contract, "args": dict(log.args)} for log in result.logs]
        states = [await chain.call("CreditFacility", view, [self.key]) for view in ("facility", "position", "reasons")]
        await self._note(f"{who}: {contract}.{function}", result.code or "done", events, states)
        return result

    async def relay(self, signed: SignedAttestation, kind: str, ident: str, who: str = "bank") -> tuple[str, str]:
        """To the obligations first, as a node does, then to the facts; the code of each."""
        mined = await self.transact(who, "AttestationFeed", "submit", feed_arguments(signed))
        recorded = await self.fact(who, "record_attestation", record_arguments(signed, kind, ident))
        return mined.code or "done", recorded.code if isinstance(recorded, PortError) else "done"

    async def record(self, who: str, key: str) -> Any:
        """A record of the facts, its absence as the code."""
        kind, _, ident = key.partition("/")
        try:
            return await self.parties[who].ledger.evaluate("get", {"kind": kind, "id": ident})
        except PortError as refused:
            return refused.code

    async def history(self, who: str, key: str) -> Any:
        kind, _, ident = key.partition("/")
        return self.plain(await self.parties[who].ledger.evaluate("history", {"kind": kind, "id": ident}))

    async def events_of(self, who: str, commit: Commit) -> list[Any]:
        """What a transaction's Fabric event says, read from its block."""
        async for raw in self.parties[who].ledger.blocks(commit.block - 1):
            transaction = parse_block(raw).transactions[commit.index]
            assert transaction.tx_id == commit.tx_id
            return json.loads(transaction.event_payload) if transaction.event_payload else []
        raise AssertionError("a ledger's blocks end")

    # Acts that most scenarios begin with.

    async def issue(self) -> None:
        await self.fact("warehouse", "register_slot", {"slot_id": self.slot}, touched=[f"slot/{self.slot}"])
        issued = await self.fact("warehouse", "issue_receipt", self.receipt(), touched=[f"receipt/{self.receipt_id}"])
        assert isinstance(issued, Commit), issued

    async def propose(self) -> Commit | PortError:
        touched = [f"pledge/{self.pledge_id}", f"receipt/{self.receipt_id}"]
        return await self.fact("manufacturer", "propose_pledge", self.pledge(), terms=True, touched=touched)

    async def accept(self) -> Commit | PortError:
        args = {"pledge_id": self.pledge_id, "facility_id": self.facility_id}
        touched = [f"pledge/{self.pledge_id}", f"receipt/{self.receipt_id}"]
        return await self.fact("bank", "accept_pledge", args, terms=True, touched=touched)

    async def lend(self) -> None:
        """From nothing to an active facility with fresh quantity, lien and price."""
        await self.issue()
        await self.propose()
        await self.obligation("bank", "propose", self.key, self.facility())
        await self.accept()
        await self.relay(self.lien(active=True), "pledge", self.pledge_id)
        await self.obligation("bank", "activate", self.key)
        await self.relay(self.quantity(), "slot", self.slot)
        await self.relay(self.price(), "commodity", self.commodity)

    # What is written down.

    async def _note(self, act: str, code: str, events: Sequence[Any], states: Sequence[Any]) -> None:
        told = tuple(canonical_json(self.plain(event)).decode() for event in events)
        self.transcript.append(Entry(act, code, told, tuple(self._hash(state) for state in states)))

    def _hash(self, state: Any) -> str:
        return hashlib.sha256(canonical_json(self.plain(state))).hexdigest()

    def plain(self, value: Any) -> Any:
        """The value without what belongs to this run alone."""
        if isinstance(value, Mapping):
            return {str(name): self._field(str(name), each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(each) for each in value]
        if isinstance(value, bytes):
            return self._text("0x" + value.hex())
        if isinstance(value, int) and not isinstance(value, bool):
            return self._integer(value)
        return self._text(value) if isinstance(value, str) else value

    def _field(self, name: str, value: Any) -> Any:
        """Some fields are of this run whatever they hold."""
        if name in ("updated_tx", "tx_id", "digest", "attestation", "sm2", "signature", "commandId", "link_hash"):
            return f"<{name}>"
        return self.plain(value)

    def _integer(self, value: int) -> Any:
        if value in TIMES:
            return "<time>"
        if value in SEQUENCES:
            return f"<window {(value >> 16) - self.base_window:+d}, {value & 0xFFFF}>"
        return "<day>" if value in DAYS else str(value)

    def _text(self, text: str) -> str:
        bare = text.removeprefix("0x")
        return self._names.get(bare) or text.replace(self.run, "<run>")

    def _meanings(self) -> dict[str, str]:
        kinds = {"slot": self.slot, "pledge": self.pledge_id, "commodity": self.commodity}
        known = {subject(kind, ident).hex(): f"<subject {kind}>" for kind, ident in kinds.items()}
        rule = demo_product().pack.document["rules"][0]
        cause = keccak256(rule["id"].encode()) + rule["version"].to_bytes(32, "big") + subject("slot", self.slot)
        deployed = Deployment.load(self.ledgers.home, CHAIN)
        assert deployed is not None
        contracts = {address.hex(): f"<{name}>" for name, address in deployed.addresses.items()}
        return (
            known
            | contracts
            | {
                self.key.hex(): "<facility>",
                keccak256(cause).hex(): "<reason>",
                hashlib.sha256(self.terms).hexdigest(): "<terms>",
            }
        )

    def _signature(self, name: str, digest: bytes) -> MemberSignature:
        seat = self.parties[name].seat
        assert seat.oracle_sm2 is not None and seat.oracle_evm is not None
        return MemberSignature(name, seat.oracle_sm2.sign(digest), seat.oracle_evm.sign_digest(digest))


def record_arguments(signed: SignedAttestation, kind: str, ident: str) -> dict[str, Any]:
    """The argument of `record_attestation`."""
    return {
        "subject_kind": kind,
        "subject_id": ident,
        "attestation": signed.attestation.to_cbor().hex(),
        "signatures": [{"organisation": one.organisation, "sm2": one.sm2.hex()} for one in signed.signatures],
    }


def feed_arguments(signed: SignedAttestation) -> list[Any]:
    """The arguments of `AttestationFeed.submit`; signatures ascend by their signer."""
    said = signed.attestation
    struct = {
        "consortiumId": said.consortium_id,
        "epoch": said.epoch,
        "subject": said.subject,
        "kind": said.kind,
        "sequence": said.sequence,
        "windowStart": said.window_start,
        "windowEnd": said.window_end,
        "profile": said.profile,
        "packRoot": said.pack_root,
        "packCount": said.pack_count,
        "lateCount": said.late_count,
        "indicators": [
            {"id": one.id, "value": one.value, "qualityBp": one.quality_bp, "status": one.status}
            for one in said.indicators
        ],
    }
    digest = said.digest()
    given = [one.secp256k1 for one in signed.signatures if one.secp256k1]
    return [struct, sorted(given, key=lambda one: recover(digest, one))]


def alarm(story: LedgerStory) -> SignedAttestation:
    """More is missing than the rule allows."""
    return story.quantity(kind=ALARM, loss_g=LOSS_G)
