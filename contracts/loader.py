"""Artifacts and rule packs, typed; and how a circle's obligations are deployed.

    artifact = load_artifact("CreditFacility")        .abi .bytecode
    pack = load_rule_pack(path)                     .hash .to_call() .document

Deployment, in this order (constructor arguments in brackets, `manager` is the AccessManager's address):

     1. AccessManager    [admin]                              the admin grants roles and can do nothing else
     2. OracleCommittee  [manager, consortium_id]
     3. AttestationFeed  [manager, committee]
     4. RuleBook         [manager]
     5. DepositToken     [manager, "Deposit <currency>", "D<currency>"]    the circle's
     6. CreditFacility   [manager, feed, rule_book, token]

  by the admin, once each:
     7. feed.connect(rule_book, facility) · rule_book.connect(feed, facility) · token.connect(facility)
     8. for (contract, role), functions in RESTRICTED: manager.setTargetFunctionRole(contract, selectors, role)
     9. manager.grantRole(role, account, 0) for bank, insurer and regulator;
        manager.grantRole(LINE_RAISER, bank, LINE_RAISE_DELAY_S): a raise is scheduled, everything else is instant

  by the roles (each with a fresh command id first):
    10. regulator: committee.appoint(command, 1, k, 0, members as (address, organisation) ascending by address)
    11. regulator: feed.registerProfile(command, profile_hash, 15, window_s, day_offset_s)
    12. bank: rule_book.loadPack(command, *pack.to_call())
    13. bank: token.list(command, account, True) for bank and borrowers; token.mint(command, bank, amount_minor);
        token.approve(facility, amount_minor), the most that its draws may take

An organisation is keccak256 of its name there, and a subject, a facility and an indicator are hashed as
`wuxin_evidence.ids` does it. Then the life of a facility: propose, activate (bank), draw, repay, startClosing, close;
`src/interfaces/` says who may call each and what it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from contracts import schema
from contracts.documents import DocumentError, check, json_of
from contracts.mirror.reversal import Condition, Rule
from contracts.structs import Struct, stated, struct_in
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import indicator_id, keccak256

ADMIN, BANK, INSURER, REGULATOR, LINE_RAISER = range(5)
"""Role ids of the AccessManager; in a bitmap of approvers a role is 1 << id. Line raiser comes with a delay."""
LINE_RAISE_DELAY_S = 86_400
"""A raised line is known to the whole circle for a day before it can be drawn."""

DEPLOY_ORDER = ("AccessManager", "OracleCommittee", "AttestationFeed", "RuleBook", "DepositToken", "CreditFacility")
RESTRICTED: Mapping[tuple[str, int], tuple[str, ...]] = MappingProxyType(
    {
        ("OracleCommittee", REGULATOR): ("appoint",),
        ("AttestationFeed", REGULATOR): ("registerProfile",),
        ("RuleBook", BANK): ("loadPack",),
        ("DepositToken", BANK): ("list", "mint"),
        ("CreditFacility", LINE_RAISER): ("raiseLine",),
    }
)
"""(contract, role) to the functions that the AccessManager opens to it; `connect` stays with the admin."""

ACTIONS = (
    "change_limit",
    "change_rate",
    "change_premium",
    "change_coverage",
    "freeze_limit",
    "freeze_linked_orders",
    "pause_repayment",
    "waive_fee",
    "suggest_reschedule",
    "release_payable_financing",
    "release_limit_for_purpose",
    "notify_insurer",
    "open_claim",
    "notify_regulator",
    "manual_review",
    "maintenance_ticket",
    "block_transfer",
    "revalue",
    "split_loss",
    "trip_circuit_breaker",
    "reject_payment",
)
"""All actions of a pack; on chain an action is its place in this list, counted from 1."""
EXECUTABLE_ACTIONS = frozenset({"freeze_limit"})
EXECUTABLE_WINDOWS = frozenset({"consecutive_windows", "consecutive_days"})
"""Consecutive days are daily windows of the profile; consecutive readings are an indicator (`run_length`)."""
_COMPARATORS = ("<", "<=", ">", ">=", "==", "!=")
_ON_MISSING = ("hold", "alarm", "breach")
_APPROVERS: Mapping[str, int] = {"bank": BANK, "insurer": INSURER, "regulator": REGULATOR}

_FOLDER = Path(__file__).parent
_PACK_BYTES_MAX = 256 * 1024
"""Eight rules with their wording take some ten kilobytes."""


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: `abi` as in JSON, `bytecode` of its creation, `metadata_sha256` of its sources."""

    name: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    metadata_sha256: str

    def struct(self, name: str) -> Struct:
        """A struct of the contract, such as `Terms`. Raises `EvidenceError` not_found."""
        return struct_in(self.abi, name)


