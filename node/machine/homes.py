"""What a command finds in a home: the addresses of what runs, and the API keys of its organisations."""

import json
from pathlib import Path
from typing import Any, cast

from network.membership.consortium import Consortium
from network.membership.homes import home_of
from node.machine.processes import ENDPOINTS_FILE, is_served
from wuxin_client import Client
from wuxin_client.errors import NotFound, Unavailable


def endpoints(home: Path) -> dict[str, Any]:
    """The content of run/endpoints.json; `unavailable` where nothing runs, or not all of it yet."""
    try:
        return cast(dict[str, Any], json.loads((home / ENDPOINTS_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        if is_served(home):
            hint = "wait until `wuxin serve` prints its addresses"
            raise Unavailable("unavailable", f"what runs over {home} is still starting", hint) from None
        raise Unavailable("unavailable", f"nothing runs over {home}", f"start it: wuxin serve --home {home}") from None


def api_key(home: Path, org: str, name: str = "operator") -> str:
    """An API key of an organisation: `operator`, `reader`, or `oracle` where it has one.

    Raises `not_found` naming the organisations where this is none of them, `unauthenticated` where it has no such key.
    """
    file = home_of(home, org) / "orgs" / org / "api-keys.json"
    try:
        return cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))["keys"][name]["key"]
    except (FileNotFoundError, KeyError):
        names = [each.name for each in Consortium.load(home).organisations]
        if org not in names:
            hint = f"organisations of {home} are {', '.join(names)}"
            raise NotFound("not_found", f"no organisation is named {org!r}", hint) from None
        hint = f"wuxin keys issue --org {org} --home {home}, where the keys of {org} are"
        raise Unavailable("unauthenticated", f"{file} holds no key {name!r}", hint) from None


def client(home: Path, org: str) -> Client:
    """The running node of this organisation, as its operator sees it."""
    running = endpoints(home)
    return Client(running["nodes"].get(org, running["api"]), api_key(home, org))
