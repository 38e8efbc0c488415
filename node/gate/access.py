"""Access: who may call what. Each operation declares it, and a path without an operation does not exist.

    Authorization: Bearer wx_… ─▶ SHA-256 ─▶ api_key row ─▶ Principal(organisation, scopes)
    scopes and roles of the operation ─▶ allow, or a problem

A key is 256 random bits, so its plain SHA-256 tells a thief of the database nothing. It belongs to one
organisation; the organisation of a command is always the key's, never a field of the body. Roles come from the
consortium file and only spare a caller the way to the ledger: chaincode and contracts check again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, insert, select

from network.membership.consortium import Consortium, Organisation
from node.gate.problems import Problem
from node.stores.databases import Store
from node.stores.local_tables import LOCAL, api_key

KEY_PREFIX = "wx_"
KEY_BYTES = 32
KEY_LIFETIME_S = 90 * 86_400  # a quarter: long enough for a pilot, short enough that renewal is practised
SEEN_TTL_S = 2.0  # a revoked or new key is noticed within this time
SEEN_KEYS_MAX = 10_000

READ, FACTS, CREDIT, ORACLE, ACKNOWLEDGE = "read", "facts", "credit", "oracle", "acknowledge"


@dataclass(frozen=True)
class Principal:
    """Who calls: one organisation, one of its keys, and what that key may do until ``expires_at_s``."""

    organisation: str
    key_name: str
    roles: frozenset[str]
    scopes: frozenset[str]
    expires_at_s: int


class Authenticator:
    """Turns a bearer key into a Principal and decides on routes; keeps what it saw for ``SEEN_TTL_S``."""

    def __init__(self, local: Store, consortium: Consortium, served: Sequence[str]) -> None:
        self._local = local
        self._roles = {each.name: frozenset(each.roles) for each in consortium.organisations}
        self._served = frozenset(served)
        self._seen: dict[bytes, tuple[float, Principal]] = {}

    def remembered(self, header: str | None) -> Principal | None:
        """The principal of a key seen a moment ago; touches no database."""
        found = self._seen.get(_hash_of(header))
        if found is None or time.monotonic() - found[0] > SEEN_TTL_S:
            return None
        return found[1]

    def identify(self, header: str | None) -> Principal:
        """The principal behind an Authorization header, or the problem ``unauthenticated``."""
        key_hash = _hash_of(header)
        with self._local.read() as connection:
            row = connection.execute(select(api_key).where(api_key.c.key_hash == key_hash)).first()
        if row is None or row.revoked or row.expires_at_s <= time.time():
            raise _unauthenticated("the key is unknown, revoked or expired")
        if row.organisation not in self._served:
            raise Problem(
                "forbidden",
                f"this node does not serve {row.organisation}",
                "send the request to the node of your own organisation",
            )
        principal = Principal(
            row.organisation,
            row.name,
            self._roles.get(row.organisation, frozenset()),
            frozenset(row.scopes),
            row.expires_at_s,
        )
        # Only keys that hold are remembered, so that guesses cannot push them out.
        if len(self._seen) >= SEEN_KEYS_MAX:
            self._seen.clear()
        self._seen[key_hash] = (time.monotonic(), principal)
        return principal


def decide(principal: Principal, what: str, scopes: frozenset[str], roles: frozenset[str]) -> None:
    """Allow a call or raise ``forbidden``: one of the scopes, and one of the roles unless there are none."""
    if not scopes & principal.scopes:
        wanted = " or ".join(sorted(scopes))
        raise Problem(
            "forbidden",
            f"the key {principal.key_name} of {principal.organisation} lacks the scope {wanted}",
            f"{what} needs a key of {principal.organisation} that has the scope {wanted}",
        )
    if roles and not roles & principal.roles:
        raise Problem(
            "forbidden",
            f"{principal.organisation} is none of: {', '.join(sorted(roles))}",
            f"let an organisation with one of these roles do {what}",
        )


def issue_api_keys(home: Path, organisations: Collection[str] | None = None) -> None:
    """Make fresh keys for these organisations (None: all): ``orgs/<org>/api-keys.json`` (0600), hashes in ``local.db``.

    An organisation gets ``operator`` and ``reader``; an oracle organisation also ``oracle``. Keys issued before
    by this function stop working.
    """
    consortium = Consortium.load(home / "consortium.toml")
    store = Store(home / "local.db", LOCAL, durable=True)
    try:
        for organisation in consortium.organisations:
            if organisations is None or organisation.name in organisations:
                _issue_for(home, store, organisation)
    finally:
        store.close()


def _issue_for(home: Path, store: Store, organisation: Organisation) -> None:
    wanted = {"operator": [READ, FACTS, CREDIT, ACKNOWLEDGE], "reader": [READ]}
    if organisation.oracle:
        wanted["oracle"] = [READ, ORACLE]
    expires_at_s = int(time.time()) + KEY_LIFETIME_S
    written: dict[str, dict[str, object]] = {}
    rows: list[dict[str, object]] = []
    for name, scopes in wanted.items():
        key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        written[name] = {"key": key, "scopes": scopes, "expires_at_s": expires_at_s}
        rows.append(
            {
                "key_hash": _hash_of(f"Bearer {key}"),
                "organisation": organisation.name,
                "name": name,
                "scopes": scopes,
                "expires_at_s": expires_at_s,
                "revoked": False,
            }
        )
    _write_private(
        home / "orgs" / organisation.name / "api-keys.json",
        json.dumps({"organisation": organisation.name, "keys": written}, indent=2),
    )
    with store.write() as connection:
        connection.execute(delete(api_key).where(api_key.c.organisation == organisation.name))
        connection.execute(insert(api_key), rows)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _hash_of(header: str | None) -> bytes:
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.startswith(KEY_PREFIX):
        raise _unauthenticated("the request carries no key of this node")
    return hashlib.sha256(key.strip().encode()).digest()


def _unauthenticated(detail: str) -> Problem:
    return Problem(
        "unauthenticated", detail, "send the header Authorization: Bearer wx_… with a key of your organisation"
    )