@dataclass(frozen=True)
class RulePack:
    """A pack that conforms to the schema and that the contracts execute in full.

    `document` is the parsed JSON, `content` the same as typed values; `hash` the SHA-256 of its canonical JSON, which a
    facility's terms name.
    """

    document: Mapping[str, Any]
    hash: bytes
    content: schema.Pack

    @property
    def id(self) -> str:
        """The pack's own id, such as `stock-1`."""
        return self.content.id

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules as the contracts evaluate them."""
        return tuple(_rule(rule) for rule in self.content.rules)

    def to_call(self) -> tuple[bytes, list[dict[str, Any]]]:
        """Arguments of `RuleBook.loadPack` after the command id."""
        return self.hash, [
            _rule_call(rule, written.then) for rule, written in zip(self.rules, self.content.rules, strict=True)
        ]


@cache
def load_artifact(name: str) -> Artifact:
    """The committed artifact of a contract in `DEPLOY_ORDER`. Raises `EvidenceError` not_found."""
    if name not in DEPLOY_ORDER:
        raise EvidenceError("not_found", f"no contract named {name!r}", f"one of {', '.join(DEPLOY_ORDER)}")
    stored = json.loads((_FOLDER / "artifacts" / f"{name}.json").read_text("utf-8"))
    return Artifact(name, tuple(stored["abi"]), bytes.fromhex(stored["bytecode"][2:]), stored["metadata_sha256"])


def load_rule_pack(path: Path) -> RulePack:
    """A pack from a file.

    Raises `EvidenceError`: `not_found`; `too_large`; `malformed` (not JSON, a number that is no exact integer, not
    conforming to the schema); `unsupported_action` (an action, window, aggregation or baseline that the contracts do
    not execute: it is refused here and never ignored).
    """
    try:
        document = json_of(_read(path))
    except DocumentError as wrong:
        raise EvidenceError("malformed", f"{path.name}: {wrong}", "check it with a JSON reader") from wrong
    return parse_rule_pack(document)


def parse_rule_pack(document: object) -> RulePack:
    """A pack from parsed JSON; refuses as `load_rule_pack` does."""
    canonical = canonical_json(document)
    try:
        pack = check(schema.Pack, document)
    except DocumentError as wrong:
        raise EvidenceError("malformed", str(wrong), "compare the pack with contracts/pack-schema.json") from wrong
    _require_distinct([rule.id for rule in pack.rules])
    for rule in pack.rules:
        _require_consistent(rule)
        _require_executable(rule)
    return RulePack(cast("Mapping[str, Any]", document), sha256(canonical).digest(), pack)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise EvidenceError("not_found", f"no rule pack {path}", "give the path of a file")
    if path.stat().st_size > _PACK_BYTES_MAX:
        raise EvidenceError("too_large", f"{path.name} exceeds {_PACK_BYTES_MAX} bytes", "split the pack")
    return path.read_bytes()


def _require_distinct(rule_ids: list[str]) -> None:
    if len(set(rule_ids)) < len(rule_ids):
        raise EvidenceError("malformed", "two rules share an id", "give each rule of a pack its own id")


def _require_consistent(rule: schema.Rule) -> None:
    """Refuse fields that do not fit each other, which a schema cannot say."""
    inputs = {entry.indicator: entry.unit for entry in rule.inputs}
    for indicator, unit in inputs.items():
        if not indicator.endswith(f"_{unit}") and unit != "count":
            raise _inconsistent(rule, f"{indicator} is not in {unit}", "an indicator's name ends with its unit")
    for condition in rule.when.conditions:
        if condition.indicator not in inputs:
            raise _inconsistent(rule, f"{condition.indicator} is not among the inputs", "declare it in inputs")
        if (condition.value is None) == (condition.baseline is None):
            raise _inconsistent(rule, "a condition needs either value or baseline", "give exactly one")
    if len(set(rule.reverse.approvals)) < len(rule.reverse.approvals):
        raise _inconsistent(rule, "an approver is named twice", "name each role once")


def _require_executable(rule: schema.Rule) -> None:
    for action in rule.then:
        if action.action not in EXECUTABLE_ACTIONS:
            raise _unsupported(rule, f"action {action.action}")
    if rule.when.window.mode not in EXECUTABLE_WINDOWS:
        raise _unsupported(rule, f"window {rule.when.window.mode}")
    for condition in rule.when.conditions:
        if condition.aggregation != "attested":
            raise _unsupported(rule, f"aggregation {condition.aggregation}")
        if condition.baseline is not None:
            raise _unsupported(rule, "a baseline")
    if any(entry.min_sources > 1 for entry in rule.inputs):
        raise _unsupported(rule, "more than one source per indicator")


def _rule(rule: schema.Rule) -> Rule:
    quality = {entry.indicator: entry.min_quality_bp for entry in rule.inputs}
    when, reverse = rule.when, rule.reverse
    return Rule(
        id=keccak256(rule.id.encode()),
        version=rule.version,
        match_any=when.match == "any",
        windows=when.window.count,
        on_missing=_ON_MISSING.index(when.on_missing),
        cure_windows=reverse.cure_windows,
        approver_roles=sum(1 << _APPROVERS[role] for role in reverse.approvals),
        conditions=tuple(
            Condition(
                indicator=indicator_id(condition.indicator),
                comparator=_COMPARATORS.index(condition.comparator),
                threshold=condition.value or 0,
                min_quality_bp=quality[condition.indicator],
            )
            for condition in when.conditions
        ),
    )


def _rule_call(rule: Rule, actions: Sequence[schema.Action]) -> dict[str, Any]:
    book = load_artifact("RuleBook")
    # No executable action has a size, so unit, amount, cap, stack group and purpose are empty.
    unsized: dict[str, Any] = {"unit": 0, "amount": 0, "cap": 0, "stackGroup": bytes(32), "purpose": bytes(32)}
    return book.struct("Rule").call(
        stated(rule)
        | {
            "conditions": [book.struct("Condition").call(stated(each)) for each in rule.conditions],
            "actions": [
                book.struct("Action").call(unsized | {"action": ACTIONS.index(each.action) + 1}) for each in actions
            ],
        }
    )


def _inconsistent(rule: schema.Rule, detail: str, hint: str) -> EvidenceError:
    return EvidenceError("malformed", f"rule {rule.id}: {detail}", hint)


def _unsupported(rule: schema.Rule, what: str) -> EvidenceError:
    executable = ", ".join(sorted(EXECUTABLE_ACTIONS))
    return EvidenceError(
        "unsupported_action", f"rule {rule.id}: {what} is not executable", f"executable actions: {executable}"
    )
