"""New API keys for the organisations of a home, in each one's own folder."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from network.bringup import supervisor
from network.membership.consortium import Consortium
from network.membership.homes import home_of, is_own
from network.ports import Rejected
from node.gate.access import issue_api_keys


def issue(home: Path, organisations: Collection[str]) -> Iterator[dict[str, Any]]:
    """Issue keys to these organisations, or to all whose keystore is here; keys of before stop working.

    A member of theirs that runs under this home's supervisor is started again, because it reads its key when it starts.
    Gives `organisation`, `file` and `restarted` for each. Raises Rejected (`not_found`), before any key is changed.
    """
    here = [each.name for each in Consortium.load(home).organisations if is_own(home_of(home, each.name), each.name)]
    for stranger in sorted(set(organisations) - set(here)):
        raise Rejected(
            "not_found", f"the keys of {stranger} are not in {home}", f"organisations here: {', '.join(here)}"
        )
    for name in [each for each in here if not organisations or each in organisations]:
        own = home_of(home, name)
        issue_api_keys(own, [name])
        restarted = supervisor.restart(home, f"oracle-{name}")
        yield {"organisation": name, "file": str(own / "orgs" / name / "api-keys.json"), "restarted": restarted}
