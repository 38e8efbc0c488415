"""`wuxin doctor`: what the doctor found, as a terminal or a program reads it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from node.machine.doctor import Finding, examine
from wuxin_evidence.printable import printable


def run(home: Path, *, as_json: bool) -> int:
    """Print every finding. Gives 0 where all is well, 1 where something is not."""
    findings = list(examine(home))
    for finding in findings:
        print(json.dumps(asdict(finding)) if as_json else "\n".join(_lines(finding)))
    return 0 if all(finding.good for finding in findings) else 1


def _lines(finding: Finding) -> Iterator[str]:
    yield f"  {'ok  ' if finding.good else 'BAD '} {printable(f'{finding.where}: {finding.what}')}"
    if finding.hint:
        yield f"       {printable(finding.hint)}"
