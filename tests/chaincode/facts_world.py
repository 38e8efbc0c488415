"""A ledger of facts in a dictionary, and a consortium that lives on it.

`MemoryStub` keeps Fabric's rules: reads see the state before the transaction, never its own writes; a range in a
submitted transaction is refused; private values are visible to their organisation and hashed for all others.
`World` speaks for the organisations: `call` wants success, `refused` wants a refusal that wrote nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaincode import contract
from chaincode.parties.members import uscc_check_character
from chaincode.world.errors import RangeInWrite
from chaincode.world.stub import Caller, Entry, KeyChange, Page, implicit_collection
from wuxin_evidence import attestation as evidence
from wuxin_evidence import ids
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding.canonical import canonical_json

START_S = 1_641_100_000
"""2022-01-02, in the days of the shipped series."""

CONSORTIUM_ID = bytes(range(32))
PROFILE = hashlib.sha256(b"profile").digest()
TERMS = canonical_json({"salt": "5a" * 16, "contract_number": "HT-2022-001"})


@dataclass
class MemoryLedger:
    """Committed state: values, key policies, private values by collection, and every change."""

    values: dict[str, bytes] = field(default_factory=dict)
    policies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    private: dict[str, dict[str, bytes]] = field(default_factory=dict)
    changes: dict[str, list[KeyChange]] = field(default_factory=dict)

    def apply(self, stub: MemoryStub) -> None:
        for key, value in stub.writes.items():
            self.changes.setdefault(key, []).append(KeyChange(stub.tx_id, stub.timestamp_s, value))
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        for key, policy in stub.policies.items():
            if policy is None:
                self.policies.pop(key, None)
            else:
                self.policies[key] = policy
        for (collection, key), value in stub.private_writes.items():
            held = self.private.setdefault(collection, {})
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value


@dataclass
class MemoryStub:
    """One transaction's view; `reads` (in their order) and `writes` are its read-write set."""

    ledger: MemoryLedger
    tx_id: str
    timestamp_s: int
    caller: Caller
    transient: Mapping[str, bytes] = field(default_factory=dict)
    submitting: bool = True
    reads: dict[str, None] = field(default_factory=dict)
    writes: dict[str, bytes | None] = field(default_factory=dict)
    policies: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    private_writes: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    events: list[tuple[str, bytes]] = field(default_factory=list)

    def get(self, key: str) -> bytes | None:
        self.reads[key] = None
        return self.ledger.values.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.writes[key] = value

    def delete(self, key: str) -> None:
        self.writes[key] = None

    def set_key_policy(self, key: str, msp_ids: tuple[str, ...] | None) -> None:
        self.policies[key] = msp_ids

    def get_key_policy(self, key: str) -> tuple[str, ...] | None:
        return self.ledger.policies.get(key)

    def get_private(self, collection: str, key: str) -> bytes | None:
        assert collection == implicit_collection(self.caller.msp_id), "no peer holds another organisation's collection"
        return self.ledger.private.get(collection, {}).get(key)

    def put_private(self, collection: str, key: str, value: bytes) -> None:
        self.private_writes[collection, key] = value

    def delete_private(self, collection: str, key: str) -> None:
        self.private_writes[collection, key] = None

    def get_private_hash(self, collection: str, key: str) -> bytes | None:
        value = self.ledger.private.get(collection, {}).get(key)
        return None if value is None else hashlib.sha256(value).digest()

    def range(self, start: str, end: str, limit: int, bookmark: str) -> Page:
        if self.submitting:
            raise RangeInWrite("list")
        keys = [key for key in sorted(self.ledger.values) if max(start, bookmark) <= key < end]
        entries = [Entry(key, self.ledger.values[key]) for key in keys[:limit]]
        return Page(entries, keys[limit] if len(keys) > limit else "")

    def history(self, key: str, limit: int) -> Sequence[KeyChange]:
        return list(reversed(self.ledger.changes.get(key, [])))[:limit]

    def emit(self, name: str, payload: bytes) -> None:
        self.events.append((name, payload))


def uscc(number: int) -> str:
    first_17 = f"91310000MA1FL{number:04d}"
    return first_17 + uscc_check_character(first_17)


