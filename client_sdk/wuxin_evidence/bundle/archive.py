"""The evidence bundle: a zip with exactly one spelling.

``write_bundle(members, …)`` adds the manifest and lays everything out: names sorted, stored, dated 1980, no
extra fields, so that equal content is equal bytes and any stock unzip reads it. ``read_bundle`` walks the
entries, writes them again and compares with the input: a byte that belongs to no member cannot hide. A
member whose bytes differ from its checksum or from the manifest is named in ``altered``, and damage is read
no further.

Members (all optional but the first two): ``manifest.json attestation.cbor attestation.json profile.json
rulepack.json packs/<digest>.cose packs/devices.json log/{checkpoint,inclusion.json,consistency.json}
facts/{envelope,block}.pb facts/devices/<SHA-256 of device id>.{envelope,block}.pb
obligations/{header.rlp,receipt.rlp,proof.json}``, or by the engine ``obligations/comet/{header,next,commit,
transaction,result}.pb obligations/comet/place.json``, or ``obligations/unproven.json`` where there is no proof;
``terms/`` holds the same of the transaction that names the rule pack.
"""

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, cast

from wuxin_evidence.encoding.canonical import canonical_json, parse_canonical_json
from wuxin_evidence.errors import EvidenceError

BUNDLE_BYTES_MAX = 64 * 1024 * 1024
"""Largest bundle read; it is held in memory once, and an alarm's bundle is far below one MiB."""

MEMBERS_MAX = 8192
"""Most members read: a window of packs at one per second is 900."""

MANIFEST = "manifest.json"
FORMAT = "wuxin-evidence-1"
"""Name and version of this layout, as the manifest states it."""

MEMBER_NAME = re.compile(
    r"manifest\.json|attestation\.(cbor|json)|profile\.json|rulepack\.json"
    r"|packs/([0-9a-f]{64}\.cose|devices\.json)"
    r"|log/(checkpoint|inclusion\.json|consistency\.json)"
    r"|facts/(devices/[0-9a-f]{64}\.)?(envelope|block)\.pb"
    r"|(obligations|terms)/(header\.rlp|receipt\.rlp|proof\.json|unproven\.json)"
    r"|(obligations|terms)/comet/((header|next|commit|transaction|result)\.pb|place\.json)"
)
"""Every name a bundle may hold: a file that no check reads must not travel under our seal."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 20
_DATE_1980_01_01 = 0x21
_UNIX_REGULAR_0644 = 0o100644 << 16
_MADE_BY_UNIX = 3 << 8 | _VERSION


class _Entry(NamedTuple):
    name: str
    data: bytes
    checksum: int


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: members without the manifest, the manifest, and the names that are not as they were."""

    members: Mapping[str, bytes]
    manifest: Mapping[str, Any]
    altered: tuple[str, ...] = ()

    @property
    def consortium_id(self) -> str:
        """Hex id that the manifest claims."""
        return str(self.manifest.get("consortium_id", ""))

    def named(self, prefix: str, suffix: str) -> dict[str, bytes]:
        """Members between prefix and suffix, keyed by what stands between."""
        return {
            name[len(prefix) : -len(suffix)]: data
            for name, data in self.members.items()
            if name.startswith(prefix) and name.endswith(suffix)
        }


def device_member(device_id: str) -> str:
    """Stem of a device's enrolment in a bundle; add ``envelope.pb`` or ``block.pb``."""
    return f"facts/devices/{sha256(device_id.encode()).hexdigest()}."


def write_bundle(members: Mapping[str, bytes], *, consortium_id: bytes, clock: Mapping[str, Any]) -> bytes:
    """Bundle bytes for ``members`` (name to content); ``clock`` is the consortium's statement about its time.

    Raises EvidenceError ``malformed`` for a name outside the layout, ``too_large`` beyond the bounds.
    """
    manifest = canonical_json(
        {
            "clock": dict(clock),
            "consortium_id": consortium_id.hex(),
            "format": FORMAT,
            "members": {name: sha256(data).hexdigest() for name, data in members.items()},
        }
    )
    everything = {**members, MANIFEST: manifest}
    entries = [_Entry(name, data, zlib.crc32(data)) for name, data in sorted(everything.items())]
    for entry in entries:
        _require_name(entry.name)
    _require_bounds(len(entries), sum(len(entry.data) for entry in entries))
    return _zip(entries)


