"""Settings: what the node starts with, and why it would rather not start.

    home ─▶ consortium file, trust file, modes of secrets, clock, organisations ─▶ Settings, or SettingsError

A node that starts with a readable keystore, another consortium's trust file or a scenario clock in production would
work, and be wrong. Each refusal names the file and what to do.
"""

from __future__ import annotations

import fcntl
import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from network.locks import open_lock
from network.membership.connections import Connections, ConnectionsError
from network.membership.consortium import Consortium, ConsortiumError
from network.membership.homes import home_of, is_own, is_separated
from wuxin_evidence.errors import NamedError

PRIVATE_MODE = 0o077  # nothing of this may be set on a secret
DEMO_MARK = "demo"  # the file that founding a demo leaves: this home may have a scenario clock
SECRET_NAMES = ("passphrase", "api-keys.json")


class SettingsError(NamedError):
    """The node refuses to start: `code` malformed, forbidden, not_found or conflict, with detail and hint."""


@dataclass(frozen=True)
class Settings:
    """A home that was checked, and the organisations that this process serves."""

    home: Path
    consortium: Consortium
    organisations: tuple[str, ...]
    chain: str

    @property
    def local_db(self) -> Path:
        """The database of what only this node knows: commands under way, API keys, audit log."""
        return self.home / "local.db"

    @property
    def read_model_db(self) -> Path:
        """The database that is made from the ledgers and may be deleted."""
        return self.home / "readmodel.db"


def check(home: Path, organisations: Sequence[str] | None) -> Settings:
    """Check a home. `organisations` None: all whose keys are in it.

    Raises SettingsError.
    """
    consortium = _consortium(home)
    known = [each.name for each in consortium.organisations]
    own = [name for name in known if is_own(home, name)]
    served = tuple((own or known) if organisations is None else organisations)
    if not own and is_separated(home):
        raise SettingsError(
            "not_found",
            f"{home} has no organisation's keys: each has a home of its own below it",
            f"name one of them, e.g. --home {home_of(home, known[0])}",
        )
    strange = [name for name in served if name not in known]
    if strange or not served:
        raise SettingsError(
            "not_found", f"no organisation {', '.join(strange) or '(none given)'}", f"name some of {', '.join(known)}"
        )
    if consortium.clock.kind == "scenario" and not (home / DEMO_MARK).exists():
        raise SettingsError(
            "forbidden",
            "the consortium runs on a scenario clock",
            "a scenario clock is for the demo; write clock kind system for anything else",
        )
    _require_connections(home, consortium)
    if len(consortium.circles) != 1:
        raise SettingsError(
            "unsupported_action", f"{len(consortium.circles)} lending circles", "this version serves exactly one"
        )
    _require_trust(home, consortium)
    for name in served:
        _require_private(home / "orgs" / name)
    settings = Settings(home, consortium, served, consortium.circles[0].chain)
    for database in (settings.local_db, settings.read_model_db):
        if database.exists() and not database.is_file():
            raise SettingsError("malformed", f"{database} is no file", "move away what lies there, then start again")
    if settings.local_db.exists():
        _require_mode(settings.local_db)
    return settings


class ServingLocks:
    """One process per organisation: two deliverers of one account would race for its nonces."""

    def __init__(self, settings: Settings) -> None:
        self._files: list[IO[str]] = []
        folder = settings.home / "run"
        folder.mkdir(parents=True, exist_ok=True)
        for name in settings.organisations:
            file = open_lock(folder / f"serving-{name}.lock")
            self._files.append(file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as taken:
                self.release()
                raise SettingsError(
                    "conflict", f"another process serves {name} from this home", "stop it, or serve other organisations"
                ) from taken

    def release(self) -> None:
        """Let other processes serve these organisations."""
        for file in self._files:
            file.close()
        self._files.clear()


def _consortium(home: Path) -> Consortium:
    try:
        return Consortium.load(home / "consortium.toml")
    except FileNotFoundError as missing:
        hint = f"make a home first: wuxin serve --home {home}; or name another with --home"
        raise SettingsError("not_found", f"{home} has no consortium.toml", hint) from missing
    except ConsortiumError as wrong:
        raise SettingsError("malformed", wrong.detail, wrong.hint) from wrong


def _require_connections(home: Path, consortium: Consortium) -> None:
    """Real ledgers run on real time, and every chain that is named belongs to a circle."""
    try:
        connections = Connections.load(home)
    except ConnectionsError as wrong:
        raise SettingsError(wrong.code, wrong.detail, wrong.hint) from wrong
    if consortium.clock.kind == "scenario" and not connections.embedded:
        raise SettingsError(
            "conflict",
            "connections.json names ledgers that run on real time, the consortium has a scenario clock",
            "write clock kind system, or remove connections.json to run on embedded ledgers",
        )
    strange = set(connections.obligations) - {circle.chain for circle in consortium.circles}
    if strange:
        raise SettingsError(
            "malformed",
            f"connections.json names the chain {min(strange)}, no lending circle has it",
            "name chains of the consortium file",
        )


def _require_trust(home: Path, consortium: Consortium) -> None:
    path = home / "trust.json"
    try:
        trust = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    except FileNotFoundError as missing:
        raise SettingsError("not_found", f"{path} is missing", "make the home again with create_home") from missing
    except ValueError as wrong:
        raise SettingsError("malformed", f"{path} is not JSON", "restore it, or make it again") from wrong
    if str(trust.get("consortium_id", "")) != consortium.consortium_id.hex():
        raise SettingsError(
            "conflict", f"{path} is of another consortium than consortium.toml", "use files of one consortium"
        )


def _require_private(folder: Path) -> None:
    keys = folder / "keys"
    if not keys.is_dir():
        raise SettingsError("not_found", f"{keys} is missing", "make the organisation's keys, or do not serve it")
    for path in [*sorted(keys.iterdir()), *(folder / name for name in SECRET_NAMES)]:
        if path.exists():
            _require_mode(path)


def _require_mode(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & PRIVATE_MODE:
        raise SettingsError("forbidden", f"{path} can be read by others", f"chmod 600 {path}")
