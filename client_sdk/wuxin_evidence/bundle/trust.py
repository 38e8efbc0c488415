"""The trust file: what a verifier believes before it opens a bundle.

It is made from what the organisations published, compared by people, and never travels with the evidence.
``Trust`` is one frozen value; ``Trust.parse`` reads the file (any JSON spelling, so that it can be kept
pretty), ``to_json`` gives the object to write. A minimal example::

{"version": 1, "consortium_id": "<64 hex>", "name": "demo", "clock": {"kind": "system", "start_ms": 0,
"factor": 1}, "organisations": [{"name": "bank", "msp_id": "BankMSP", "roles": ["bank"], "certificates":
["<PEM>"]}], "facts": {"channel": "wuxin", "chaincode": "facts", "policy": {"n": 3, "organisations":
["BankMSP", "…"]}, "block_signers": [{"certificate": "<PEM>", "identifier": null}], "block_quorum": 1},
"chains": [{"name": "e1", "chain_id": 7001, "sealers": ["<40 hex>"], "feed": "<40 hex or null>"}],
"committees": [], "logs": [{"signer": "bank", "origin": "…", "suite": "sm2-sm3", "public_key": "<hex>"}]}

A chain that validators decide by vote has, in place of ``sealers``, ``consensus_id`` (the name of the chain that
every vote is for) and ``validators``: [{"public_key": "<64 hex, Ed25519>", "power": 1}, …]; more than two thirds of
the power must have voted. A chain of sealers may have ``quorum``: as many of them must have sealed a block (QBFT).
Any chain may have ``facility``, the address of CreditFacility; without it a bundle's rule pack is not shown to be a
facility's.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from wuxin_evidence.attestation import Committee
from wuxin_evidence.crypto.suites import suite
from wuxin_evidence.encoding.canonical import require_shallow
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import BlockSigner, Policy, load_certificate, parse_policy, peers_at_least

TRUST_VERSION = 1

TRUST_BYTES_MAX = 1024 * 1024
"""Largest trust file read; certificates of a hundred organisations stay below 200 kB."""

SCENARIO, SYSTEM = "scenario", "system"

_HEX = re.compile(r"([0-9a-f]{2})*")


@dataclass(frozen=True)
class TrustedOrganisation:
    """An organisation and the CA certificates (PEM text) that may issue its identities."""

    name: str
    msp_id: str
    roles: tuple[str, ...]
    certificates: tuple[str, ...]


@dataclass(frozen=True)
class TrustedFacts:
    """The ledger of facts: where, who must endorse (n of these MSP ids), who signs blocks and how many must."""

    channel: str
    chaincode: str
    policy_n: int
    policy_organisations: tuple[str, ...]
    block_signers: tuple[BlockSigner, ...]
    block_quorum: int = 1

    @property
    def policy(self) -> Policy:
        """The chaincode's endorsement policy: n of the organisations' peers."""
        return parse_policy(peers_at_least(self.policy_n, self.policy_organisations))


class TrustedValidator(NamedTuple):
    """One validator of a chain decided by vote: raw Ed25519 key (32 bytes) and voting power."""

    public_key: bytes
    power: int


@dataclass(frozen=True)
class TrustedChain:
    """One obligations chain: who decides its blocks, and AttestationFeed and CreditFacility by address (20 bytes),
    None until they are deployed.

    Either ``sealers`` (addresses: one of them seals each block, or ``quorum`` of them where that is set, as QBFT
    does), or ``validators`` whose votes name ``consensus_id``.
    """

    name: str
    chain_id: int
    sealers: tuple[bytes, ...]
    feed: bytes | None = None
    consensus_id: str = ""
    validators: tuple[TrustedValidator, ...] = ()
    quorum: int = 0
    facility: bytes | None = None


@dataclass(frozen=True)
class TrustedLog:
    """One evidence log: who signs its checkpoints under which origin, with which raw public key."""

    signer: str
    origin: str
    suite: str
    public_key: bytes


@dataclass(frozen=True)
class Trust:
    """Everything believed beforehand. ``clock`` says whether times are real (system) or replayed (scenario): {kind,
    start_ms, factor}, as block 0 of the facts and every bundle say it; with ``system`` 0 and 1.
    """

    consortium_id: bytes
    name: str
    clock: Mapping[str, Any]
    organisations: tuple[TrustedOrganisation, ...]
    facts: TrustedFacts
    chains: tuple[TrustedChain, ...]
    committees: tuple[Committee, ...]
    logs: tuple[TrustedLog, ...] = ()

    @property
    def roots(self) -> dict[str, list[bytes]]:
        """MSP id to CA certificates (PEM), as `wuxin_evidence.fabric` takes them."""
        return {each.msp_id: [pem.encode() for pem in each.certificates] for each in self.organisations}

    @property
    def is_scenario(self) -> bool:
        """Whether times in the evidence are those of a replayed scenario, so that certificates' dates say
        nothing.
        """
        return self.clock.get("kind") == SCENARIO

    def committee(self, epoch: int) -> Committee | None:
        """The committee of an epoch, None where the file does not know it."""
        return next((each for each in self.committees if each.epoch == epoch), None)

    def to_json(self) -> dict[str, Any]:
        """The object to write as the trust file; canonical JSON takes it as it is."""
        return {
            "version": TRUST_VERSION,
            "consortium_id": self.consortium_id.hex(),
            "name": self.name,
            "clock": dict(self.clock),
            "organisations": [
                {
                    "name": each.name,
                    "msp_id": each.msp_id,
                    "roles": list(each.roles),
                    "certificates": list(each.certificates),
                }
                for each in self.organisations
            ],
            "facts": _facts_json(self.facts),
            "chains": [_chain_json(each) for each in self.chains],
            "committees": [each.to_json() for each in self.committees],
            "logs": [
                {
                    "signer": each.signer,
                    "origin": each.origin,
                    "suite": each.suite,
                    "public_key": each.public_key.hex(),
                }
                for each in self.logs
            ],
        }

    @classmethod
    def parse(cls, raw: bytes) -> "Trust":
        """Read a trust file. Raises EvidenceError ``malformed`` or ``too_large``; nothing is taken in part."""
        if len(raw) > TRUST_BYTES_MAX:
            raise EvidenceError("too_large", f"a trust file of {len(raw)} bytes", f"at most {TRUST_BYTES_MAX}")
        require_shallow(raw)
        try:
            value: object = json.loads(raw, object_pairs_hook=_single_names)
        except (ValueError, RecursionError) as error:
            raise _malformed(f"not JSON: {error}") from error
        return cls.from_json(value)

    @classmethod
    def from_json(cls, value: object) -> "Trust":
        """Read ``to_json``'s form. Raises EvidenceError ``malformed``."""
        top = _object(
            value,
            "trust",
            ("version", "consortium_id", "name", "clock", "organisations", "facts", "chains", "committees", "logs"),
        )
        if top["version"] != TRUST_VERSION:
            raise _malformed(f"version {top['version']!r}")
        organisations = tuple(_organisation(each) for each in _list(top["organisations"]))
        committees = tuple(Committee.from_json(each) for each in _list(top["committees"]))
        # whoever reads by MSP id or epoch would otherwise take one of two, and not every reader the same one
        if len({each.msp_id for each in organisations}) != len(organisations):
            raise _malformed("an MSP id is listed twice")
        if len({each.epoch for each in committees}) != len(committees):
            raise _malformed("an epoch is listed twice")
        return cls(
            consortium_id=_hex(top["consortium_id"], 32),
            name=_text(top["name"]),
            clock=_clock(top["clock"]),
            organisations=organisations,
            facts=_facts(top["facts"]),
            chains=_distinct(tuple(_chain(each) for each in _list(top["chains"]))),
            committees=committees,
            logs=tuple(_log(each) for each in _list(top["logs"])),
        )


