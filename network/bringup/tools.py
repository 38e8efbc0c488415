"""The commands that Python packages do not bring: Fabric's own, and the validator of the obligations chain.

    command("peer") ─▶ on PATH and new enough? ─▶ in the cache? ─▶ built once by Go from the committed go.mod
    provided(kit)   ─▶ the same for all commands of a kit, before anybody needs one

The cache is `~/.cache/wuxin/tools/<digest of go.mod and go.sum>/`, so another version never meets an old command. Two
processes that need the same commands build them once: the second waits at a file lock. A cold build takes some minutes.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import queue
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from network.bringup.progress import Progress
from network.locks import open_lock
from wuxin_evidence.errors import NamedError

FABRIC_VERSION_MIN = (3, 1)
"""The first releases with the peer's batch messages, which the chaincode server uses, and BFT ordering."""

FABRIC_VERSION = "3.1.1"
"""What the committed go.mod requires; Fabric's commands learn it from the linker only."""

BUILD_TIMEOUT_S = 1800.0
"""The validators take nine minutes on two cores with nothing cached."""
VERSION_TIMEOUT_S = 10.0
SHOW_EVERY_S = 1.0
"""A line that says how far a build is changes this often while Go says nothing."""


class ToolError(NamedError):
    """A command is neither installed nor could it be built."""

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__("unavailable", detail, hint)


@dataclass(frozen=True)
class Kit:
    """The commands that one go.mod builds, and which of those found on PATH will do instead."""

    folder: Path
    commands: frozenset[str]
    linker_flags: str
    environment: tuple[tuple[str, str], ...]
    usable: Callable[[Path], bool]
    instead: str

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what decides the build."""
        found = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            content = (self.folder / name).read_bytes()
            found.update(len(content).to_bytes(8, "big") + content)
        return found.hexdigest()


def command(name: str) -> Path:
    """Where the command is; it is built first where it is not. Raises ToolError."""
    for kit in kits():
        if name in kit.commands:
            return _installed(kit, name) or built(kit) / name
    raise ToolError(f"no command is named {name!r}", "this is a mistake in the program, not in the installation")


def built(kit: Kit) -> Path:
    """The folder with the kit's commands, built by Go unless it is there. Raises ToolError."""
    place = cache() / kit.digest
    if place.is_dir():
        return place
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(kit):
        for left in cache().glob(f"{kit.digest}.*.building"):  # of a build that was killed
            shutil.rmtree(left, ignore_errors=True)
        if not place.is_dir():
            _build(kit, place)
    return place


def provided(kit: Kit) -> Path | None:
    """The folder with the kit's commands, built where it lacks; None where PATH has them all. Raises ToolError."""
    return None if all(_installed(kit, name) for name in kit.commands) else built(kit)


def is_built(kit: Kit) -> bool:
    """Whether the cache has the kit's commands."""
    return (cache() / kit.digest).is_dir()