def read_bundle(raw: bytes) -> Bundle:
    """Read a bundle. Raises EvidenceError ``malformed`` or ``too_large`` when it is none: unreadable, not
    invalid.
    """
    _require_bounds(0, len(raw))
    entries = _entries(raw)
    if [entry.name for entry in entries] != sorted({entry.name for entry in entries}):
        raise _unreadable("names are repeated or out of order")
    if _zip(entries) != raw:
        raise _unreadable("the zip is not in its one deterministic form")
    members = {entry.name: entry.data for entry in entries}
    damaged = [entry.name for entry in entries if zlib.crc32(entry.data) != entry.checksum]
    if damaged:
        return Bundle({}, {}, tuple(damaged))
    if MANIFEST not in members:
        raise _unreadable("there is no manifest")
    manifest = _manifest(members.pop(MANIFEST))
    stated = cast(dict[str, str], manifest["members"])
    differing = [name for name in members if stated.get(name) != sha256(members[name]).hexdigest()]
    absent = [name for name in stated if name not in members]
    return Bundle(members, manifest, tuple(sorted({*differing, *absent})))


def _manifest(raw: bytes) -> dict[str, Any]:
    value = parse_canonical_json(raw)
    if not isinstance(value, dict):
        raise _unreadable("the manifest is not an object")
    manifest = cast(dict[str, Any], value)
    if set(manifest) != {"clock", "consortium_id", "format", "members"} or manifest["format"] != FORMAT:
        raise _unreadable(f"the manifest is not {FORMAT}")
    if not isinstance(manifest["members"], dict):
        raise _unreadable("the manifest lists no members")
    return manifest


def _entries(raw: bytes) -> list[_Entry]:
    """Follow the local headers from the first byte; whatever else there is must come out of ``_zip`` again."""
    entries: list[_Entry] = []
    at = 0
    while raw[at : at + 4] == b"PK\x03\x04" and len(raw) - at >= _LOCAL.size:
        fields = _LOCAL.unpack_from(raw, at)
        checksum, size, name_length = fields[6], fields[7], fields[9]
        start = at + _LOCAL.size + name_length
        if start + size > len(raw):
            raise _unreadable("a member ends after the file")
        name = raw[at + _LOCAL.size : start].decode("ascii", errors="replace")
        _require_name(name)
        entries.append(_Entry(name, raw[start : start + size], checksum))
        _require_bounds(len(entries), 0)
        at = start + size
    if not entries:
        raise _unreadable("this is not an evidence bundle")
    return entries


def _zip(entries: list[_Entry]) -> bytes:
    body, directory = bytearray(), bytearray()
    for name, data, checksum in entries:
        ascii_name = name.encode("ascii")
        shared = (_VERSION, 0, 0, 0, _DATE_1980_01_01, checksum, len(data), len(data), len(ascii_name), 0)
        directory += _CENTRAL.pack(b"PK\x01\x02", _MADE_BY_UNIX, *shared, 0, 0, 0, _UNIX_REGULAR_0644, len(body))
        directory += ascii_name
        body += _LOCAL.pack(b"PK\x03\x04", *shared) + ascii_name + data
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return bytes(body + directory + end)


def _require_name(name: str) -> None:
    if not MEMBER_NAME.fullmatch(name):
        raise EvidenceError("malformed", f"{name[:80]!r} has no place in a bundle", "use the documented layout")


def _require_bounds(members: int, size: int) -> None:
    if members > MEMBERS_MAX or size > BUNDLE_BYTES_MAX:
        raise EvidenceError(
            "too_large",
            f"a bundle of {members} members and {size} bytes",
            f"at most {MEMBERS_MAX} members and {BUNDLE_BYTES_MAX} bytes: ask for a shorter span",
        )


def _unreadable(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"not a readable bundle: {what}", "fetch it again with `wuxin evidence get`")