def _facts_json(facts: TrustedFacts) -> dict[str, Any]:
    return {
        "channel": facts.channel,
        "chaincode": facts.chaincode,
        "policy": {"n": facts.policy_n, "organisations": list(facts.policy_organisations)},
        "block_signers": [
            {"certificate": signer.certificate_pem.decode(), "identifier": signer.identifier}
            for signer in facts.block_signers
        ],
        "block_quorum": facts.block_quorum,
    }


def _chain_json(chain: TrustedChain) -> dict[str, Any]:
    told: dict[str, Any] = {"name": chain.name, "chain_id": chain.chain_id}
    if chain.validators:
        told["consensus_id"] = chain.consensus_id
        told["validators"] = [{"public_key": each.public_key.hex(), "power": each.power} for each in chain.validators]
    else:
        told["sealers"] = [sealer.hex() for sealer in chain.sealers]
    if chain.quorum:
        told["quorum"] = chain.quorum
    if chain.facility is not None:
        told["facility"] = chain.facility.hex()
    return {**told, "feed": None if chain.feed is None else chain.feed.hex()}


def _clock(value: object) -> dict[str, Any]:
    """The whole statement: a bundle's manifest is compared with it, field by field."""
    fields = _object(value, "clock", ("kind", "start_ms", "factor"))
    times = _integer(fields["start_ms"]), _integer(fields["factor"])
    if fields["kind"] not in (SYSTEM, SCENARIO) or not times[1]:
        raise _malformed("clock must be system or scenario, with a factor from 1")
    if fields["kind"] == SYSTEM and times != (0, 1):
        raise _malformed("a system clock has start_ms 0 and factor 1")
    return fields


def _organisation(value: object) -> TrustedOrganisation:
    fields = _object(value, "organisation", ("name", "msp_id", "roles", "certificates"))
    certificates = tuple(_pem(each).decode() for each in _list(fields["certificates"]))
    if not certificates:
        raise _malformed(f"{fields['msp_id']!r} has no root certificate")
    roles = tuple(_text(role) for role in _list(fields["roles"]))
    return TrustedOrganisation(_text(fields["name"]), _text(fields["msp_id"]), roles, certificates)


