"""Why does nothing work? The doctor asks every node of the network and names what is wrong, where, and what to do.

Fabric's own answer to most faults is "no combination of peers can satisfy the endorsement policy". Behind it stands a
peer that is down or has not joined, an anchor peer that the channel does not know, a package that is not installed or
not approved, a chaincode server under another id, a certificate that has run out, a clock, an ordering service without
a leader. `examine` looks for each of these, at all nodes at once, within seconds, and changes nothing:

    findings = await examine(expected)
    print(as_text(findings))
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence

from cryptography import x509

from network.bringup.fabric.admin import PeerAdmin
from network.bringup.fabric.doctor.certificates import examine as examine_certificate
from network.bringup.fabric.doctor.certificates import examine_files
from network.bringup.fabric.doctor.chaincode import examine_server
from network.bringup.fabric.doctor.channel import examine_channel
from network.bringup.fabric.doctor.clocks import compare_clocks
from network.bringup.fabric.doctor.findings import Expected, ExpectedPeer, Finding, as_json, as_text, in_order
from network.bringup.fabric.doctor.orderers import OrdererLook, compare_orderers, examine_silent, look_at_orderers
from network.bringup.fabric.doctor.peers import PROBE, PeerLook, compare, look_at_peer
from network.bringup.fabric.refusals import AdminError
from wuxin_evidence.fabric import NONCE_BYTES, Proposal, propose

__all__ = ["as_json", "as_text", "examine"]


async def examine(expected: Expected, *, now_ms: int | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong, errors first; `now_ms` is what this machine believes the time to be."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    looks, servers, orderers = await asyncio.gather(
        _look_at_peers(expected, now_ms),
        asyncio.gather(*(_examine_server(peer) for peer in expected.peers)),
        look_at_orderers(expected, now_ms),
    )
    found = [
        *_in_files(expected, now_ms),
        *_of_administrators(expected, now_ms),
        *compare(looks, expected.wanted),
        *compare_orderers(orderers, expected.wanted.channel),
        *await examine_silent(orderers, now_ms),
        *compare_clocks(_skews_s(looks, orderers)),
    ]
    for look, server in zip(looks, servers, strict=True):
        found += server
        # The server's own answer says more than what its peer makes of it.
        found += [each for each in look.found if not (server and each.place.startswith("chaincode."))]
    return in_order([*found, *await _channel(expected, looks)])


async def _look_at_peers(expected: Expected, now_ms: int) -> list[PeerLook]:
    probe = _probe(expected, now_ms)
    return await asyncio.gather(*(look_at_peer(peer, expected, probe, now_ms) for peer in expected.peers))


async def _examine_server(peer: ExpectedPeer) -> list[Finding]:
    return [each async for each in examine_server(peer)]


def _skews_s(looks: Sequence[PeerLook], orderers: Sequence[OrdererLook]) -> dict[str, float]:
    skews = {
        **{look.peer.name: look.clock_skew_s for look in looks},
        **{look.orderer.name: look.clock_skew_s for look in orderers},
    }
    return {name: skew_s for name, skew_s in skews.items() if skew_s is not None}


def _in_files(expected: Expected, now_ms: int) -> Iterable[Finding]:
    files = {path for node in (*expected.peers, *expected.orderers) for path in node.certificates}
    return examine_files(sorted(files.union(expected.clients)), now_ms)


def _of_administrators(expected: Expected, now_ms: int) -> Iterator[Finding]:
    """An expired administrator is refused everywhere, as if every peer were at fault."""
    signers = {each.organisation: each for each in (*(peer.admin for peer in expected.peers), expected.signer) if each}
    for organisation, signer in sorted(signers.items()):
        certificate = x509.load_pem_x509_certificate(signer.certificate_pem)
        yield from examine_certificate(certificate, f"admin.{organisation}", now_ms)


async def _channel(expected: Expected, looks: Sequence[PeerLook]) -> list[Finding]:
    """The configuration at the first peer that has the channel."""
    for look in looks:
        if look.info is None:
            continue
        async with PeerAdmin(look.peer.node, look.peer.admin or expected.signer) as peer:
            try:
                block = await peer.config_block(expected.wanted.channel)
            except AdminError:
                continue
        return list(examine_channel(block, expected.wanted.channel, expected.peers))
    return []


def _probe(expected: Expected, now_ms: int) -> Proposal:
    """One proposal for all peers, so that their answers can be compared byte by byte."""
    return propose(
        channel=expected.wanted.channel,
        chaincode=expected.wanted.name,
        creator=expected.signer.identity,
        nonce=secrets.token_bytes(NONCE_BYTES),
        timestamp_ms=now_ms,
        args=PROBE,
    )
