"""What an oracle member hands in when it relays an attestation, field by field.

    SignedStatement ─▶ the attestation with its signatures     packs, checkpoint, Inclusion ─▶ its evidence
    Consistency     ─▶ how the log grew from an anchored note

The fields are as `wuxin_evidence` writes them. Bounds here are loose where that room has a code of its own for what is
beyond them: `bad_signature` for a signature of another length, `too_large` for too many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.statements.anchors import NOTE_CHARS_MAX
from chaincode.statements.attestations import SubjectKind
from chaincode.world.bounds import Count, Described, Hash, Text, Whole
from wuxin_evidence.log.tree import PROOF_HASHES_MAX

ENVELOPE_CHARS_MAX = 1_500_000
PACKS_MAX = 2_000  # members admit 1000 for a slot and window; as many again that were late, each with the one before
LISTED_MAX = 1_000  # only bounds the reading: an attestation has 16 indicators and 16 signatures at most

Note = Annotated[str, Text(1, NOTE_CHARS_MAX)]
SubjectId = Annotated[str, Text(1, 128, r"[A-Za-z0-9][A-Za-z0-9:._/-]*", "the id of the slot, pledge or commodity")]
ProofPath = Annotated[tuple[Hash, ...], Count(0, PROOF_HASHES_MAX)]


@dataclass(frozen=True)
class StatedIndicator:
    """A named integer of an attestation."""

    id: Annotated[Hash, Described("keccak256 of its name with the unit's suffix.", example="3c" * 32)]
    value: Annotated[str, Text(1, 40), Described("Its value, in decimal text.", example="20000000")]
    quality_bp: Annotated[int, Whole(0), Described("How good the value is.", example=10000)]
    status: Annotated[int, Whole(0), Described("0 ok, 1 missing, 2 suspect.", example=0)]


@dataclass(frozen=True)
class Statement:
    """What the members said of one subject and window."""

    consortium_id: Annotated[Hash, Described("The consortium's id.", example="c0" * 32)]
    epoch: Annotated[int, Whole(0), Described("The committee's number.", example=1)]
    subject: Annotated[Hash, Described("The hash of the subject.", example="ab" * 32)]
    kind: Annotated[int, Whole(0), Described("0 scheduled, 1 alarm, 2 lien, 3 price.", example=0)]
    sequence: Annotated[int, Whole(0), Described("Window index · 2^16 + n.", example=119604117503, source="FORMATS 6")]
    window_start: Annotated[int, Whole(0), Described("When the window begins, UTC seconds.", example=1641110400)]
    window_end: Annotated[int, Whole(0), Described("When it ends, UTC seconds.", example=1641111300)]
    profile: Annotated[Hash, Described("The hash of the profile.", example="9e" * 32)]
    pack_root: Annotated[Hash, Described("The RFC 9162 head over the packs' digests.", example="7d" * 32)]
    pack_count: Annotated[int, Whole(0), Described("How many packs it cites.", example=3)]
    late_count: Annotated[int, Whole(0), Described("How many of them were late.", example=0)]
    indicators: Annotated[
        Annotated[tuple[StatedIndicator, ...], Count(0, LISTED_MAX)], Described("Its indicators, sorted by id.")
    ]


@dataclass(frozen=True)
class StatedSignature:
    """A member's two signatures over the digest; an empty text where there is none."""

    organisation: Annotated[str, Text(1, 64), Described("The member.", example="bank")]
    sm2: Annotated[str, Text(0, 1_024), Described("SM2 r‖s, hex: what the facts count.", example="3a" * 64)]
    secp256k1: Annotated[str, Text(0, 1_024), Described("r‖s‖v, hex: what the contracts count.", example="5b" * 65)]


@dataclass(frozen=True)
class SignedStatement:
    """An attestation and who signed it."""

    attestation: Annotated[Statement, Described("What was signed.")]
    signatures: Annotated[
        Annotated[tuple[StatedSignature, ...], Count(0, LISTED_MAX)], Described("The members' signatures.")
    ]


@dataclass(frozen=True)
class PackProof:
    """Where one pack is in a log."""

    digest: Annotated[Hash, Described("The pack's digest.", example="cd" * 32)]
    index: Annotated[int, Whole(0), Described("Its leaf.", example=12)]
    path: Annotated[ProofPath, Described("The RFC 9162 path to the checkpoint's root.", example=["ab" * 32])]


@dataclass(frozen=True)
class Inclusion:
    """Where the packs are in the log of the relaying member."""

    origin: Annotated[str, Text(1, NOTE_CHARS_MAX), Described("The log.", example="wuxin/1/…/logs/bank")]
    size: Annotated[int, Whole(0), Described("The checkpoint's size.", example=13)]
    proofs: Annotated[Annotated[tuple[PackProof, ...], Count(0, PACKS_MAX)], Described("One for each pack.")]


@dataclass(frozen=True)
class Consistency:
    """An anchored note of the same log, and the RFC 9162 path from it to the checkpoint."""

    note: Annotated[Note, Described("The anchored note.", example="wuxin/1/…/logs/bank\\n12\\n…")]
    path: Annotated[ProofPath, Described("The path, oldest first.", example=["ab" * 32])]


@dataclass(frozen=True)
class RelayAttestation:
    """A signed attestation with its evidence; evidence may come with a later relay, but never half of it."""

    attestation: Annotated[
        SignedStatement, Described("The signed attestation as `SignedAttestation.to_json` writes it.")
    ]
    subject_kind: Annotated[SubjectKind, Described("What it is about.", example="slot")]
    subject_id: Annotated[SubjectId, Described("Which one.", example="91310115MA3WUX3W6R/BIN-16")]
    packs: Annotated[
        tuple[Annotated[str, Text(1, ENVELOPE_CHARS_MAX)], ...],
        Count(0, PACKS_MAX),
        Described("The packs that it cites: COSE_Sign1 envelopes in base64.", example=["0oRD…"]),
    ] = ()
    checkpoint: Annotated[
        Note | None,
        Described("A checkpoint of the relaying member's own log.", example="wuxin/1/…/logs/bank\\n13\\n…"),
    ] = None
    inclusion: Annotated[Inclusion | None, Described("Where each pack stands in that log.")] = None
    consistency: Annotated[
        object,
        Described(
            "How the log grew from an anchored note: `from`, and the RFC 9162 `path`.",
            example={"from": "…", "path": ["ab" * 32]},
        ),
    ] = None
