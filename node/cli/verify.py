"""`wuxin verify`: a bundle against a trust file, offline."""

import json
from pathlib import Path

from wuxin_evidence.trust import Trust
from wuxin_evidence.verify import Verdict, verify_bundle

UNREADABLE = 3


def run(file: Path, trust_file: Path | None, *, as_json: bool) -> int:
    """Prints what was checked, what is missing and what failed; the exit status of the verdict."""
    try:
        raw = file.read_bytes()
        trust = Trust.parse(trust_file.read_bytes()) if trust_file else None
    except OSError as problem:
        print(f"unreadable: {problem}")
        return UNREADABLE
    verdict = verify_bundle(raw, trust)
    print(json.dumps(as_dict(verdict), ensure_ascii=False) if as_json else _told(verdict))
    return verdict.exit_status


def as_dict(verdict: Verdict) -> dict[str, object]:
    return {
        "exit_status": verdict.exit_status,
        "checked": list(verdict.checked),
        "missing": list(verdict.missing),
        "failed": list(verdict.failed),
    }


def _told(verdict: Verdict) -> str:
    lines = [f"  ok       {line}" for line in verdict.checked]
    lines += [f"  missing  {line}" for line in verdict.missing]
    lines += [f"  FAILED   {line}" for line in verdict.failed]
    return "\n".join([*lines, {0: "valid", 1: "INVALID", 2: "incomplete", 3: "unreadable"}[verdict.exit_status]])