ROLE_OF = {
    "bank": "bank",
    "insurer": "insurer",
    "manufacturer": "manufacturer",
    "warehouse": "warehouse",
    "regulator": "regulator",
    "inspector": "inspector",
    "other-bank": "bank",
    "other-warehouse": "warehouse",
    "other-manufacturer": "manufacturer",
}
"""The six of the story, and three that do the same business beside them."""

ORACLES = ("bank", "insurer", "inspector")


def msp(organisation: str) -> str:
    return "".join(part.capitalize() for part in organisation.split("-")) + "MSP"


def slot(number: int = 1, warehouse: str = "warehouse") -> str:
    return f"{uscc(list(ROLE_OF).index(warehouse))}/A-{number}"


class World:
    """A consortium on a memory ledger, with the SM2 keys of its oracle members."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.now_s = START_S
        self.keys = {name: SigningKey.generate("sm2-sm3") for name in ORACLES}
        self.last: MemoryStub | None = None
        self._transactions = 0

    def stub(self, msp_id: str, transient: Mapping[str, bytes] | None = None, *, submitting: bool = True) -> MemoryStub:
        return MemoryStub(
            self.ledger,
            hashlib.sha256(str(self._transactions).encode()).hexdigest(),
            self.now_s,
            Caller(msp_id, b"-----BEGIN CERTIFICATE-----"),
            transient or {},
            submitting,
        )

    def respond(
        self, msp_id: str, raw: Sequence[bytes], transient: Mapping[str, bytes] | None = None, *, submit: bool = True
    ) -> contract.Response:
        """One transaction (or evaluation) with raw arguments; applied when it succeeds."""
        stub = self.last = self.stub(msp_id, transient, submitting=submit)
        response = contract.invoke(stub, raw)
        if response.status != 200:
            assert not (stub.writes or stub.policies or stub.private_writes or stub.events), "a refusal wrote"
        elif submit:
            assert len(stub.events) <= 1
            self.ledger.apply(stub)
            self._transactions += 1
        return response

    def call(self, who: str, function: str, /, terms: bytes | None = None, **arguments: Any) -> Any:
        """The result of a call that must succeed."""
        submit = contract.FUNCTIONS[function].submitting
        transient = {} if terms is None else {"terms": terms}
        response = self.respond(msp(who), [function.encode(), canonical_json(arguments)], transient, submit=submit)
        assert response.status == 200, response.message
        return json.loads(response.payload)

    def refusal(self, who: str, function: str, /, terms: bytes | None = None, **arguments: Any) -> dict[str, Any]:
        """Code, detail, hint and status of a call that must be refused and change nothing."""
        before = dict(self.ledger.values)
        submit = contract.FUNCTIONS[function].submitting
        transient = {} if terms is None else {"terms": terms}
        response = self.respond(msp(who), [function.encode(), canonical_json(arguments)], transient, submit=submit)
        assert response.status >= 400, response.payload
        assert self.ledger.values == before
        refusal = json.loads(response.message)
        assert set(refusal) == {"code", "detail", "hint"}
        assert all(refusal.values()), "a refusal explains itself"
        return {**refusal, "status": response.status}

    def refused(self, who: str, function: str, /, terms: bytes | None = None, **arguments: Any) -> str:
        return self.refusal(who, function, terms, **arguments)["code"]

    def events(self) -> list[dict[str, Any]]:
        """The events of the last transaction."""
        assert self.last is not None
        return [event for name, payload in self.last.events if name == "wuxin" for event in json.loads(payload)]

    def record(self, key: str) -> Any:
        return json.loads(self.ledger.values[key])

    def committee(self, epoch: int = 1, active_from_s: int = 0, threshold: int = 2) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "threshold": threshold,
            "active_from_s": active_from_s,
            "members": [
                {
                    "organisation": name,
                    "sm2_public_key": self.keys[name].public_key.hex(),
                    "evm_address": hashlib.sha256(name.encode()).hexdigest()[:40],
                }
                for name in ORACLES
            ],
        }

    def founding(self) -> dict[str, Any]:
        return {
            "consortium_id": CONSORTIUM_ID.hex(),
            "name": "Wuxin demo",
            "clock": {"kind": "scenario", "start_ms": START_S * 1000, "factor": 60},
            "day_offset_s": 28_800,
            "organisations": [
                {
                    "name": name,
                    "msp_id": msp(name),
                    "uscc": uscc(number),
                    "roles": [role],
                    "endorses": name != "inspector",
                }
                for number, (name, role) in enumerate(ROLE_OF.items())
            ],
            "committee": self.committee(),
        }

    def found(self) -> World:
        self.call("bank", "init_consortium", **self.founding())
        return self

    def signed(
        self, said: evidence.Attestation, *signers: str, kind: str = "slot", ident: str | None = None
    ) -> dict[str, Any]:
        """The argument of `record_attestation` for a statement that these members sign."""
        return {
            "subject_kind": kind,
            "subject_id": ident or slot(),
            "attestation": said.to_cbor().hex(),
            "signatures": [self.signature(name, said) for name in signers],
        }

    def signature(self, name: str, said: evidence.Attestation) -> dict[str, str]:
        return {"organisation": name, "sm2": self.keys[name].sign(said.digest()).hex()}


def founding_organisation(founding: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in founding["organisations"] if one["name"] == name)


def statement(number: int = 1, *, kind: int = evidence.SCHEDULED, subject: bytes | None = None) -> evidence.Attestation:
    """The scheduled (or other) statement of window `number`, 900 seconds each, about slot 1."""
    value = evidence.Indicator(ids.indicator_id("quantity_g"), 25_000_000 - number, 10_000, evidence.OK)
    start_s = START_S - 86_400 + 900 * number
    return evidence.Attestation(
        consortium_id=CONSORTIUM_ID,
        epoch=1,
        subject=subject or ids.subject("slot", slot()),
        kind=kind,
        sequence=(number << 16) + (65_535 if kind == evidence.SCHEDULED else 1),
        window_start=start_s,
        window_end=start_s + 900,
        profile=PROFILE,
        pack_root=hashlib.sha256(str(number).encode()).digest(),
        pack_count=9,
        late_count=0,
        indicators=(value,),
    )


def other_value(said: evidence.Attestation) -> evidence.Attestation:
    """The same statement with another value: what an equivocating member signs."""
    return replace(said, indicators=(replace(said.indicators[0], value=1),))


def receipt(receipt_id: str = "receipt-1", **changes: Any) -> dict[str, Any]:
    """The argument of `issue_receipt`, every §909 field filled in."""
    return {
        "receipt_id": receipt_id,
        "slots": [slot()],
        "owner": "manufacturer",
        "beneficiary": "manufacturer",
        "commodity": "copper-cathode",
        "quantity_g": 25_000_000,
        "depositor": {"name": "铜业有限公司", "address": "上海市浦东新区"},
        "goods": {"name": "阴极铜", "quality": "Cu-CATH-1", "packaging": "捆扎", "pieces": 10, "marks": "LOT-7"},
        "loss_standard_bp": 5,
        "storage_place": "上海一号库",
        "storage_until_s": START_S + 180 * 86_400,
        "storage_fee_minor": 120_000,
        "storage_fee_currency": "CNY",
        "insurance": {
            "amount_minor": 180_000_000,
            "currency": "CNY",
            "from_s": START_S,
            "until_s": START_S + 365 * 86_400,
            "insurer": "财产保险公司",
        },
        "issued_place": "上海",
        "issued_at_s": START_S,
        "keeper": "张三",
    } | changes


def device(key: SigningKey, **changes: Any) -> dict[str, Any]:
    """The argument of `enrol_device`, unbound."""
    return {
        "device_id": "scale-1",
        "suite": key.suite,
        "public_key": key.public_key.hex(),
        "firmware_hash": "ab" * 32,
    } | changes


def asset(asset_id: str = "turbine-1", **changes: Any) -> dict[str, Any]:
    return {
        "asset_id": asset_id,
        "epc": "urn:epc:id:giai:0614141.T-1",
        "latitude_e7": 312_000_000,
        "longitude_e7": 1_214_000_000,
        "commissioned_at_ms": START_S * 1000,
        "description": "风力发电机组",
    } | changes


def pledge(pledge_id: str = "pledge-1", **changes: Any) -> dict[str, Any]:
    return {
        "pledge_id": pledge_id,
        "receipt_id": "receipt-1",
        "pledgee": "bank",
        "registration_number": "中登-0001",
        "accept_until_s": START_S + 86_400,
    } | changes
