"""Checks of what the ledger of facts holds: the recorded attestation and the devices' enrolment.

A Fabric transaction is proved once, in ``_prove_transaction``: block under the trusted block signers,
envelope in the block, caller and endorsers under the trusted roots, endorsement policy satisfied over
exactly this result.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from wuxin_evidence.attestation import Attestation
from wuxin_evidence.bundle.archive import device_member
from wuxin_evidence.bundle.case import Assumed, Case, Checked, Missing, Note, hex_bytes, json_object
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import (
    TransactionView,
    find_transaction,
    parse_block,
    require_exact_block,
    validation_code_name,
    verify_block,
    verify_creator,
    verify_endorsements,
)
from wuxin_evidence.ids import subject

RECORD_ATTESTATION = "record_attestation"

CHAINCODE_OK = 200
"""Response status of a chaincode that accepted; Fabric orders nothing at or above 400."""


class _Proved(NamedTuple):
    transaction: TransactionView
    text: str


def check_facts(case: Case) -> Iterator[Note]:
    """The ledger of facts recorded exactly this attestation."""
    proved = _proved(case, "facts/", "the transaction that recorded the attestation")
    if isinstance(proved, Missing):
        yield proved
        return
    transaction = proved.transaction
    if transaction.function != RECORD_ATTESTATION or len(transaction.args) != 1:
        raise EvidenceError("not_found", f"facts/ carries {transaction.function!r}", f"carry {RECORD_ATTESTATION}")
    argument = json_object(transaction.args[0], "the transaction's argument")
    attestation = case.attestation
    if Attestation.from_cbor(hex_bytes(argument.get("attestation"), "the recorded attestation")) != attestation:
        raise EvidenceError("not_found", "facts/ records another attestation", "carry this one's transaction")
    # asked for is not yet written: only the write set is what the endorsers signed and the peers applied
    key = f"attestation/{attestation.subject.hex()}/{attestation.kind}/{attestation.sequence:016d}"
    if _written_record(transaction, key).get("digest") != attestation.digest().hex():
        raise EvidenceError("equivocation", "the ledger holds another digest for this sequence", "ask the regulator")
    yield Checked(proved.text)
    about = (str(argument.get("subject_kind")), str(argument.get("subject_id")))
    if subject(*about) != case.attestation.subject:
        raise EvidenceError("malformed", "the recorded subject is not the attested one", "carry its own transaction")
    yield Checked(f"the subject is {about[0]} {about[1]}")
    yield Assumed(
        "the validation code VALID is the peer's word: no orderer signs it, and that no read conflict or "
        "key-level policy of an earlier block stood against it is shown by `wuxin audit` over all blocks"
    )


def check_devices(case: Case) -> Iterator[Note]:
    """Each device's key was enrolled in the ledger of facts, for the thing that the attestation is about."""
    for device_id in sorted({pack.device_id for pack in case.packs.values()}):
        proved = _proved(case, device_member(device_id), f"the enrolment of device {device_id}")
        if isinstance(proved, Missing):
            yield proved
            continue
        record = _written_record(proved.transaction, f"device/{device_id}")
        key = case.device_keys.get(device_id)
        if key is None or (record.get("suite"), record.get("public_key")) != (key.suite, key.public_key.hex()):
            raise EvidenceError("bad_signature", f"device {device_id} is enrolled with another key", "see its record")
        if record.get("status") in ("suspended", "retired"):
            raise EvidenceError("unknown_device", f"device {device_id} is {record['status']}", "see its record")
        yield Checked(f"device {device_id}: {proved.text}")
        yield _bound(case, device_id, record)
    if case.packs:
        yield Assumed("no device was suspended or given another slot between that record and its packs")


def _bound(case: Case, device_id: str, record: dict[str, Any]) -> Note:
    slots = record.get("slots")
    names = [str(slot) for slot in cast("list[object]", slots)] if isinstance(slots, list) else []
    things = [("slot", name) for name in names]
    if record.get("asset_id") is not None:
        things.append(("asset", str(record["asset_id"])))
    for kind, name in things:
        if subject(kind, name) == case.attestation.subject:
            return Checked(f"device {device_id} is bound to the attested subject, {kind} {name}")
    return Missing(f"a record that binds device {device_id} to the attested subject")


def _proved(case: Case, stem: str, what: str) -> _Proved | Missing:
    envelope, block = case.member(f"{stem}envelope.pb"), case.member(f"{stem}block.pb")
    if envelope is None or block is None:
        return Missing(what)
    if case.trust is None:
        return Missing(f"who may endorse {what}: no trust file")
    if not case.trust.facts.block_signers:
        return Missing("the block signers of the facts are not in the trust file")
    return _prove_transaction(case.trust, envelope, block)


def _prove_transaction(trust: Trust, envelope: bytes, raw_block: bytes) -> _Proved:
    require_exact_block(raw_block)
    block = parse_block(raw_block, only=envelope)
    verify_block(block, trust.facts.block_signers, trust.facts.block_quorum)
    transaction = find_transaction(block, envelope)
    if (transaction.channel, transaction.chaincode) != (trust.facts.channel, trust.facts.chaincode):
        raise EvidenceError("not_found", "the transaction is of another channel or chaincode", "compare the trust file")
    if not transaction.is_valid or transaction.response_status != CHAINCODE_OK:
        name = validation_code_name(transaction.validation_code)
        raise EvidenceError("not_found", f"the block marks the transaction {name}", "carry a valid transaction")
    # in a scenario the ledger's time is replayed, and certificates issued today would all be of the future
    at_s = None if trust.is_scenario else transaction.timestamp_s
    creator = verify_creator(transaction, trust.roots, at_s)
    result = verify_endorsements(transaction, trust.roots, at_s)
    if not trust.facts.policy.satisfied_by(result.signers):
        raise EvidenceError(
            "quorum_not_met",
            f"endorsed by {_names(result.signers)}; needed: {trust.facts.policy.describe()}",
            "; ".join(result.rejected) or "ask more organisations to endorse",
        )
    endorsers = _names(result.signers)
    return _Proved(
        transaction,
        f"{transaction.function} {transaction.tx_id} in block {block.number}, submitted by "
        f"{creator.principal.msp_id}, endorsed by {endorsers}",
    )


def _names(signers: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(sorted(msp_id for msp_id, _ in signers)) or "nobody"


def _written_record(transaction: TransactionView, key: str) -> dict[str, Any]:
    """The JSON record that the transaction writes under ``key``. Raises EvidenceError ``not_found``."""
    for write in transaction.writes:
        if write.key == key and write.value is not None:
            return json_object(write.value, key)
    raise EvidenceError("not_found", f"the transaction does not write {key}", "carry the one that did")
