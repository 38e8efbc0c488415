"""An environment for fabric-sdk-py, apart from ours: its generated classes clash with the official ones.

`python()` gives the interpreter of `~/.cache/wuxin/hfc-<digest of the pins>/`, made at the first call: some seconds,
and some megabytes from the package index. fabric-sdk-py is known to run on Python 3.10 and 3.11.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("hfc_requirements.txt")
VERSIONS = ("3.11", "3.10")
INSTALL_TIMEOUT_S = 200


def python() -> Path:
    """The interpreter that can import `hfc`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wuxin"
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]
    place = cache / f"hfc-{digest}"
    with (cache / f"hfc-{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            shutil.rmtree(place, ignore_errors=True)
            _run(_interpreter(), "-m", "venv", str(place))
            _run(str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(REQUIREMENTS))
            _run(str(place / "bin/python"), "-c", "from hfc.fabric import Client")
            (place / "ready").touch()
    return place / "bin/python"


def _interpreter() -> str:
    candidates = [sys.executable] if sys.version_info[:2] in ((3, 11), (3, 10)) else []
    for version in VERSIONS:
        candidates += [f"python{version}", *map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/python"))]
    for each in candidates:
        if shutil.which(each) and not subprocess.run([each, "-c", ""], check=False, capture_output=True).returncode:
            return each
    raise RuntimeError(f"fabric-sdk-py needs Python {' or '.join(VERSIONS)}; none of these is here")


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
