"""Founding a consortium on one machine: API keys, and the first transactions of both ledgers.

    found_over   facts: init_consortium ─▶ obligations: contracts, roles, rules, accounts ─▶ what all know is shared

What is put on the ledgers is what the home holds: `consortium.toml`, `profile.json`, the rule packs in `packs/`, and
the opening deposits in `deposits.json`. Whichever engines carry the ledgers, every organisation signs for itself, from
its own home where it has one; that one program opens all these homes is this machine's convenience. A real consortium
is founded by its members, each on its own machine. Founding again changes nothing that stands.
"""

import asyncio
import json
from pathlib import Path
from typing import cast

from contracts.loader import RulePack, load_rule_pack
from network.bringup.contracts import set_up_circle
from network.clock import Clock, open_clock
from network.extras import require_eels
from network.membership.connections import Connections
from network.membership.consortium import Consortium, Organisation
from network.membership.homes import home_of, share
from network.membership.published import first_committee
from network.membership.seats import open_seat
from network.obligations.jsonrpc.deployment import Bind, record_path
from network.ports import Rejected
from node.gate.access import issue_api_keys
from node.ledgers.engine import open_facts
from node.products import HOME_PACKS, products
from oracle.profile import Profile, profile_file

DEPOSITS_FILE = "deposits.json"
"""In a home: organisation to the minor units that its deposit account holds at the beginning; 0 opens it only."""


def found_over(home: Path) -> None:
    """Make the first transactions of both ledgers, over whatever engines `connections.json` names.

    Raises PortError, KeystoreError, ConnectionsError; Rejected `not_found` where the home has no profile, `malformed`
    where its deposits cannot be read; EvidenceError for a profile or a rule pack that cannot be used.
    """
    consortium = Consortium.load(home)
    _require_readable(home)
    issue_keys(home, consortium)
    asyncio.run(_first_transactions(home, consortium, open_clock(consortium, home)))
    share(home, consortium)


def require_founded(home: Path) -> None:
    """Refuse a home whose founding has not come to its end: it has a consortium and no ledgers. Raises `conflict`."""
    consortium = Consortium.load(home)
    wanted = [profile_file(home), *(record_path(home, circle.chain) for circle in consortium.circles)]
    missing = [str(file) for file in wanted if not file.exists()]
    if missing:
        hint = (
            f"go on: wuxin network found --home {home}; or remove the folder, if nothing else is in it, and begin again"
        )
        raise Rejected("conflict", f"{home} is only half founded: {', '.join(missing)} is missing", hint)


def judging_hashes(home: Path) -> dict[str, str]:
    """What judges the readings here: the home's profile and its rule packs, by their SHA-256 in hex."""
    profile = Profile.load(profile_file(home))
    packs = {f"rule pack {pack.id}": pack.hash.hex() for pack in _packs(home)}
    return {f"profile {profile.name}": profile.hash.hex(), **packs}


def issue_keys(home: Path, consortium: Consortium) -> None:
    """Issue API keys to the organisations that have none, each in its own home."""
    for organisation in consortium.organisations:
        own = home_of(home, organisation.name)
        if not (own / "orgs" / organisation.name / "api-keys.json").exists():
            issue_api_keys(own, [organisation.name])


def _require_readable(home: Path) -> None:
    """Refuse a home whose files cannot be founded upon, before anything is on a ledger."""
    if not profile_file(home).exists():
        shipped = ", ".join(str(each.profile()) for each in products())
        raise Rejected("not_found", f"{profile_file(home)} is missing", f"copy the profile of a product: {shipped}")
    judging_hashes(home)
    _deposits(home)
    if any(circle.chain not in Connections.load(home).obligations for circle in Consortium.load(home).circles):
        require_eels()


def _packs(home: Path) -> list[RulePack]:
    return [load_rule_pack(path) for path in sorted((home / HOME_PACKS).glob("*.json"))]


def _deposits(home: Path) -> dict[str, int]:
    path = home / DEPOSITS_FILE
    try:
        rows: object = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as wrong:
        raise Rejected("malformed", f"{path} is not JSON: {wrong}", "give organisation and minor units") from wrong
    amounts = cast("dict[str, object]", rows).values() if isinstance(rows, dict) else (None,)
    if not all(type(each) is int and each >= 0 for each in amounts):
        raise Rejected("malformed", f"{path} is no object of amounts", 'write e.g. {"lender": 100000, "borrower": 0}')
    return cast("dict[str, int]", rows)


def _founder(consortium: Consortium) -> Organisation:
    """The regulator, who initialises the facts. Raises Rejected where there is none."""
    for each in consortium.organisations:
        if "regulator" in each.roles:
            return each
    raise Rejected("not_found", "no organisation is a regulator, who founds the facts", "give one the role regulator")


async def _first_transactions(home: Path, consortium: Consortium, clock: Clock) -> None:
    connections = Connections.load(home)
    await _found_facts(home, consortium, clock, connections)
    await _found_obligations(home, consortium, clock, connections)


async def _found_facts(home: Path, consortium: Consortium, clock: Clock, connections: Connections) -> None:
    founder = _founder(consortium).name
    ledger = open_facts(home, consortium, open_seat(home_of(home, founder), founder), clock, connections)
    try:
        await ledger.submit("init_consortium", _statement(home, consortium))
    except Rejected as refused:
        if refused.code != "conflict":
            raise
    finally:
        await ledger.aclose()


def _statement(home: Path, consortium: Consortium) -> dict[str, object]:
    """The argument of `init_consortium`: the consortium file, and the oracle members' public keys."""
    organisations = [
        {"name": o.name, "msp_id": o.msp_id, "uscc": o.uscc, "roles": list(o.roles), "endorses": o.endorses}
        for o in consortium.organisations
    ]
    clock = consortium.clock
    return {
        "consortium_id": consortium.consortium_id.hex(),
        "name": consortium.name,
        "clock": {"kind": clock.kind, "start_ms": clock.start_ms, "factor": clock.factor},
        "day_offset_s": consortium.day_offset_s,
        "organisations": organisations,
        "committee": first_committee(home, consortium).to_json(),
    }


async def _found_obligations(home: Path, consortium: Consortium, clock: Clock, connections: Connections) -> None:
    for circle in consortium.circles:
        connection = connections.obligations.get(circle.chain)
        if connection is not None:
            from network.obligations.jsonrpc.circle import bind

            await _set_up(home, consortium, circle.chain, bind(consortium, connection, chain=circle.chain))
            continue
        from network.obligations.embedded.circle import bind_embedded, open_circle

        node = open_circle(home, consortium, clock, chain=circle.chain)
        try:
            await _set_up(home, consortium, circle.chain, bind_embedded(consortium, node, chain=circle.chain))
        finally:
            node.close()


async def _set_up(home: Path, consortium: Consortium, chain: str, bind: Bind) -> None:
    profile = Profile.load(profile_file(home))
    await set_up_circle(
        home,
        consortium,
        bind,
        profiles=[(profile.hash, profile.windows.window_s)],
        packs=_packs(home),
        deposits_minor=_deposits(home),
        chain=chain,
    )
