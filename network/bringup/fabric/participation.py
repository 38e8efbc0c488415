"""An orderer's admin REST (channel participation): which channels it orders, and joining one.

    GET  /participation/v1/channels/<channel>    200 it takes part, 404 it does not
    POST /participation/v1/channels              the channel's first block as the form part `config-block`; 201

It is served on mutual TLS: only certificates of the orderer's own organisation are let in.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import httpx

from network.bringup.fabric.layout import OrdererPlace
from network.bringup.listeners import address
from network.membership.seats import TlsIdentity, open_tls
from wuxin_evidence.errors import NamedError

DEADLINE_S = 10.0
OK, CREATED = 200, 201


class ParticipationError(NamedError):
    """An orderer did not join; `detail` says which, and what it answered."""

    def __init__(self, place: OrdererPlace, detail: str) -> None:
        super().__init__("unavailable", f"{place.name}: {detail}", f"read {place.folder / 'orderer.log'}")


async def join(place: OrdererPlace, channel: str, block: bytes) -> None:
    """Have the orderer take part in the channel, unless it does. Raises ParticipationError."""
    root = f"https://{address(place.admin_port)}/participation/v1/channels"
    context = _context(open_tls(place.home, place.organisation, "admin"))
    try:
        async with httpx.AsyncClient(verify=context, timeout=DEADLINE_S, trust_env=False) as client:
            found = await client.get(f"{root}/{channel}")
            if found.status_code == OK:
                return
            joined = await client.post(root, files={"config-block": ("first.block", block)})
    except httpx.HTTPError as error:
        raise ParticipationError(place, str(error) or type(error).__name__) from error
    if joined.status_code != CREATED:
        raise ParticipationError(place, f"{joined.status_code} {joined.text.strip()[:500]}")


def _context(own: TlsIdentity) -> ssl.SSLContext:
    """What Python can take a key from is a file; this one is gone when the context is made."""
    context = ssl.create_default_context(cadata=own.root.decode())
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        file = Path(folder) / "own.pem"
        file.write_bytes(own.key + own.certificate)
        context.load_cert_chain(file)
    return context
