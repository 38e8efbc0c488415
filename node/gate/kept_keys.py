"""API keys that come back after `local.db` was lost, from the files that they were issued into.

    local.db knows no key of an organisation ─▶ orgs/<org>/api-keys.json ─▶ the hashes of the keys in it

The file holds the keys themselves and no node starts while others can read it, so that it proves more than the
database did. What the file lacks stays lost: keys whose file was removed from the machine, and that a key was revoked.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from node.gate.access import ACKNOWLEDGE, CREDIT, FACTS, KEY_LIFETIME_S, KEY_PREFIX, ORACLE, READ
from node.stores.databases import Store
from node.stores.local_tables import api_key

SCOPES = frozenset({READ, FACTS, CREDIT, ORACLE, ACKNOWLEDGE})

_log = logging.getLogger(__name__)


def restore_api_keys(home: Path, local: Store, organisations: Sequence[str]) -> list[str]:
    """Take back the keys of organisations that `local.db` knows none of. Gives the organisations that have some again.

    A file that is not as it was issued is left alone and logged.
    """
    restored: list[str] = []
    for organisation in organisations:
        path = home / "orgs" / organisation / "api-keys.json"
        with local.write() as connection:
            known = connection.execute(select(api_key).where(api_key.c.organisation == organisation).limit(1)).first()
            if known is not None or not path.exists():
                continue
            try:
                rows = list(_rows(path, organisation))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
                _log.warning("%s gives back no key: %s; wuxin keys issue --org %s", path, problem, organisation)
                continue
            if rows:
                connection.execute(insert(api_key), rows)
                restored.append(organisation)
    return restored


def _rows(path: Path, organisation: str) -> Iterator[dict[str, Any]]:
    """The rows of keys that are still good. Raises ValueError and others for what `issue_api_keys` did not write."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["organisation"] != organisation:
        raise ValueError(f"it is of {document['organisation']}")
    now_s = time.time()
    for name, each in document["keys"].items():
        key, scopes, expires_at_s = each["key"], each["scopes"], each["expires_at_s"]
        if not key.startswith(KEY_PREFIX) or not SCOPES.issuperset(scopes) or type(expires_at_s) is not int:
            raise ValueError(f"the key {name} is not as it was issued")
        if now_s < expires_at_s <= now_s + KEY_LIFETIME_S:
            yield {
                "key_hash": hashlib.sha256(key.encode()).digest(),
                "organisation": organisation,
                "name": name,
                "scopes": scopes,
                "expires_at_s": expires_at_s,
                "revoked": False,
            }