def cache() -> Path:
    """The folder of this user under which every build has a folder of its own."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "wuxin" / "tools"


def _build(kit: Kit, place: Path) -> None:
    """`go install` into a folder beside the place, which then takes its name: it is there whole or not at all."""
    go = shutil.which("go")
    names = ", ".join(sorted(kit.commands))
    if go is None:
        raise ToolError(f"{names}: not on PATH, and no Go to build them", kit.instead)
    beside = place.with_name(f"{place.name}.{secrets.token_hex(4)}.building")
    install = ["install", "-v", "-trimpath", "-buildvcs=false", "-ldflags", kit.linker_flags, "tool"]
    try:
        with Progress(f"building {names}") as progress:
            needed = len(
                _run_go(kit, [go, "list", "-deps", "tool"], {}, progress, "modules fetched", "go: downloading")
            )
            _run_go(kit, [go, *install], {"GOBIN": str(beside)}, progress, f"packages compiled, at most {needed}", "")
            missing = sorted(name for name in kit.commands if not (beside / name).is_file())
            if missing:
                raise _not_built(kit, f"{missing} were not made")
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _run_go(
    kit: Kit, argv: Sequence[str], environment: Mapping[str, str], progress: Progress, unit: str, counted: str
) -> list[str]:
    """Run Go in the kit's folder and count the lines of its standard error that begin with `counted`.

    Gives the lines of its standard output. Raises ToolError with Go's last words.
    """
    environment = {**os.environ, **dict(kit.environment), **environment}
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(
            argv, cwd=kit.folder, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as process,
    ):
        told = _watched(kit, process, progress, unit, counted)
        if process.wait():
            raise _not_built(kit, told[-1] if told else f"{argv[1]} failed and said nothing")
        out.seek(0)
        return out.read().splitlines()


def _watched(kit: Kit, process: subprocess.Popen[str], progress: Progress, unit: str, counted: str) -> list[str]:
    """The lines that a process wrote to standard error until it closed it, shown as progress meanwhile."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_forward, args=(process.stderr, lines), daemon=True).start()
    told: list[str] = []
    deadline = time.monotonic() + BUILD_TIMEOUT_S
    while True:
        with suppress(queue.Empty):
            line = lines.get(timeout=SHOW_EVERY_S)
            if line is None:
                return told
            told.append(line)
        if time.monotonic() > deadline:
            process.kill()
            raise _not_built(kit, f"it took over {BUILD_TIMEOUT_S:.0f} s")
        progress.show(f"{sum(each.startswith(counted) for each in told)} {unit}")


def _forward(stream: Iterable[str] | None, lines: queue.Queue[str | None]) -> None:
    for line in stream or ():
        if line.strip():
            lines.put(line.strip())
    lines.put(None)


def _not_built(kit: Kit, why: str) -> ToolError:
    return ToolError(f"building {kit.folder / 'go.mod'}: {why}", f"{kit.instead}; or look at `go env`")


@contextmanager
def _alone(kit: Kit) -> Generator[None]:
    """Wait until no other process builds the kit, and show that it is waited for: that may take minutes."""
    with open_lock(cache() / f"{kit.digest}.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with Progress(f"waiting for another process that builds {', '.join(sorted(kit.commands))}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


@functools.cache
def _installed(kit: Kit, name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found).absolute() if found is not None and kit.usable(Path(found).absolute()) else None


@functools.cache
def kits() -> tuple[Kit, ...]:
    """The commands of Fabric, and the validator."""
    here = Path(__file__).parent
    return (
        Kit(
            folder=here / "fabric" / "tools",
            commands=frozenset({"peer", "orderer", "configtxgen", "configtxlator", "osnadmin"}),
            linker_flags=f"-s -w -X github.com/hyperledger/fabric/common/metadata.Version={FABRIC_VERSION}",
            environment=(("CGO_ENABLED", "0"),),
            usable=_is_recent_fabric,
            instead="install Go 1.26, or put the commands of a Fabric release from 3.1 on PATH",
        ),
        Kit(
            folder=here / "cosmos" / "tools",
            commands=frozenset({"evmd"}),
            linker_flags="-s -w -checklinkname=0",
            environment=(),
            usable=_is_evmd,
            instead="install Go 1.26, or put evmd of cosmos/evm 0.3 on PATH",
        ),
    )


def _is_recent_fabric(path: Path) -> bool:
    path = path.with_name("orderer") if path.name == "osnadmin" else path  # osnadmin cannot tell its version
    flag = "-version" if path.name == "configtxgen" else "version"
    told = re.search(r"Version: v?(\d+)\.(\d+)", _told(path, flag))
    return told is not None and (int(told[1]), int(told[2])) >= FABRIC_VERSION_MIN


def _is_evmd(path: Path) -> bool:
    return re.match(r"v?0\.3\.", _told(path, "version").strip()) is not None


def _told(path: Path, flag: str) -> str:
    """What a program says about itself; nothing where it is something else altogether."""
    try:
        done = subprocess.run([path, flag], capture_output=True, text=True, check=False, timeout=VERSION_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout + done.stderr
