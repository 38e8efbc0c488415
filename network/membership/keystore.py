"""Secrets on disk: one directory per organisation, one sealed JSON file per duty.

A file is an envelope {format, organisation, name, kdf, cipher, nonce, sealed}: the secrets, a JSON object of texts,
under AES-256-GCM with a key from scrypt over the organisation's passphrase. The files of one organisation share a
salt, so opening several costs one scrypt; each has its own subkey (HKDF over its name), and organisation and name
are authenticated, so a file cannot stand in for another. A file that others may read is refused before it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from wuxin_evidence.errors import NamedError

FORMAT = "wuxin-keys-1"

SCRYPT_N = 2**14
"""16 MiB and about 50 ms: six seats open within a second, a guess costs the same each."""
SCRYPT_N_MAX = 2**20
SCRYPT_R, SCRYPT_P = 8, 1
SCRYPT_MEMORY_MAX = 2**31 - 1

FILE_BYTES_MAX = 64 * 1024


class KeystoreError(NamedError):
    """Keys cannot be opened. Codes: keystore_missing, keystore_mode, keystore_passphrase, keystore_damaged."""


class Keystore:
    """The sealed files in `directory`, of one organisation, under one passphrase."""

    def __init__(self, directory: Path, organisation: str, passphrase: str) -> None:
        self._directory = directory
        self._organisation = organisation
        self._passphrase = passphrase.encode()
        self._derived: dict[tuple[int, bytes], bytes] = {}
        self._salt = secrets.token_bytes(16)

    def holds(self, name: str) -> bool:
        """Whether there is a sealed file of this name."""
        return self._path(name).exists()

    def seal(self, name: str, content: Mapping[str, str]) -> None:
        """Write a new file, mode 0600; an existing one is never overwritten (FileExistsError)."""
        nonce = secrets.token_bytes(12)
        plain = json.dumps(dict(content)).encode()
        cipher = AESGCM(self._file_key(SCRYPT_N, self._salt, name))
        envelope = {
            "format": FORMAT,
            "organisation": self._organisation,
            "name": name,
            "kdf": {"name": "scrypt", "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": self._salt.hex()},
            "cipher": "aes-256-gcm",
            "nonce": nonce.hex(),
            "sealed": cipher.encrypt(nonce, plain, self._bound_to(name)).hex(),
        }
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._path(name), json.dumps(envelope, indent=1).encode())

    def open(self, name: str) -> dict[str, str]:
        """The secrets of one file. Raises KeystoreError."""
        envelope = _read_envelope(self._path(name))
        try:
            n, salt = int(envelope["kdf"]["n"]), bytes.fromhex(envelope["kdf"]["salt"])
            nonce, sealed = bytes.fromhex(envelope["nonce"]), bytes.fromhex(envelope["sealed"])
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self._path(name)) from error
        if envelope.get("format") != FORMAT or not SCRYPT_N <= n <= SCRYPT_N_MAX or n & (n - 1):
            raise _damaged(self._path(name))
        try:
            plain = AESGCM(self._file_key(n, salt, name)).decrypt(nonce, sealed, self._bound_to(name))
        except (InvalidTag, ValueError) as error:
            raise KeystoreError(
                "keystore_passphrase",
                f"{self._path(name)} does not open with the passphrase of {self._organisation}",
                "give the right passphrase; if it is right, the file was altered: restore it from a backup",
            ) from error
        return cast(dict[str, str], json.loads(plain))

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _bound_to(self, name: str) -> bytes:
        return f"{FORMAT}/{self._organisation}/{name}".encode()

    def _file_key(self, n: int, salt: bytes, name: str) -> bytes:
        root = self._derived.get((n, salt))
        if root is None:
            root = hashlib.scrypt(
                self._passphrase, salt=salt, n=n, r=SCRYPT_R, p=SCRYPT_P, maxmem=SCRYPT_MEMORY_MAX, dklen=32
            )
            self._derived[(n, salt)] = root
        return HKDFExpand(hashes.SHA256(), 32, self._bound_to(name)).derive(root)


def read_private(path: Path) -> bytes:
    """A small file that only its owner may read.

    Raises KeystoreError `keystore_missing`, `keystore_mode`, `keystore_damaged` (a folder).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise KeystoreError(
            "keystore_missing", f"{path} does not exist", "make the organisation's keys, or name the right home"
        ) from error
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _damaged(path)
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            raise KeystoreError("keystore_mode", f"{path} has mode {mode:04o}; others may read it", f"chmod 600 {path}")
        return file.read(FILE_BYTES_MAX)


def write_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, durable before its name appears. Raises FileExistsError."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(beside)
    finally:
        beside.unlink()


def _read_envelope(path: Path) -> dict[str, Any]:
    try:
        envelope = json.loads(read_private(path))
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(envelope, dict):
        raise _damaged(path)
    return cast(dict[str, Any], envelope)


def _damaged(path: Path) -> KeystoreError:
    return KeystoreError("keystore_damaged", f"{path} is not a sealed key file", "restore it from a backup")
