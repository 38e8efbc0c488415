"""What a chaincode server is told at its start: which package it serves, where it listens, and its files for TLS.

    read_options(argv, environment)      checked Options, or ServerError: nothing listens

Without TLS only this machine's peers are served; with `--client-ca` only peers with a certificate from there.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wuxin_evidence.errors import NamedError

LOOPBACK: Final = ("127.0.0.1", "[::1]", "localhost")
CHAINCODE_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[.+_-][A-Za-z0-9]+)*:[0-9a-f]{64}")


class ServerError(NamedError):
    """The server cannot start with these options; nothing listens."""


@dataclass(frozen=True)
class Tls:
    """PEM: the server's certificate (chain) and key, and where the peers' certificates come from if they must show
    one."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None = None


@dataclass(frozen=True)
class Options:
    """What to serve as, and where. `address` is `host:port`; port 0 takes a free one."""

    chaincode_id: str
    address: str
    tls: Tls | None = None


def read_options(argv: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Options from the command line, else from the environment's CHAINCODE_ID and CHAINCODE_SERVER_ADDRESS.

    Raises ServerError: malformed, forbidden (open to others without TLS), not_found (a file).
    """
    given = _parser(environment).parse_args(argv)
    if CHAINCODE_ID.fullmatch(given.ccid) is None:
        hint = "pass the installed package's id, label:sha256, or set CHAINCODE_ID"
        raise ServerError("malformed", f"chaincode id {given.ccid!r}", hint)
    tls = _read_tls(given.tls_cert, given.tls_key, given.client_ca)
    _require_address(given.address, tls)
    return Options(given.ccid, given.address, tls)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaincode.server", description="Serve the facts to Fabric peers.")
    parser.add_argument("--ccid", default=environment.get("CHAINCODE_ID", ""), metavar="LABEL:SHA256")
    parser.add_argument("--address", default=environment.get("CHAINCODE_SERVER_ADDRESS", ""), metavar="HOST:PORT")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="this server's certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key (PEM)")
    parser.add_argument("--client-ca", type=Path, metavar="FILE", help="only peers with a certificate from here (PEM)")
    return parser


def _require_address(address: str, tls: Tls | None) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        hint = "pass --address host:port, or set CHAINCODE_SERVER_ADDRESS"
        raise ServerError("malformed", f"address {address!r}", hint)
    if tls is None and host not in LOOPBACK:
        detail = f"{host} is open to other machines, and there is no TLS"
        raise ServerError("forbidden", detail, "pass --tls-cert, --tls-key and --client-ca, or listen on 127.0.0.1")


def _read_tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        hint = "pass --tls-cert and --tls-key together, --client-ca only with both"
        raise ServerError("malformed", "half of the options for TLS", hint)
    try:
        tls = Tls(certificate.read_bytes(), key.read_bytes(), None if client_ca is None else client_ca.read_bytes())
        _require_pair(tls)
        if tls.client_ca is not None:
            x509.load_pem_x509_certificates(tls.client_ca)
    except OSError as error:
        detail = f"cannot read {error.filename}: {error.strerror}"
        raise ServerError("not_found", detail, "check the path and its rights") from error
    except (ValueError, TypeError) as error:
        hint = "pass PEM files, the key without a password"
        raise ServerError("malformed", "the files for TLS do not parse", hint) from error
    return tls


def _require_pair(tls: Tls) -> None:
    own = x509.load_pem_x509_certificates(tls.certificate)[0]
    if load_pem_private_key(tls.key, None).public_key() != own.public_key():
        raise ServerError("malformed", "the TLS key is not the certificate's", "pass the pair that belongs together")
    if own.not_valid_after_utc < datetime.now(UTC):
        detail = f"the TLS certificate expired at {own.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise ServerError("forbidden", detail, "issue a new certificate for this server")
