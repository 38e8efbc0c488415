"""Founding a consortium on one machine: keys, trust file, API keys, and the first transactions of both ledgers.

    prepare      consortium.toml ─▶ identities and seats, trust file, profile, API keys, prices
    found_over   facts: init_consortium ─▶ obligations: contracts, roles, rules, accounts ─▶ what all know is shared

Whichever engines carry the ledgers, every organisation signs for itself, from its own home where it has one; that one
program opens all these homes is this machine's convenience. A real consortium is founded by its members, each on its
own machine. Founding again changes nothing that stands.
"""

import asyncio
import json
import shutil
from pathlib import Path

from network.bringup.contracts import set_up_circle
from network.clock import Clock, open_clock
from network.membership.connections import Connections
from network.membership.consortium import Consortium, write_demo
from network.membership.homes import home_of, separate, share
from network.membership.published import first_committee
from network.membership.seats import create_home, open_seat
from network.obligations.jsonrpc.deployment import Bind
from network.ports import Rejected
from node.gate.access import issue_api_keys
from node.ledgers.engine import open_facts
from node.products import product
from oracle.profile import HOME_PROFILE, Profile, profile_file
from oracle.sources.prices import PRICE_FILE

DEMO_MARK = "demo"
"""A file whose presence says that this home belongs to the demo: it may be emptied, and may have a scenario clock."""
PRODUCT = "weighed-stock"
"""What the demo's consortium lends against."""
BANK_DEPOSIT_MINOR = 10**11
"""One milliard in currency units: what the demo's bank has to lend."""
FOUNDER = "regulator"
COMMODITY = "copper-cathode"
PRICE_MINOR_PER_T = 6_850_000


def found(home: Path, *, scenario_start_ms: int | None = None) -> Consortium:
    """A home with everything in it, on embedded ledgers; on the system clock unless a scenario's start is given."""
    consortium = prepare(home, scenario_start_ms=scenario_start_ms)
    found_over(home)
    return consortium


def prepare(home: Path, *, scenario_start_ms: int | None = None, pace: int = 1, separated: bool = False) -> Consortium:
    """All of a demo's home but its ledgers. `pace` names the profile of a quicker demo; `separated`
    gives every organisation a home of its own."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / DEMO_MARK).touch()
    consortium = write_demo(home, start_ms=scenario_start_ms)
    create_home(home, consortium)
    if not profile_file(home).exists():
        shutil.copy(product(PRODUCT).profile(pace), home / HOME_PROFILE)
    if separated:
        separate(home, consortium)
    _issue_keys(home, consortium)
    _write_prices(home, consortium, open_clock(consortium, home).now_ms() // 1000)
    return consortium


def found_over(home: Path) -> None:
    """The first transactions of both ledgers, over whatever engines `connections.json` names.

    Raises PortError, KeystoreError, ConnectionsError.
    """
    consortium = Consortium.load(home)
    _issue_keys(home, consortium)
    asyncio.run(_first_transactions(home, consortium, open_clock(consortium, home)))
    share(home, consortium)


def shipped_hashes(home: Path) -> dict[str, str]:
    """What judges the readings here: the home's profile and the rule pack of this release, by their SHA-256."""
    pack, profile = product(PRODUCT).pack, Profile.load(profile_file(home))
    return {f"profile {profile.name}": profile.hash.hex(), f"rule pack {pack.id}": pack.hash.hex()}


def _issue_keys(home: Path, consortium: Consortium) -> None:
    """API keys for the organisations that have none which its node knows, each in its own home."""
    for organisation in consortium.organisations:
        own = home_of(home, organisation.name)
        known = own / "local.db", own / "orgs" / organisation.name / "api-keys.json"
        if not all(file.exists() for file in known):
            issue_api_keys(own, [organisation.name])


def _write_prices(home: Path, consortium: Consortium, priced_at_s: int) -> None:
    """Each oracle member's own price source. This one is stated by us and is no market price."""
    source = {
        "commodity": COMMODITY,
        "price_minor_per_t": PRICE_MINOR_PER_T,
        "currency": "CNY",
        "source": "demo, stated",
        "priced_at_s": priced_at_s,
    }
    for member in consortium.oracles:
        file = home_of(home, member.name) / "orgs" / member.name / "oracle" / PRICE_FILE
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(source, indent=2) + "\n", encoding="utf-8")


async def _first_transactions(home: Path, consortium: Consortium, clock: Clock) -> None:
    connections = Connections.load(home)
    await _found_facts(home, consortium, clock, connections)
    await _found_obligations(home, consortium, clock, connections)


async def _found_facts(home: Path, consortium: Consortium, clock: Clock, connections: Connections) -> None:
    ledger = open_facts(home, consortium, open_seat(home_of(home, FOUNDER), FOUNDER), clock, connections)
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
        packs=[product(PRODUCT).pack],
        deposits_minor={"bank": BANK_DEPOSIT_MINOR, "manufacturer": 0},
        chain=chain,
    )
