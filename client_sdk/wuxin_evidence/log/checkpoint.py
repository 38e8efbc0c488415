"""Checkpoints of the evidence log: C2SP tlog-checkpoint text in a C2SP signed note.

    sign_checkpoint(Checkpoint(origin, size, root), signer_name, key) -> note bytes
    open_checkpoint(note, verifiers) -> Checkpoint      at least one known signature, and no known one wrong

The note is the text (origin, size, root in base64, each on its line), an empty line, and one line per signature:
an em dash, the signer's name, and base64 of 4 bytes key id and the signature. The key id is the first four bytes of
SHA-256(name || 0x0A || type || public key). Type is 0x01 for Ed25519; C2SP has no SM2 or P-256, so they use the type
it leaves free, 0xff, followed by our own `wuxin-` name of the suite.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wuxin_evidence.crypto.suites import EDDSA, SigningKey, suite
from wuxin_evidence.errors import EvidenceError, malformed, too_large
from wuxin_evidence.log.tree import HASH_BYTES, TREE_SIZE_MAX

NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 64
"""Signature lines looked at; a log is cosigned by the members of one consortium."""
NAME = re.compile(r"[^\s+]{1,256}")
"""A signer's name or an origin as C2SP has it: no white space and no plus sign."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]{1,256}) ([A-Za-z0-9+/]+={0,2})")
_KEY_ID_BYTES = 4


@dataclass(frozen=True)
class Checkpoint:
    """The state of one log: its origin (a name unique to the log), its number of leaves, its root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.origin):
            raise malformed(f"log origin {self.origin[:80]!r}", "a name without spaces, such as wuxin/bank/packs")
        if not 0 <= self.size <= TREE_SIZE_MAX:
            raise malformed(f"tree size {self.size}")
        if len(self.root) != HASH_BYTES:
            raise malformed("the root of a checkpoint is 32 bytes")

    def text(self) -> str:
        """The signed text, ending with a newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class Verifier:
    """A signer that is known: its name, suite and raw public key."""

    name: str
    suite: str
    public_key: bytes

    def key_id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        kind = b"\x01" if self.suite == EDDSA.name else b"\xffwuxin-" + self.suite.encode()
        named = self.name.encode() + b"\n" + kind + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]


def sign_checkpoint(checkpoint: Checkpoint, signer_name: str, key: SigningKey) -> bytes:
    """The signed note. Raises `malformed` for a name that a note cannot carry."""
    if not NAME.fullmatch(signer_name):
        raise malformed(f"signer name {signer_name[:80]!r}", "no white space and no plus sign")
    text = checkpoint.text()
    key_id = Verifier(signer_name, key.suite, key.public_key).key_id()
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return f"{text}\n— {signer_name} {signature}\n".encode()


def open_checkpoint(note: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Verify a note and read its checkpoint.

    Signatures of unknown signers are ignored, as C2SP says. Raises `malformed` for another form, and
    `bad_signature` when no known signer signed or a known signer's signature does not fit.
    """
    text, lines = _split(note)
    signed = False
    for name, key_id, signature in lines:
        for verifier in verifiers:
            if verifier.name == name and verifier.key_id() == key_id:
                suite(verifier.suite).verify(verifier.public_key, text.encode(), signature)
                signed = True
    if not signed:
        raise EvidenceError("bad_signature", "no known signer signed this checkpoint", "give the log's key")
    fields = text[:-1].split("\n")
    # C2SP lets extension lines follow the root; this reader knows none, and what it does not know it does not sign for
    if len(fields) != 3 or not _SIZE.fullmatch(fields[1]):
        raise malformed("a checkpoint has three lines: origin, size, root")
    return Checkpoint(fields[0], int(fields[1]), _base64(fields[2]))


def _split(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note) > NOTE_BYTES_MAX:
        raise too_large("checkpoint bytes", len(note), NOTE_BYTES_MAX)
    try:
        decoded = note.decode("utf-8")
    except UnicodeError as error:
        raise malformed("a checkpoint is UTF-8 text") from error
    head, separator, tail = decoded.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise malformed("a checkpoint is text, an empty line, and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise too_large("signatures of a checkpoint", len(lines), SIGNATURES_MAX)
    signatures: list[tuple[str, bytes, bytes]] = []
    for line in lines:
        match = _SIGNATURE_LINE.fullmatch(line)
        if not match:
            raise malformed("a signature line is an em dash, a name and base64")
        raw = _base64(match[2])
        signatures.append((match[1], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]))
    return head + "\n", signatures


def _base64(text: str) -> bytes:
    """Strict: the one spelling of these bytes, so that a changed character is a changed note."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed("not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise malformed("base64 with stray bits", "encode it again")
    return raw
