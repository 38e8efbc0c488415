"""Packages that a part of this room needs and that the base installation does not bring.

Each such part asks for its package when it is imported, so that whoever opens an engine without it is told the command
that installs it, and not which import failed.
"""

from __future__ import annotations

from importlib.util import find_spec

from network.ports import Unavailable

EELS = "ethereum-execution==2.20.0"
"""The Ethereum specification. Its pins on coincurve and cryptography are older than the SDK's, so plain pip resolves it
beside nothing of ours; the extra `local` brings all that it needs but itself."""


def require_eels() -> None:
    """Raise Unavailable where an embedded obligations chain cannot run."""
    _require("ethereum", "an embedded obligations chain", f"pip install 'wuxin[local]'; pip install --no-deps {EELS}")


def require_grpc() -> None:
    """Raise Unavailable where no Hyperledger Fabric can be reached."""
    _require("grpc", "Hyperledger Fabric", "pip install 'wuxin[fabric]'")


def _require(module: str, what: str, command: str) -> None:
    if find_spec(module) is None:
        raise Unavailable(f"{what} needs the Python package {module}, which is not installed", command)
