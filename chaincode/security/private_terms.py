"""Private terms: the commercial side of a pledge, known to its two parties and to nobody else's ledger.

Both parties agree on one salted document off the ledger. The pledgor hands it in (transient field `terms`) when it
proposes, the pledgee when it accepts; each copy goes to its own organisation's implicit collection. What every peer
knows is the SHA-256 of each copy, and accepting compares the two. The salt keeps a short document from being guessed
from its hash. Trust: a peer that simulates the proposal sees the document in passing and must forget it; parties that
cannot accept that hand in only the hash of the real document here.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Final, cast

from chaincode.parties.members import Member
from chaincode.world.bounds import PledgeId
from chaincode.world.errors import Refusal
from chaincode.world.stub import Stub, implicit_collection, pledge_key
from wuxin_evidence.codepoints import HIDDEN
from wuxin_evidence.encoding.canonical import parse_canonical_json

TRANSIENT_FIELD: Final = "terms"

TERMS_BYTES_MAX: Final = 32 * 1024
"""A page of agreed numbers and references; contracts themselves are kept elsewhere and hashed."""

SALT_PATTERN: Final = r"[0-9a-f]{32,128}"


def require_terms(stub: Stub) -> bytes:
    """The salted terms that came with the proposal; `malformed` or `too_large`."""
    terms = stub.transient.get(TRANSIENT_FIELD)
    if terms is None:
        hint = 'pass {"salt": "<16 to 64 random bytes in hex>", …} as canonical JSON in the transient field'
        raise Refusal("malformed", f"the transient field {TRANSIENT_FIELD} is missing", hint)
    if len(terms) > TERMS_BYTES_MAX:
        raise Refusal("too_large", f"the terms have {len(terms)} bytes", f"stay within {TERMS_BYTES_MAX} bytes")
    document: object = parse_canonical_json(terms)
    salt = cast("dict[str, object]", document).get("salt") if isinstance(document, dict) else None
    # Amount and rate alone are quickly tried through; with the salt the hash on the ledger tells an outsider nothing.
    if not isinstance(salt, str) or re.fullmatch(SALT_PATTERN, salt) is None:
        raise Refusal(
            "malformed", "the terms have no salt", "add the field salt, 16 to 64 random bytes in lower-case hex"
        )
    # canonical JSON spells names and texts out, but escapes controls: so the texts are looked through, not the bytes
    hidden = next(
        (found for text in _texts(cast("object", document)) if (found := HIDDEN.search(text)) is not None), None
    )
    if hidden is not None:
        hint = "names and texts of the terms stand on one line, without control or invisible characters"
        raise Refusal("malformed", f"the terms have U+{ord(hidden[0]):04X} in a name or a text", hint)
    return terms


def _texts(document: object) -> Iterator[str]:
    """Every name and text of a document, in its order."""
    open_values = [document]
    while open_values:
        value = open_values.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            members = cast("dict[str, object]", value)
            yield from members
            open_values.extend(reversed(members.values()))
        elif isinstance(value, list):
            open_values.extend(reversed(cast("list[object]", value)))


def require_same(stub: Stub, terms: bytes, pledge_id: PledgeId, other: Member) -> None:
    """Refuse (`conflict`) terms that are not byte for byte what the other party handed in."""
    theirs = stub.get_private_hash(implicit_collection(other.msp_id), pledge_key(pledge_id))
    if theirs != hashlib.sha256(terms).digest():
        raise Refusal(
            "conflict",
            f"these terms are not those that {other.organisation} proposed for pledge {pledge_id}",
            "agree on one document, salt included, and pass the same bytes",
        )


def write_copy(stub: Stub, terms: bytes, pledge_id: PledgeId, party: Member) -> None:
    """Put the terms into the party's own implicit collection."""
    stub.put_private(implicit_collection(party.msp_id), pledge_key(pledge_id), terms)


def read_copy(stub: Stub, pledge_id: PledgeId, party: Member) -> object:
    """A party's own copy, from its own peer; `not_found` where it has handed in none."""
    copy = stub.get_private(implicit_collection(party.msp_id), pledge_key(pledge_id))
    if copy is None:
        raise Refusal("not_found", f"{party.organisation} has handed in no terms", "propose or accept the pledge first")
    return parse_canonical_json(copy)
