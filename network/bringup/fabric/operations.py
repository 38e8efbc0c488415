"""The operations listener of a node: its metrics and its clock, over plain HTTP on the node's own machine."""

from __future__ import annotations

import asyncio
import email.utils
import http.client
import urllib.request
from dataclasses import dataclass

DEADLINE_S = 3.0
ANSWER_BYTES_MAX = 8 * 1024 * 1024

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A node's own machine is not looked for through a proxy."""


@dataclass(frozen=True)
class Metrics:
    """Prometheus samples by name and labels as written (`consensus_BFT_leader_id{channel="wuxin"}`), and the node's
    time in Unix seconds where it gave one."""

    samples: dict[str, float]
    clock_s: float | None

    def of_channel(self, name: str, channel: str) -> float | None:
        """Give a metric of a channel; None where the node does not tell it."""
        return self.samples.get(f'{name}{{channel="{channel}"}}')


async def metrics_of(address: str) -> Metrics | None:
    """The metrics at `host:port`; None where no node answers."""
    try:
        return await asyncio.to_thread(_fetch, address)
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _fetch(address: str) -> Metrics:
    with _DIRECT.open(f"http://{address}/metrics", timeout=DEADLINE_S) as answer:
        text = answer.read(ANSWER_BYTES_MAX).decode()
        date = answer.headers.get("Date")
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    clock_s = email.utils.parsedate_to_datetime(date).timestamp() if date else None
    return Metrics({name: float(value) for name, _, value in lines}, clock_s)
