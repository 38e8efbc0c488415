"""Certificates in files, and those that nodes show: which has run out, or soon will.

An expired certificate is the usual reason for a network that worked yesterday; peers and clients then speak of failed
handshakes and malformed creators, never of the file.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509

from network.bringup.fabric.doctor.findings import Finding
from network.membership.connections import FabricNode

WARNING_DAYS = 30
"""Time to have certificates issued, distributed and, for an orderer, written into the channel's configuration."""

HANDSHAKE_DEADLINE_S = 3.0


def examine_files(paths: Iterable[Path], now_ms: int) -> Iterator[Finding]:
    """What is wrong with the certificates in these PEM files."""
    for path in paths:
        try:
            certificates = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            yield Finding(
                "error", str(path), f"cannot be read as certificates: {error}", "restore it, or issue it anew"
            )
            continue
        for certificate in certificates:
            yield from examine(certificate, str(path), now_ms)


def examine(certificate: x509.Certificate, place: str, now_ms: int) -> Iterator[Finding]:
    """What is wrong with one certificate's dates."""
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    whose = certificate.subject.rfc4514_string()
    left = certificate.not_valid_after_utc - now
    if left < datetime.timedelta():
        yield Finding("error", place, f"{whose} expired {_date(certificate.not_valid_after_utc)}", _RENEW)
    elif left < datetime.timedelta(days=WARNING_DAYS):
        detail = f"{whose} expires {_date(certificate.not_valid_after_utc)}, in {left.days} days"
        yield Finding("warning", place, detail, _RENEW)
    if certificate.not_valid_before_utc > now:
        detail = f"{whose} is not valid before {_date(certificate.not_valid_before_utc)}"
        yield Finding("error", place, detail, "see whether the clock of this machine is right")


async def shown_by(node: FabricNode) -> x509.Certificate | None:
    """The certificate that a node shows to whoever connects, unchecked; None where nothing answers with one."""
    host, _, port = node.address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to look at what fails verification elsewhere; nothing is sent over it
    try:
        async with asyncio.timeout(HANDSHAKE_DEADLINE_S):
            _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    except (OSError, TimeoutError, ValueError):
        return None
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(shown) if shown else None


async def listens(address: str) -> bool:
    """Whether anything takes connections at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(HANDSHAKE_DEADLINE_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError, ValueError):
        return False
    writer.transport.abort()
    return True


_RENEW = "have the organisation's authority issue a new certificate for the same key, put it there, restart its program"


def _date(when: datetime.datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M UTC")
