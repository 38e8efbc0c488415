"""What the checks of ``verify`` share: the opened bundle, the trust file, and three kinds of note.

A check is a generator over a ``Case``. It yields ``Checked`` for what it has shown, ``Missing`` for what it
would have needed, ``Assumed`` for what nobody can show from these bytes, and raises EvidenceError for what
is wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, cast

from wuxin_evidence.attestation import Attestation, SignedAttestation
from wuxin_evidence.bundle.archive import Bundle
from wuxin_evidence.bundle.members import DeviceKey
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.encoding.canonical import parse_canonical_json
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import Pack, parse_pack


class Checked(NamedTuple):
    """Shown by this verifier from the bundle and the trust file alone."""

    detail: str


class Missing(NamedTuple):
    """Not in the bundle or not in the trust file, so not shown."""

    detail: str


class Assumed(NamedTuple):
    """Believed, because no bundle of this kind can show it; the detail says whom one believes."""

    detail: str


Note: TypeAlias = Checked | Missing | Assumed


@dataclass(frozen=True)
class Case:
    """One bundle before one verifier; ``trust`` is None where none was given."""

    bundle: Bundle
    trust: Trust | None
    read: set[str] = field(default_factory=set[str])
    """Names of the members that a check has asked for; ``verify`` refuses a bundle with any other."""

    @cached_property
    def signed(self) -> SignedAttestation:
        """The attestation with its signatures. Raises EvidenceError ``malformed`` or ``not_found``."""
        raw = self.member("attestation.cbor")
        if raw is None:
            raise EvidenceError("not_found", "the bundle holds no attestation", "ask for the evidence of one")
        return SignedAttestation.from_cbor(raw)

    @property
    def attestation(self) -> Attestation:
        """The statement under the signatures. Raises what ``signed`` raises."""
        return self.signed.attestation

    @cached_property
    def packs(self) -> Mapping[str, Pack]:
        """Packs by the digest their name claims (hex). Raises EvidenceError ``malformed`` where it is
        another's.
        """
        packs: dict[str, Pack] = {}
        for claimed, envelope in self.bundle.named("packs/", ".cose").items():
            self.read.add(f"packs/{claimed}.cose")
            pack = parse_pack(envelope, self.attestation.consortium_id)
            # a pack under another's digest would pass for the one that the log proves
            if pack.digest.hex() != claimed:
                raise EvidenceError("malformed", f"packs/{claimed}.cose is another pack", "name it by its digest")
            packs[claimed] = pack
        return packs

    @cached_property
    def device_keys(self) -> Mapping[str, DeviceKey]:
        """Keys that the bundle claims for its devices; shown by the devices check. Raises ``malformed``."""
        keys: dict[str, DeviceKey] = {}
        for name, value in (self.json("packs/devices.json") or {}).items():
            fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
            if set(fields) != {"suite", "public_key"} or not isinstance(fields["suite"], str):
                raise EvidenceError("malformed", f"packs/devices.json: {name}", "give suite and public_key of each")
            keys[name] = DeviceKey(fields["suite"], hex_bytes(fields["public_key"], f"the public key of {name}"))
        return keys

    def member(self, name: str) -> bytes | None:
        """One member's bytes, None where the bundle has no such member. A check asks for all that it judges before it
        gives up on any, because a member that nobody asked for makes the bundle invalid.
        """
        self.read.add(name)
        return self.bundle.members.get(name)

    def json(self, name: str) -> dict[str, Any] | None:
        """One member read as a canonical JSON object. Raises EvidenceError ``malformed``."""
        raw = self.member(name)
        return None if raw is None else json_object(raw, name)


Check: TypeAlias = Callable[[Case], Iterator[Note]]


def json_object(raw: bytes, what: str) -> dict[str, Any]:
    """Bytes as a canonical JSON object. Raises EvidenceError ``malformed``."""
    value: object = parse_canonical_json(raw)
    if not isinstance(value, dict):
        raise EvidenceError("malformed", f"{what} is not an object", "take it from the node again")
    return cast("dict[str, Any]", value)


def hex_bytes(value: object, what: str) -> bytes:
    """Lower-case hex as bytes. Raises EvidenceError ``malformed``."""
    if isinstance(value, str):
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            raw = b""
        if raw.hex() == value:
            return raw
    raise EvidenceError("malformed", f"{what} is not lower-case hex", "take it from the node again")
