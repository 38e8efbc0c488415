"""The doctor looks at an installation the way an operator woken at night would, and names what to do.

    files     the consortium file, secrets, trust file, certificates, API keys, price sources, disk, clock
    running   the supervisor, broker, nodes, oracle members, and what each node says of its ledgers

Every check is one function that gives findings. Nothing here changes anything.
"""

from collections.abc import Iterator
from pathlib import Path

from network.membership.consortium import CONSORTIUM_FILE, Consortium, ConsortiumError
from node.machine.doctor import files, running
from node.machine.doctor.finding import Finding

__all__ = ["Finding", "examine"]


def examine(home: Path) -> Iterator[Finding]:
    """Every finding about a home, good ones too, in the order of looking."""
    place = str(home / CONSORTIUM_FILE)
    try:
        consortium = Consortium.load(home)
    except FileNotFoundError:
        yield Finding(False, place, "it is missing", f"found a consortium: wuxin serve --home {home}")
        return
    except ConsortiumError as problem:
        yield Finding(False, place, problem.detail, problem.hint)
        return
    yield Finding(True, place, f"consortium {consortium.name}, {len(consortium.organisations)} organisations")
    yield from files.examine(home, consortium)
    yield from running.examine(home, consortium)
