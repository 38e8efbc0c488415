"""What members tell one another over the broker: COSE_Sign1 by the member's SM2 key, each with a rising number.

    have     {slot, window, packs, late}                which packs I would cite for this window
    want     {to, packs}                                please publish these packs
    packs    {envelopes}                                here they are; admitted like any other
    signed   {statement, subject_kind, subject_id, packs, late, sm2, secp256k1}
    differs  {subject_id, kind, sequence, indicators, altered}

A note is bound to its consortium and author by the external data, which is also its topic. (boot, seq) must rise, so
a note cannot be played again. The broker may drop notes; it cannot write one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from wuxin_evidence.attestation import Committee
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.encoding import cbor
from wuxin_evidence.errors import EvidenceError, malformed
from wuxin_evidence.ids import IDENTIFIER_LENGTH_MAX
from wuxin_evidence.packs.pack import parse1, sign1, verify1

NOTE_SUITE = "sm2-sm3"
PACKS_BYTES_MAX = 512 * 1024
"""Envelopes in one `packs` note; half of what the decoder takes."""
DIGESTS_MAX = 8192
"""Packs that one window's statement may cite: nine a second at 900 s."""
COUNTER_END = 2**63
"""boot and seq stay below; how far a peer was heard is kept in signed 64-bit integers."""
DIFFERENCES_MAX = 16
"""Indicators that one `differs` note names; no statement has more."""
UNSOUND = (KeyError, TypeError, ValueError, OverflowError)
"""What a note of a shape that nobody foresaw may bring about; it is refused, and the member goes on."""
_KID = 4


@dataclass(frozen=True)
class Note:
    """A verified note."""

    organisation: str
    type: str
    boot: int
    seq: int
    body: Mapping[str, Any]


def notes_topic(consortium_id: bytes, organisation: str) -> str:
    """The MQTT topic on which a member publishes its notes."""
    return f"wuxin/1/{consortium_id.hex()}/members/{organisation}/notes"


class NoteWriter:
    """Signs this member's notes; `boot` must be higher than at any earlier start."""

    def __init__(self, consortium_id: bytes, organisation: str, key: SigningKey, boot: int) -> None:
        self.topic = notes_topic(consortium_id, organisation)
        self._organisation = organisation
        self._key = key
        self._boot = boot
        self._seq = 0

    def write(self, kind: str, body: Mapping[str, object]) -> bytes:
        """A signed note of that type, with the next number."""
        self._seq += 1
        payload = cbor.encode({"type": kind, "boot": self._boot, "seq": self._seq, "body": dict(body)})
        return sign1(self._key, {_KID: self._organisation.encode()}, payload, self.topic.encode())


def read_note(raw: bytes, topic: str, consortium_id: bytes, committees: Sequence[Committee]) -> Note:
    """Verify a note by the key of the member whose topic it came on, of the newest of `committees` that it is in.

    Raises `malformed`, `bad_signature`, `wrong_aad` (author is not the topic's member), `forbidden` (not a member).
    """
    kid = parse1(raw).protected.get(_KID)
    if not isinstance(kid, bytes):
        raise malformed("a note without its author's name as bytes", "put the organisation's name into the key id")
    author = str(kid, "ascii", "replace")
    if topic != notes_topic(consortium_id, author):
        raise EvidenceError("wrong_aad", f"a note of {author[:40]!r} on {topic[:200]}", "publish on one's own topic")
    newest_first = sorted(committees, key=lambda each: each.epoch, reverse=True)
    member = next(filter(None, (each.find(author) for each in newest_first)), None)
    if member is None:
        raise EvidenceError("forbidden", f"{author} is in no committee of epochs {[each.epoch for each in committees]}")
    message = verify1(raw, topic.encode(), member.sm2_public_key, NOTE_SUITE)
    fields = cbor.decode(message.payload)
    if not isinstance(fields, dict) or set(cast("dict[object, object]", fields)) != {"type", "boot", "seq", "body"}:
        raise malformed("a note is type, boot, seq and body")
    value = cast("dict[str, Any]", fields)
    countable = all(type(value[name]) is int and 0 <= value[name] < COUNTER_END for name in ("boot", "seq"))
    if not countable or not isinstance(value["body"], dict):
        raise malformed("a note's boot and seq are integers from 0 to 2^63-1, its body a map")
    return Note(author, str(value["type"]), value["boot"], value["seq"], cast("dict[str, Any]", value["body"]))


def digests(value: object) -> frozenset[bytes]:
    """A list of 32-byte digests from a note. Raises `malformed`."""
    items = cast("list[object]", value) if isinstance(value, list) else None
    if items is None or len(items) > DIGESTS_MAX or not all(isinstance(d, bytes) and len(d) == 32 for d in items):
        raise malformed(f"a list of at most {DIGESTS_MAX} digests is expected")
    return frozenset(cast("list[bytes]", items))


def read_differs(note: Note) -> dict[str, Any]:
    """What a member says that it computed differently, in the fields and sizes that are known. Raises `malformed`."""
    body = note.body
    rows, altered = body.get("indicators"), body.get("altered")
    numbers = (body.get("kind"), body.get("sequence"))
    if not isinstance(rows, list) or not isinstance(altered, list) or not all(type(each) is int for each in numbers):
        raise malformed("a differs note names kind, sequence, indicators and altered packs")
    return {
        "organisation": note.organisation,
        "subject_id": str(body.get("subject_id"))[:IDENTIFIER_LENGTH_MAX],
        "kind": body["kind"],
        "sequence": body["sequence"],
        "indicators": [_difference(each) for each in cast("list[object]", rows)[:DIFFERENCES_MAX]],
        "altered": sorted(digests(cast("list[object]", altered)[:DIFFERENCES_MAX])),
    }


def _difference(row: object) -> dict[str, object]:
    found: Mapping[str, object] = cast("Mapping[str, object]", row) if isinstance(row, dict) else {}
    shown: dict[str, object] = {"name": str(found.get("name"))[:IDENTIFIER_LENGTH_MAX]}
    for name in ("mine", "theirs"):
        value = found.get(name)
        shown[name] = value if type(value) is int else None
    return shown
