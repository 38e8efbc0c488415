"""The chaincode package: what an organisation installs on its peer, which is where its chaincode server listens.

Under chaincode-as-a-service a package holds no code but an address and the certificates of the way there. It is built
from a label and a `ServerAddress` alone and always to the same bytes, so its id is known before anything is
installed, and the chaincode server can be started under it:

    package = build(label_of("facts", source_version()), ServerAddress("127.0.0.1:9999", tls))
    package.package_id         what the server must be started with (its CCID) and what the organisation approves
    await peer.install(package)

What the peers agree on is the definition, whose version is `source_version`; addresses differ per organisation, and
so do package ids. `write_builder` writes the three programs by which a peer reads such a package.

Trust: with mutual TLS the package contains the peer's client key. It goes from an organisation to its own peer only.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import struct
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import chaincode
import wuxin_evidence
from network.bringup.tools import ToolError
from wuxin_evidence.errors import NamedError

BUILDER_NAME = "ccaas"
"""A package stays bound to the builder that took it, by name: another name would orphan what is installed."""

DIAL_TIMEOUT = "3s"
"""How long a peer tries to reach its chaincode server, which is next to it, before it answers that it cannot."""

LABEL_VERSION_CHARACTERS = 16
"""Of the version in the label: enough to tell versions apart; the package id itself is a whole digest."""

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, no operating system."""

_STORED_BYTES_MAX = 0xFFFF

_LABEL = re.compile(r"[A-Za-z0-9]+(?:[.+_-][A-Za-z0-9]+)*")


class PackageError(NamedError):
    """The package cannot be built; nothing was written."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__("malformed", detail, hint)


@dataclass(frozen=True)
class ServerTls:
    """How a peer knows its chaincode server, and the server the peer: PEM.

    `server_name` is the name looked for in the server's certificate where it is not the address; Fabric honours it
    only with mutual TLS.
    """

    root: bytes = field(repr=False)
    client_certificate: bytes | None = field(default=None, repr=False)
    client_key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None


@dataclass(frozen=True)
class ServerAddress:
    """Where a peer dials its chaincode server: `host:port`; without `tls` in clear, for the same machine only."""

    address: str
    tls: ServerTls | None = None


@dataclass(frozen=True)
class Package:
    """A package, where it leads, and the id that Fabric gives it: label, colon, SHA-256 of the bytes in hex."""

    label: str
    server: ServerAddress
    raw: bytes = field(repr=False)

    @property
    def package_id(self) -> str:
        """The id under which peers know the package: its label and the SHA-256 of its bytes."""
        return f"{self.label}:{hashlib.sha256(self.raw).hexdigest()}"


def build(label: str, server: ServerAddress) -> Package:
    """The package of this label for a server there. Raises PackageError for a label Fabric would refuse, half of a
    client's pair, or a server name without one."""
    if _LABEL.fullmatch(label) is None:
        raise PackageError(f"label {label!r}", "letters and digits, joined by single . + _ or -")
    code = _archive({"connection.json": _json(_connection(server))})
    metadata = _json({"type": BUILDER_NAME, "label": label, "path": ""})
    return Package(label, server, _archive({"metadata.json": metadata, "code.tar.gz": code}))


def label_of(chaincode_name: str, version: str) -> str:
    """The label of a version: readable in every list of installed packages."""
    return f"{chaincode_name}_{version[:LABEL_VERSION_CHARACTERS]}"


def source_version() -> str:
    """SHA-256 (hex) over the chaincode's source and the evidence code that it runs: two organisations with the same
    version run the same code."""
    digest = hashlib.sha256()
    for package in (chaincode, wuxin_evidence):
        root = Path(package.__file__ or "").parent
        for source in sorted(root.rglob("*.py")):
            content = hashlib.sha256(source.read_bytes()).hexdigest()
            digest.update(f"{package.__name__}/{source.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def write_builder(directory: Path) -> None:
    """Write bin/detect, bin/build and bin/release under `directory`, which is the builder's `path` in core.yaml.

    Raises ToolError where a program that they use is not on PATH: the peer would then try Docker, and blame that.
    """
    for name in BUILDER_USES:
        if shutil.which(name) is None:
            raise ToolError(f"{name} is not on PATH", f"the peers install chaincode by {', '.join(BUILDER_USES)}")
    programs = directory / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name, script in _BUILDER.items():
        program = programs / name
        program.write_text(script, "utf-8")
        program.chmod(0o755)  # a builder without the execute bit is passed over without a word


BUILDER_USES = ("sh", "grep", "cp", "mkdir")
"""Programs of every system, which a container without a shell may lack all the same."""

_BUILDER = {
    "detect": """#!/bin/sh
# detect SOURCE METADATA: whether the package is ours
exec grep -q '"type" *: *"ccaas"' "$2/metadata.json"
""",
    "build": """#!/bin/sh
# build SOURCE METADATA OUTPUT: there is nothing to compile, only an address to keep
exec cp "$1/connection.json" "$3/connection.json"
""",
    "release": """#!/bin/sh
# release OUTPUT RELEASE: the place where the peer looks for the server
mkdir -p "$2/chaincode/server" && exec cp "$1/connection.json" "$2/chaincode/server/connection.json"
""",
}


def _connection(server: ServerAddress) -> dict[str, object]:
    found: dict[str, object] = {"address": server.address, "dial_timeout": DIAL_TIMEOUT, "tls_required": False}
    if server.tls is None:
        return found
    tls = server.tls
    found |= {"tls_required": True, "root_cert": tls.root.decode(), "client_auth_required": False}
    if tls.client_certificate is None or tls.client_key is None:
        if tls.client_certificate or tls.client_key or tls.server_name:
            raise PackageError("half a client", "give certificate and key; a server name only with both")
        return found
    found |= {
        "client_auth_required": True,
        "client_cert": tls.client_certificate.decode(),
        "client_key": tls.client_key.decode(),
    }
    return found | ({"domain": tls.server_name} if tls.server_name else {})


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _archive(files: dict[str, bytes]) -> bytes:
    """A .tar.gz of these files, without times, owners or anything else of this machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return _compressed(plain.getvalue())


def _compressed(raw: bytes) -> bytes:
    """Gzip (RFC 1952) of stored blocks (RFC 1951, 3.2.4): what a compressor makes depends on its version, and then
    so would the package id."""
    pieces = [raw[start : start + _STORED_BYTES_MAX] for start in range(0, len(raw), _STORED_BYTES_MAX)]
    blocks = [
        struct.pack("<BHH", number == len(pieces), len(piece), len(piece) ^ 0xFFFF) + piece
        for number, piece in enumerate(pieces, start=1)
    ]
    return b"".join((_GZIP_HEADER, *blocks, struct.pack("<II", zlib.crc32(raw), len(raw))))
