"""`wuxin audit`: both ledgers replayed from their files, against a trust file, without the node.

For an auditor who assumes that whoever handed over the files lies: nothing in the home is believed but what follows
from signed blocks and the trust file. Exit status: 0 all holds, 1 a check failed, 2 something is missing, 3 unreadable.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from network.audit.facts import LEDGER, FactsReplayed, audit_facts
from network.audit.findings import AttestationKey, Findings
from node.cli.exit_status import DONE, INCOMPLETE, REFUSED, UNREADABLE
from wuxin_evidence.bundle.trust import Trust, TrustedChain
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.printable import printable

WORDS = {DONE: "both ledgers hold", REFUSED: "FAILED", INCOMPLETE: "incomplete", UNREADABLE: "unreadable"}

ACROSS = "across the ledgers"

LEDGER_FILES = "ledger/"
NOT_EMBEDDED = "only embedded ledgers have files; what is on Fabric or a BFT chain, check by its bundles: wuxin verify"

Replayed = TypeVar("Replayed")


@dataclass
class Audit:
    """What was found; attestations that only one ledger has, as `subject/kind/sequence`."""

    findings: Findings = field(default_factory=Findings)
    facts_ahead: list[str] = field(default_factory=list[str])
    obligations_ahead: list[str] = field(default_factory=list[str])

    @property
    def exit_status(self) -> int:
        """0 sound, and what docs/reference/cli.md says of the others."""
        if not self.findings.sound:
            return REFUSED
        if self.findings.unreadable:
            return UNREADABLE
        return INCOMPLETE if self.findings.missing else DONE

    def to_json(self) -> dict[str, Any]:
        """Give exit status, findings and assumptions as JSON."""
        return {
            "exit_status": self.exit_status,
            "findings": [asdict(finding) for finding in self.findings.found],
            "assumed": self.findings.assumed,
            "missing": self.findings.missing,
            "unreadable": self.findings.unreadable,
            "facts_ahead": self.facts_ahead,
            "obligations_ahead": self.obligations_ahead,
        }


def run(home: Path, trust_file: Path, *, as_json: bool) -> int:
    """Prints every finding; the exit status says the worst of them."""
    audited = Audit()
    trust = _trust(trust_file, audited.findings)
    if trust is not None:
        _audit(home, trust, audited)
    print(json.dumps(audited.to_json()) if as_json else _told(audited))
    return audited.exit_status


def _trust(file: Path, findings: Findings) -> Trust | None:
    try:
        return Trust.parse(file.read_bytes())
    except FileNotFoundError:
        findings.missing.append(f"the trust file {file}")
    except (OSError, EvidenceError) as problem:
        findings.unreadable.append(str(problem))
    return None


def _audit(home: Path, trust: Trust, audited: Audit) -> None:
    findings = audited.findings
    facts = _opened(LEDGER, findings, lambda: audit_facts(home, trust, findings))
    accepted: dict[str, Mapping[AttestationKey, str]] = {}
    for chain in trust.chains:
        _chain(home, trust, chain, findings, accepted)
    if not trust.chains:
        findings.missing.append("the trust file names no obligations chain")
    if facts is not None and facts.whole:
        _across(facts, accepted, audited)


def _chain(
    home: Path,
    trust: Trust,
    chain: TrustedChain,
    findings: Findings,
    accepted: dict[str, Mapping[AttestationKey, str]],
) -> None:
    from network.audit.obligations import audit_obligations, ledger_of  # loads the engine of the chain

    replay = _opened(ledger_of(chain.name), findings, lambda: audit_obligations(home, trust, chain, findings))
    if replay is not None and replay.whole:
        accepted[chain.name] = replay.attestations


def _opened(name: str, findings: Findings, replay: Callable[[], Replayed]) -> Replayed | None:
    try:
        return replay()
    except FileNotFoundError:
        findings.missing.append(name)
    except (OSError, sqlite3.Error) as problem:
        findings.unreadable.append(f"{name}: {problem}; audit a copy in a folder that may be written")
    return None


def _across(facts: FactsReplayed, accepted: Mapping[str, Mapping[AttestationKey, str]], audited: Audit) -> None:
    """One digest for each subject, kind and sequence on whichever ledgers have it."""
    on_both = 0
    for chain, digests in accepted.items():
        for key, digest in digests.items():
            recorded = facts.attestations.get(key)
            if recorded is None:
                audited.obligations_ahead.append(_named(key))
                continue
            on_both += 1
            if recorded != digest:
                audited.findings.failed(ACROSS, f"{_named(key)} is {recorded} on the facts and {digest} on {chain}")
    on_chains = {key for digests in accepted.values() for key in digests}
    audited.facts_ahead += [_named(key) for key in facts.attestations if key not in on_chains]
    if accepted:
        audited.findings.held(ACROSS, f"{on_both} attestations are on both ledgers, each with one digest")


def _named(key: AttestationKey) -> str:
    return "/".join(map(str, key))


def _told(audited: Audit) -> str:
    findings = audited.findings
    told = [(f"{'ok     ' if each.ok else 'FAILED '}  ", f"{each.check}: {each.detail}") for each in findings.found]
    told += [("assumed  ", each) for each in findings.assumed]
    told += [("missing  ", each) for each in findings.missing]
    told += [("         ", NOT_EMBEDDED)] * any(each.startswith(LEDGER_FILES) for each in findings.missing)
    told += [("unreadable  ", each) for each in findings.unreadable]
    told += [("on the facts only  ", each) for each in audited.facts_ahead]
    told += [("on the obligations only  ", each) for each in audited.obligations_ahead]
    lines = [f"  {kind}{printable(detail)}" for kind, detail in told]
    return "\n".join([*lines, WORDS[audited.exit_status]])