def _facts(value: object) -> TrustedFacts:
    fields = _object(value, "facts", ("channel", "chaincode", "policy", "block_signers", "block_quorum"))
    policy = _object(fields["policy"], "policy", ("n", "organisations"))
    listed = [_object(each, "block signer", ("certificate", "identifier")) for each in _list(fields["block_signers"])]
    signers = tuple(
        BlockSigner(_pem(each["certificate"]), None if each["identifier"] is None else _integer(each["identifier"]))
        for each in listed
    )
    quorum = _integer(fields["block_quorum"])
    if not 1 <= quorum <= max(len(signers), 1):
        raise _malformed(f"a block quorum of {quorum} among {len(signers)} signers")
    # one orderer listed twice would count twice towards the quorum
    numbers = [signer.identifier for signer in signers if signer.identifier is not None]
    if len(set(numbers)) != len(numbers) or len({signer.certificate_pem for signer in signers}) != len(signers):
        raise _malformed("a block signer is listed twice")
    facts = TrustedFacts(
        _text(fields["channel"]),
        _text(fields["chaincode"]),
        _integer(policy["n"]),
        tuple(_text(each) for each in _list(policy["organisations"])),
        signers,
        quorum,
    )
    if not 1 <= facts.policy_n <= len(set(facts.policy_organisations)):
        raise _malformed(f"an endorsement policy of {facts.policy_n} of {len(facts.policy_organisations)}")
    return facts


def _chain(value: object) -> TrustedChain:
    named: dict[object, object] = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    if "validators" in named:
        return _voted_chain(named)
    by_quorum = "quorum" in named
    optional = [name for name in ("quorum", "facility") if name in named]
    fields = _object(named, "chain", ("name", "chain_id", "sealers", "feed", *optional))
    sealers = tuple(_hex(each, 20) for each in _list(fields["sealers"]))
    quorum = _integer(fields["quorum"]) if by_quorum else 0
    # QBFT tolerates fewer than a third that lie; a lower quorum would let two blocks of one height be sealed
    if by_quorum and not 0 < 2 * len(set(sealers)) <= 3 * quorum <= 3 * len(set(sealers)):
        raise _malformed(f"a quorum of {quorum} among {len(set(sealers))} sealers: at least two thirds must seal")
    name, chain_id = _text(fields["name"]), _integer(fields["chain_id"])
    feed, facility = _address(fields["feed"]), _address(fields.get("facility"))
    return TrustedChain(name, chain_id, sealers, feed, quorum=quorum, facility=facility)


def _distinct(chains: tuple[TrustedChain, ...]) -> tuple[TrustedChain, ...]:
    """A proof says of which chain it is: votes by the consensus id, a sealed block by its transaction's chain id.

    Before its feed is deployed a chain proves nothing, and its validators may not be named yet.
    """
    told = [each.consensus_id if each.validators else each.chain_id for each in chains if each.feed is not None]
    if len(set(told)) != len(told):
        raise _malformed("two chains that a proof cannot tell apart, by one consensus_id or one chain_id")
    return chains


def _voted_chain(named: dict[object, object]) -> TrustedChain:
    optional = ("facility",) if "facility" in named else ()
    fields = _object(named, "chain", ("name", "chain_id", "consensus_id", "validators", "feed", *optional))
    validators = tuple(_validator(each) for each in _list(fields["validators"]))
    if not validators or len({each.public_key for each in validators}) != len(validators):
        raise _malformed("a chain without validators, or with one listed twice")
    return TrustedChain(
        _text(fields["name"]),
        _integer(fields["chain_id"]),
        (),
        _address(fields["feed"]),
        _text(fields["consensus_id"]),
        validators,
        facility=_address(fields.get("facility")),
    )


def _validator(value: object) -> TrustedValidator:
    fields = _object(value, "validator", ("public_key", "power"))
    power = _integer(fields["power"])
    if not power:
        raise _malformed("a validator without power")
    return TrustedValidator(_hex(fields["public_key"], 32), power)


def _address(value: object) -> bytes | None:
    return None if value is None else _hex(value, 20)


def _log(value: object) -> TrustedLog:
    fields = _object(value, "log", ("signer", "origin", "suite", "public_key"))
    chosen = suite(_text(fields["suite"]))
    key = _hex(fields["public_key"], None)
    chosen.check_public_key(key)
    return TrustedLog(_text(fields["signer"]), _text(fields["origin"]), chosen.name, key)


def _single_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return dict(pairs)


def _object(value: object, what: str, names: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(cast("dict[object, object]", value)) != set(names):
        raise _malformed(f"{what} must be an object of {', '.join(names)}")
    return cast("dict[str, Any]", value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise _malformed("a list is expected")
    return cast("list[object]", value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise _malformed("a text of 1 to 256 characters is expected")
    return value


def _integer(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise _malformed("a whole number of 0 to 2^53-1 is expected")
    return value


def _hex(value: object, length: int | None) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or length not in (None, len(value) // 2):
        raise _malformed("lower-case hex without prefix, of the right length, is expected")
    return bytes.fromhex(value)


def _pem(value: object) -> bytes:
    if not isinstance(value, str):
        raise _malformed("a certificate is PEM text")
    load_certificate(value.encode())
    return value.encode()


def _malformed(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"trust file: {what}", "make it with the consortium's members, not from a bundle")
