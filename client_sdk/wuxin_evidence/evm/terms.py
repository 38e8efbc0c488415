"""The terms of a facility, as the call of `CreditFacility.propose` carries them.

Terms stand in the call data and in no event, so the transaction is what binds a facility to its rule pack. `Terms` has
members of fixed size only; the ABI then lays them out one word of 32 bytes after the other, behind the selector.
"""

from typing import NamedTuple

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import keccak256

TERMS = (
    "(address,address,address,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,uint64,uint96,uint16,uint16,"
    "uint16,uint32,uint128,uint128,uint32,uint32,uint32,uint64,bytes32)"
)
"""Types of ICreditFacility.Terms, in the order of its members."""

PROPOSE = keccak256(f"propose(bytes32,bytes32,{TERMS})".encode())[:4]
"""Selector of `propose(commandId, facilityId, terms)`."""

_WORDS = 2 + TERMS.count(",") + 1
_FACILITY, _SUBJECTS, _RULE_PACK = 1, (7, 8, 9), 24
"""Places of the words that bind a rule pack: `quantitySubject`, `lienSubject`, `priceSubject` among them."""


class ProposedTerms(NamedTuple):
    """A facility's id, its quantity, lien and price subjects, and the hash of its rule pack; 32 bytes each."""

    facility: bytes
    subjects: tuple[bytes, ...]
    rule_pack: bytes


def read_proposal(call_data: bytes) -> ProposedTerms:
    """Read what a call of `propose` binds. Raises EvidenceError ``malformed`` for any other call."""
    if call_data[:4] != PROPOSE or len(call_data) != 4 + 32 * _WORDS:
        raise EvidenceError("malformed", "the call proposes no facility", "carry the call of CreditFacility.propose")
    words = [call_data[at : at + 32] for at in range(4, len(call_data), 32)]
    return ProposedTerms(words[_FACILITY], tuple(words[place] for place in _SUBJECTS), words[_RULE_PACK])
