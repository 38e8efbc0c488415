"""`wuxin doctor`: what the doctor found, as a terminal or a program reads it."""

import json
from dataclasses import asdict
from pathlib import Path

from node.machine.doctor import examine
from wuxin_evidence.printable import printable


def run(home: Path, *, as_json: bool) -> int:
    """Print every finding. Gives 0 where all is well, 1 where something is not."""
    findings = list(examine(home))
    for finding in findings:
        if as_json:
            print(json.dumps(asdict(finding)))
            continue
        # Findings quote logs and other programs: what they wrote must not move the cursor or forge a line.
        print(f"  {'ok  ' if finding.good else 'BAD '} {printable(f'{finding.where}: {finding.what}')}")
        if finding.hint:
            print(f"       {printable(finding.hint)}")
    return 0 if all(finding.good for finding in findings) else 1
