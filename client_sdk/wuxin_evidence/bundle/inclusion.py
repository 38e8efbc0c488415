"""Where packs are in an evidence log: one proof per pack, all under one checkpoint.

    {"origin", "size", "proofs": [{"digest", "index", "path"}]}   as a relay hands it in and a bundle carries it

The node asks before it keeps a relay, ``verify`` asks again of the bundle: both with the same words, so that what one
takes the other does not refuse.
"""

from collections.abc import Mapping
from typing import Any, cast

from wuxin_evidence.bundle.case import hex_bytes
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.checkpoint import Checkpoint
from wuxin_evidence.log.tree import leaf_hash, verify_inclusion
from wuxin_evidence.packs.pack import Pack


def require_included(inclusion: Mapping[str, Any], packs: Mapping[str, Pack], checkpoint: Checkpoint) -> None:
    """Each pack, named by its digest in hex, has exactly one proof, and that leads to the checkpoint's root.

    Raises EvidenceError ``malformed`` for another form, ``proof_invalid`` for what does not hold.
    """
    if set(inclusion) != {"origin", "size", "proofs"}:
        raise EvidenceError("malformed", "inclusion proofs of another form", "give origin, size and proofs")
    if (inclusion["origin"], inclusion["size"]) != (checkpoint.origin, checkpoint.size):
        raise EvidenceError("proof_invalid", "inclusion proofs for another checkpoint", "ask the log again")
    proofs = [_proof(each) for each in _list(inclusion["proofs"])]
    if sorted(digest for digest, _, _ in proofs) != sorted(packs):
        raise EvidenceError("proof_invalid", "the inclusion proofs are of other packs", "one proof for each pack")
    for digest, index, path in proofs:
        verify_inclusion(leaf_hash(packs[digest].sig_structure), index, checkpoint.size, path, checkpoint.root)


def path_hashes(value: object) -> list[bytes]:
    """The path of a proof, as JSON has it: a list of hashes in lower-case hex. Raises ``malformed``."""
    return [hex_bytes(each, "a hash of a proof") for each in _list(value)]


def _proof(value: object) -> tuple[str, int, list[bytes]]:
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(fields) != {"digest", "index", "path"} or type(fields["index"]) is not int:
        raise EvidenceError("malformed", "a proof of inclusion of another form", "give digest, index and path")
    return str(fields["digest"]), fields["index"], path_hashes(fields["path"])


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise EvidenceError("malformed", "a proof of the log is a list", "ask the log again")
    return cast("list[object]", value)
