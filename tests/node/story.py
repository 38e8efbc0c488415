"""What the tests tell a node: the story's requests, and attestations signed by the committee's own keys."""

import base64
from typing import Any

from network.membership.seats import Seat, open_seat
from node.products import product
from oracle.profile import Profile
from tests.node.conftest import Running
from wuxin_evidence.attestation import (
    LIEN,
    PRICE,
    SCHEDULED,
    Attestation,
    Indicator,
    MemberSignature,
    SignedAttestation,
    sequence_of,
    window_index,
)
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.ids import indicator_id, subject
from wuxin_evidence.log.tree import pack_root
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading

RECEIPT, PLEDGE, FACILITY, DEVICE, COMMODITY = "receipt-1", "pledge-1", "facility-1", "scale-16", "copper-cathode"
QUANTITY_G = 20_000_000
PRICE_MINOR_PER_T = 7_000_000
TERMS = {"contract": "ZY-001", "rate_bp": 450}
SALT = "5f" * 32
DAY_S = 86_400


class Story:
    """The demo's steps against a running node, one method each."""

    def __init__(self, node: Running) -> None:
        self.node = node
        consortium = node.node.consortium
        self.slot = f"{consortium.organisation('warehouse').uscc}/BIN-16"
        self.device_key = SigningKey.generate("sm2-sm3")
        self.profile = Profile.load(product("weighed-stock").profile())
        self.signers: list[Seat] = [open_seat(node.home, name) for name in ("bank", "inspector")]
        self._boot_seq = 0
        self._n = 0

    @property
    def now_s(self) -> int:
        return self.node.node.clock.now_ms() // 1000

    def receipt(self, receipt_id: str = RECEIPT) -> dict[str, Any]:
        return {
            "receipt_id": receipt_id,
            "slots": [self.slot],
            "owner": "manufacturer",
            "beneficiary": "manufacturer",
            "commodity": COMMODITY,
            "quantity_g": QUANTITY_G,
            "depositor": {"name": "Maker", "address": "Wuxi"},
            "goods": {"name": "阴极铜", "quality": "A", "packaging": "bundle", "pieces": 12, "marks": "W"},
            "loss_standard_bp": 5,
            "storage_place": "hall 3",
            "storage_until_s": self.now_s + 90 * DAY_S,
            "storage_fee_minor": 120_000,
            "storage_fee_currency": "CNY",
            "insurance": {
                "amount_minor": 1, "currency": "CNY", "from_s": self.now_s,
                "until_s": self.now_s + 90 * DAY_S, "insurer": "insurer",
            },
            "issued_place": "Wuxi",
            "issued_at_s": self.now_s,
            "keeper": "Keeper",
        }  # fmt: skip

    def device(self) -> dict[str, Any]:
        return {
            "device_id": DEVICE,
            "suite": "sm2-sm3",
            "public_key": self.device_key.public_key.hex(),
            "firmware_hash": "00" * 32,
            "slots": [self.slot],
        }

    def pledge(self) -> dict[str, Any]:
        return {
            "pledge_id": PLEDGE,
            "receipt_id": RECEIPT,
            "pledgee": "bank",
            "registration_number": "04250001",
            "accept_until_s": self.now_s + DAY_S,
            "terms": TERMS,
            "salt": SALT,
        }

    def facility(self) -> dict[str, Any]:
        return {
            "facility_id": FACILITY,
            "receipt_id": RECEIPT,
            "pledge_id": PLEDGE,
            "borrower": "manufacturer",
            "line_minor": 100_000_000,
            "currency": "CNY",
            "advance_rate_bp": 6_000,
            "rate_bp": 450,
            "maturity_s": self.now_s + 90 * DAY_S,
            "max_quantity_age_s": 7 * 900,
            "max_lien_age_s": 3_600,
            "max_price_age_s": 3_600,
            "rule_pack": "warehouse-stock-1",
        }

    async def issue(self) -> None:
        await self.node.done("warehouse", "/v1/slots", {"slot_id": self.slot})
        await self.node.done("warehouse", "/v1/devices", self.device())
        await self.node.done("warehouse", "/v1/receipts", self.receipt())

    async def pledge_it(self) -> None:
        """Proposed, facility proposed, accepted."""
        await self.node.done("manufacturer", "/v1/pledges", self.pledge())
        await self.node.done("bank", "/v1/facilities", self.facility())
        body = {"facility_id": FACILITY, "terms": TERMS, "salt": SALT}
        await self.node.done("bank", f"/v1/pledges/{PLEDGE}/accept", body)

    async def lend(self) -> None:
        await self.lend_with_window(back=1)

    async def lend_with_window(self, *, back: int) -> None:
        """Everything up to an active facility with lien, price, and the quantity of ``back`` windows ago."""
        await self.issue()
        await self.pledge_it()
        await self.attest_lien(active=True)
        await self.node.done("bank", f"/v1/facilities/{FACILITY}/activate", {})
        await self.attest_quantity(back=back)
        await self.attest_price()

    async def attest_lien(self, *, active: bool) -> dict[str, Any]:
        values = {
            "lien_active": int(active),
            "receipt_quantity_g": QUANTITY_G if active else 0,
            "receipt_status": 1,
        }
        return await self.relay(self.statement("pledge", PLEDGE, LIEN, values))

    async def attest_price(self) -> dict[str, Any]:
        values = {"price_minor_per_t": PRICE_MINOR_PER_T}
        return await self.relay(self.statement("commodity", COMMODITY, PRICE, values))

    async def attest_quantity(self, *, loss_g: int = 0, quantity_g: int = QUANTITY_G, back: int = 1) -> dict[str, Any]:
        """A scheduled attestation of the window that ended ``back`` windows ago."""
        values = {"quantity_g": quantity_g, "unexplained_loss_g": loss_g, "gap_s": 0, "run_length": 0}
        return await self.relay(self.statement("slot", self.slot, SCHEDULED, values, back=back))

    def statement(
        self, subject_kind: str, subject_id: str, kind: int, values: dict[str, int], *, back: int = 0
    ) -> dict[str, Any]:
        """The body of POST /v1/attestations, signed by the bank's and the inspector's oracle keys."""
        window_s, day_offset_s = self.profile.windows.window_s, self.node.node.consortium.day_offset_s
        index = window_index(self.now_s, window_s, day_offset_s) - back
        start_s = index * window_s - day_offset_s
        packs = [self._pack((start_s + 30) * 1000)] if subject_kind == "slot" else []
        self._n += 1
        attestation = Attestation(
            consortium_id=self.node.node.consortium.consortium_id,
            epoch=1,
            subject=subject(subject_kind, subject_id),
            kind=kind,
            sequence=sequence_of(index, 65_535 if kind == SCHEDULED else self._n),
            window_start=start_s,
            window_end=start_s + window_s if kind == SCHEDULED else self.now_s,
            profile=self.profile.hash,
            pack_root=pack_root(parse_pack(raw, self.node.node.consortium.consortium_id).digest for raw in packs),
            pack_count=len(packs),
            late_count=0,
            indicators=tuple(
                sorted(
                    (Indicator(indicator_id(name), value, 10_000, 0) for name, value in values.items()),
                    key=lambda each: each.id,
                )
            ),
        )
        return {
            "attestation": self.sign(attestation).to_json(),
            "subject_kind": subject_kind,
            "subject_id": subject_id,
            "packs": [base64.b64encode(raw).decode() for raw in packs],
        }

    def sign(self, attestation: Attestation) -> SignedAttestation:
        digest = attestation.digest()
        signatures: list[MemberSignature] = []
        for seat in self.signers:
            assert seat.oracle_sm2 is not None and seat.oracle_evm is not None
            signatures.append(
                MemberSignature(seat.name, seat.oracle_sm2.sign(digest), seat.oracle_evm.sign_digest(digest))
            )
        return SignedAttestation(attestation, tuple(signatures))

    async def relay(self, body: dict[str, Any], organisation: str = "bank") -> dict[str, Any]:
        """Relay and wait until both ledgers have it; gives the obligations transaction."""
        transaction = await self.node.done(organisation, "/v1/attestations", body, name="oracle")
        await self.until_recorded(body)
        return transaction

    async def until_recorded(self, body: dict[str, Any]) -> None:
        digest = SignedAttestation.from_json(body["attestation"]).attestation.digest().hex()
        for _ in range(200):
            answer = await self.node.get("bank", f"/v1/attestations/{digest}")
            if answer.status_code == 200:
                return
            await self.node.node.position.moved(0.1)
        raise AssertionError(f"attestation {digest} was not recorded")

    def _pack(self, time_ms: int) -> bytes:
        self._boot_seq += 1
        reading = Reading("mass_kg", QUANTITY_G // 1_000_000, "kg", time_ms)
        consortium_id = self.node.node.consortium.consortium_id
        return sign_pack(self.device_key, consortium_id, DEVICE, 1, self._boot_seq, [reading])
