"""What a command finds in a home: the addresses of what runs, and the API keys of its organisations."""

import json
from pathlib import Path
from typing import Any, cast

from network.membership.homes import home_of
from node.machine.processes import ENDPOINTS_FILE
from wuxin_client import Client
from wuxin_client.errors import Unavailable


def endpoints(home: Path) -> dict[str, Any]:
    """The content of run/endpoints.json; `unavailable` where nothing runs."""
    try:
        return cast(dict[str, Any], json.loads((home / ENDPOINTS_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise Unavailable("unavailable", f"nothing runs over {home}", f"start it: wuxin serve --home {home}") from None


def api_key(home: Path, org: str, name: str = "operator") -> str:
    """An API key of an organisation: `operator`, `reader`, or `oracle` where it has one."""
    file = home_of(home, org) / "orgs" / org / "api-keys.json"
    try:
        return cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))["keys"][name]["key"]
    except (FileNotFoundError, KeyError):
        raise Unavailable(
            "unauthenticated", f"{file} holds no key {name!r}", "found the home again, or ask its operator"
        ) from None


def client(home: Path, org: str) -> Client:
    """The running node of this organisation, as its operator sees it."""
    running = endpoints(home)
    return Client(running["nodes"].get(org, running["api"]), api_key(home, org))
