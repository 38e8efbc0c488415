"""Founding a consortium on one machine: keys, trust file, API keys, and the first transactions of both ledgers.

    consortium.toml ─▶ identities and seats ─▶ facts: init_consortium ─▶ obligations: contracts, rules, accounts

It makes the demo's consortium; a real one is founded by its members, each on its own machine. Founding again changes
nothing that stands.
"""

import asyncio
import json
from pathlib import Path

from contracts.loader import load_rule_pack
from network.clock import Clock, open_clock
from network.consortium import Consortium, write_demo
from network.local.deploy import set_up_circle
from network.local.ledger import open_ledger
from network.local.obligations import open_circle
from network.ports import Rejected
from network.published import first_committee
from network.seats import create_home, open_seat
from node.access import issue_api_keys
from oracle.lien import PRICE_FILE
from oracle.profile import Profile

DEMO_MARK = "demo"
"""A file whose presence says that this home belongs to the demo: it may be emptied, and may have a scenario clock."""
RULE_PACK = "warehouse-stock-1"
BANK_DEPOSIT_MINOR = 10**11
"""One milliard in currency units: what the demo's bank has to lend."""
FOUNDER = "regulator"
COMMODITY = "copper-cathode"
PRICE_MINOR_PER_T = 6_850_000


def found(home: Path, *, scenario_start_ms: int | None = None) -> Consortium:
    """A home with everything in it; on the system clock unless a scenario's start is given."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / DEMO_MARK).touch()
    consortium = write_demo(home, start_ms=scenario_start_ms)
    create_home(home, consortium)
    issue_api_keys(home)
    clock = open_clock(consortium, home)
    _write_prices(home, consortium, clock.now_ms() // 1000)
    asyncio.run(_first_transactions(home, consortium, clock))
    return consortium


def shipped_hashes() -> dict[str, str]:
    """What judges the readings: the profile and the rule pack of this release, by their SHA-256."""
    pack = load_rule_pack(RULE_PACK)
    return {f"profile {Profile.load().name}": Profile.load().hash.hex(), f"rule pack {pack.id}": pack.hash.hex()}


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
        file = home / "orgs" / member.name / "oracle" / PRICE_FILE
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(source, indent=2) + "\n", encoding="utf-8")


async def _first_transactions(home: Path, consortium: Consortium, clock: Clock) -> None:
    await _found_facts(home, consortium, clock)
    await _found_obligations(home, consortium, clock)


async def _found_facts(home: Path, consortium: Consortium, clock: Clock) -> None:
    ledger = open_ledger(home, consortium, open_seat(home, FOUNDER), clock)
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


async def _found_obligations(home: Path, consortium: Consortium, clock: Clock) -> None:
    profile = Profile.load()
    node = open_circle(home, consortium, clock)
    try:
        await set_up_circle(
            home,
            consortium,
            node,
            clock,
            profiles=[(profile.hash, profile.windows.window_s)],
            packs=[RULE_PACK],
            deposits_minor={"bank": BANK_DEPOSIT_MINOR, "manufacturer": 0},
        )
    finally:
        node.close()
