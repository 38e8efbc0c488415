"""The demo's home: its consortium, its keys, and what its product brings.

    prepare   consortium.toml ─▶ identities and seats, trust file, profile, rule pack, deposits, API keys, prices
    found     the same, and the first transactions of both ledgers

What the demo lends against and whose deposits it opens stands in `demo.toml`, who takes part in `consortium.toml`, both
beside this file; what the thing is, in its product's folder.
"""

import json
import secrets
import shutil
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from network.clock import open_clock
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from network.membership.homes import home_of, separate
from network.membership.seats import create_home
from network.ports import Rejected
from node.machine.founding import DEPOSITS_FILE, found_over, issue_keys
from node.products import HOME_PACKS, Product, product
from node.settings import DEMO_MARK
from oracle.profile import profile_file
from oracle.sources.prices import PRICE_FILE

_FOLDER = Path(__file__).parent
_NO_ID = "0" * 64
"""Stands in the template where a fresh consortium id comes."""
_NO_SCENARIO = 'kind = "system"'


def found_whole(home: Path, *, pace: int = 1) -> None:
    """Make a home on embedded ledgers and the system clock, at once or not at all.

    It is made beside its place and takes its name at the end, so that nobody meets half a home; what the folder holds
    already, such as a profile of its own, is kept. Raises as `prepare` and `found_over`, and changes nothing then.
    """
    demo_product().profile_at(pace)
    home = home.absolute()
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{home.name}.", suffix=".founding", dir=home.parent) as folder:
        making = Path(folder) / home.name
        if home.exists():
            shutil.copytree(home, making, symlinks=True)
        found(making, pace=pace)
        if (home / CONSORTIUM_FILE).exists():
            raise Rejected("conflict", f"another command founded {home} meanwhile", "serve that, or name another home")
        if not home.exists():
            making.rename(home)
            return
        # The folder itself stays, because a shell may stand in it; what says that it is founded comes last.
        for each in sorted(making.iterdir(), key=lambda each: each.name == CONSORTIUM_FILE):
            if (home / each.name).is_dir():
                shutil.rmtree(home / each.name)
            each.rename(home / each.name)


def found(home: Path, *, scenario_start_ms: int | None = None, pace: int = 1) -> Consortium:
    """Make a home with everything in it, on embedded ledgers; on the system clock unless a scenario begins."""
    consortium = prepare(home, scenario_start_ms=scenario_start_ms, pace=pace)
    found_over(home)
    return consortium


def prepare(home: Path, *, scenario_start_ms: int | None = None, pace: int = 1, separated: bool = False) -> Consortium:
    """Make all of a demo's home but its ledgers.

    `pace` is how much quicker than its profile the demo runs; `separated` gives every organisation a home of its own.
    Raises `not_found` naming the paces there are, before anything is written.
    """
    demo_product().profile_at(pace)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / DEMO_MARK).touch()
    consortium = write_consortium(home, start_ms=scenario_start_ms)
    create_home(home, consortium)
    _bring(home, demo_product(), pace)
    if separated:
        separate(home, consortium)
    issue_keys(home, consortium)
    _write_prices(home, consortium, demo_product(), open_clock(consortium, home).now_ms() // 1000)
    return consortium


def write_consortium(home: Path, *, start_ms: int | None = None, factor: int = 1) -> Consortium:
    """Write the demo's consortium file with a fresh consortium id, unless the home has one; returns it.

    Its clock is a scenario's that begins at `start_ms` (UTC milliseconds), or the system's where that is None.
    """
    path = home / CONSORTIUM_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        text = (_FOLDER / CONSORTIUM_FILE).read_text("utf-8").replace(_NO_ID, secrets.token_hex(32))
        if start_ms is not None:
            text = text.replace(_NO_SCENARIO, f'kind = "scenario"\nstart_ms = {start_ms}\nfactor = {factor}')
        path.write_text(text, "utf-8")
    return Consortium.load(path)


@cache
def demo_product() -> Product:
    """What the demo lends against."""
    return product(_demo()["product"])


def _demo() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "demo.toml").read_text("utf-8"))


def _bring(home: Path, brought: Product, pace: int) -> None:
    """Put the product's profile and rule pack, and the deposits, into a home that has no profile of its own."""
    if profile_file(home).exists():
        return
    profile_file(home).write_text(json.dumps(brought.profile_at(pace), indent=2) + "\n", "utf-8")
    (home / HOME_PACKS).mkdir(exist_ok=True)
    shutil.copy(brought.folder / "pack.json", home / HOME_PACKS / f"{brought.pack.id}.json")
    (home / DEPOSITS_FILE).write_text(json.dumps(_demo()["deposits_minor"], indent=2) + "\n", "utf-8")


def _write_prices(home: Path, consortium: Consortium, of: Product, priced_at_s: int) -> None:
    """Write each oracle member's own price source, with the price that the product states."""
    stated = of.about.price
    price = {
        "commodity": stated.commodity,
        "price_minor_per_t": stated.price_minor_per_t,
        "currency": stated.currency,
        "source": stated.source,
        "priced_at_s": priced_at_s,
    }
    for member in consortium.oracles:
        file = home_of(home, member.name) / "orgs" / member.name / "oracle" / PRICE_FILE
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(price, indent=2) + "\n", encoding="utf-8")
