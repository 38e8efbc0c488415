"""`wuxin verify`: a bundle against a trust file, offline."""

import json
from pathlib import Path

from node.cli.exit_status import DONE, INCOMPLETE, REFUSED, UNREADABLE
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.bundle.verify import verify_bundle
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.printable import printable

WORDS = {DONE: "valid", REFUSED: "INVALID", INCOMPLETE: "incomplete", UNREADABLE: "unreadable"}


def run(file: Path, trust_file: Path | None, *, as_json: bool) -> int:
    """Prints what was checked, assumed, missing and failed; the exit status of the verdict."""
    try:
        raw = file.read_bytes()
        trust = Trust.parse(trust_file.read_bytes()) if trust_file else None
    except (OSError, EvidenceError) as problem:
        problem = f"{problem.filename}: no such file" if isinstance(problem, FileNotFoundError) else problem
        told = {"exit_status": UNREADABLE, "failed": [str(problem)]}
        print(json.dumps(told) if as_json else printable(f"unreadable: {problem}"))
        return UNREADABLE
    verdict = verify_bundle(raw, trust)
    if as_json:
        print(json.dumps(verdict.to_json()))
        return verdict.exit_status
    # A bundle comes from a stranger: names in it are made printable, or one could forge the line that says "valid".
    lines = [f"  ok       {printable(str(found))}" for found in verdict.checked]
    lines += [f"  assumed  {printable(str(found))}" for found in verdict.assumed]
    lines += [f"  missing  {printable(str(found))}" for found in verdict.missing]
    lines += [f"  FAILED   {printable(str(found))}" for found in verdict.failed]
    print("\n".join([*lines, WORDS[verdict.exit_status]]))
    return verdict.exit_status
