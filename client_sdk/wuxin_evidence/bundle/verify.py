"""Verify a bundle offline.

    verdict = verify_bundle(Path("evidence.zip").read_bytes(), Trust.parse(Path("trust.json").read_bytes()))
    verdict.exit_status     # 0 valid, 1 invalid, 2 incomplete or no trust file, 3 unreadable

``CHECKS`` is the whole procedure, in order. Roots inside a bundle are never used: whoever may sign comes
from the trust file alone. ``assumed`` says what even a valid bundle leaves to belief, for a reader who
starts from the assumption that its maker lies.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from wuxin_evidence.bundle.archive import read_bundle
from wuxin_evidence.bundle.case import Assumed, Case, Check, Checked, Missing
from wuxin_evidence.bundle.check_evidence import (
    check_attestation,
    check_clock,
    check_log,
    check_members,
    check_nothing_else,
    check_pack_set,
    check_packs,
    check_profile,
    check_signatures,
)
from wuxin_evidence.bundle.check_facts import check_devices, check_facts
from wuxin_evidence.bundle.check_obligations import check_obligations, check_rule_pack
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError

VALID, INVALID, INCOMPLETE, UNREADABLE = range(4)
"""Exit statuses of `wuxin verify`."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("members", check_members),
    ("attestation", check_attestation),
    ("clock", check_clock),
    ("signatures", check_signatures),
    ("devices", check_devices),
    ("packs", check_packs),
    ("pack set", check_pack_set),
    ("profile", check_profile),
    ("rule pack", check_rule_pack),
    ("log", check_log),
    ("facts", check_facts),
    ("obligations", check_obligations),
    ("nothing else", check_nothing_else),
)

DECISIVE = frozenset({"members", "attestation"})
"""Checks after whose failure nothing else in the bundle means anything."""


class Finding(NamedTuple):
    """One line of a verdict: the check it comes from, what it found, and for a failure its code and hint."""

    check: str
    detail: str
    code: str = ""
    hint: str = ""

    def __str__(self) -> str:
        told = f"{self.check}: {self.detail}"
        return f"{told} [{self.code}] {self.hint}".rstrip() if self.code else told


@dataclass(frozen=True)
class Verdict:
    """What was shown, what lacks, what is wrong, and what is believed; true when the exit status is 0."""

    checked: tuple[Finding, ...] = ()
    missing: tuple[Finding, ...] = ()
    failed: tuple[Finding, ...] = ()
    assumed: tuple[Finding, ...] = ()
    is_readable: bool = True

    @property
    def exit_status(self) -> int:
        """0 valid, 1 invalid, 2 incomplete or no trust file, 3 unreadable."""
        if not self.is_readable:
            return UNREADABLE
        if self.failed:
            return INVALID
        return INCOMPLETE if self.missing else VALID

    def __bool__(self) -> bool:
        return self.exit_status == VALID

    def to_json(self) -> dict[str, Any]:
        """The verdict as `wuxin verify --json` prints it."""
        lists = {
            name: [finding._asdict() for finding in findings]
            for name, findings in (
                ("checked", self.checked),
                ("missing", self.missing),
                ("failed", self.failed),
                ("assumed", self.assumed),
            )
        }
        return {"exit_status": self.exit_status, **lists}


def verify_bundle(raw: bytes, trust: Trust | None) -> Verdict:
    """Check a bundle's bytes against a trust file. Raises nothing: whatever is wrong is in the verdict."""
    try:
        bundle = read_bundle(raw)
    except EvidenceError as error:
        return Verdict(failed=(_failure("bundle", error),), is_readable=False)
    case = Case(bundle, trust)
    found: dict[type, list[Finding]] = {Checked: [], Missing: [], Assumed: []}
    failed: list[Finding] = []
    if trust is None:
        found[Missing].append(Finding("trust", "no trust file was given: nobody's word counts without one"))
    for name, check in CHECKS:
        if failed and check is check_nothing_else:
            break  # a check that failed has not read all that it would have
        try:
            for note in check(case):
                found[type(note)].append(Finding(name, note.detail))
        except EvidenceError as error:
            failed.append(_failure(name, error))
            if name in DECISIVE:
                break
    return Verdict(tuple(found[Checked]), tuple(found[Missing]), tuple(failed), tuple(found[Assumed]))


def _failure(check: str, error: EvidenceError) -> Finding:
    return Finding(check, error.detail, error.code, error.hint)
