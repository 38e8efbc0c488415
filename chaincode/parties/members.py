"""The members: who an organisation is, and which one stands behind a caller.

A caller shows a certificate of an MSP. Which organisation that is, and what roles it has, is state written by
`consortium.initialise`; nothing in a certificate or in an argument can claim a role.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.world import state
from chaincode.world.bounds import Count, Described, Organisation, Text, one_of
from chaincode.world.errors import Refusal
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import CONSORTIUM_KEY, Stub, member_key, msp_key

ROLES: Final = ("bank", "insurer", "manufacturer", "warehouse", "regulator", "inspector")

MspId = Annotated[str, Text(1, 64, r"[A-Za-z0-9.-]{1,64}", "an MSP id, letters, digits, dots and dashes")]
Role = Annotated[str, one_of(*ROLES)]
Uscc = Annotated[
    str,
    Text(18, 18, r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}", "a 统一社会信用代码 (GB 32100)"),
]

USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_MODULUS: Final = 31
USCC_WEIGHT_BASE: Final = 3


@dataclass(frozen=True)
class Membership:
    """What an organisation brings with it: its MSP, its code, its roles, and whether it runs a peer."""

    msp_id: Annotated[MspId, Described("MSP of the organisation's certificates.", "WarehouseMSP")]
    uscc: Annotated[
        Uscc, Described("统一社会信用代码 of the organisation.", "91310115MA3WUX3W6R", source="GB 32100-2015")
    ]
    roles: Annotated[
        tuple[Role, ...], Count(1, len(ROLES)), Described("What the organisation may do, each once.", ["warehouse"])
    ]
    endorses: Annotated[bool, Described("Whether the organisation runs a peer.", True)]


@dataclass(frozen=True, kw_only=True)
class Member(Stamped, Membership):
    """One organisation of the consortium."""

    organisation: Annotated[Organisation, Described("Name of the organisation in the consortium.", "warehouse")]


@dataclass(frozen=True)
class MspBinding:
    """What stands at `msp/<msp_id>`: whose MSP this is."""

    organisation: Annotated[Organisation, Described("The organisation behind the MSP.", "warehouse")]


def uscc_check_character(first_17: str) -> str:
    """The 18th character of a 统一社会信用代码 by GB 32100-2015: weights 3^i mod 31 over the first seventeen."""
    total = sum(
        USCC_ALPHABET.index(character) * pow(USCC_WEIGHT_BASE, place, USCC_MODULUS)
        for place, character in enumerate(first_17)
    )
    return USCC_ALPHABET[-total % USCC_MODULUS]


def require_uscc(uscc: str, path: str) -> None:
    """Refuse (`malformed`) a code whose check character is wrong."""
    expected = uscc_check_character(uscc[:17])
    if uscc[17] != expected:
        raise malformed(path, f"ends in {uscc[17]}, its check character is {expected}", "correct the 统一社会信用代码")


def caller_of(stub: Stub) -> Member:
    """The member behind the proposal; `conflict` before the consortium exists, `forbidden` for a stranger to it."""
    binding = state.find(stub, msp_key(stub.caller.msp_id), MspBinding)
    if binding is None:
        if stub.get(CONSORTIUM_KEY) is None:
            raise Refusal(
                "conflict", "this ledger has no consortium yet", "submit init_consortium first; nothing goes before it"
            )
        raise Refusal(
            "forbidden",
            f"{stub.caller.msp_id[:64]} is not a member of this consortium",
            "call as a member organisation",
        )
    return member(stub, binding.organisation)


def member(stub: Stub, organisation: str) -> Member:
    """The named organisation; `not_found` where it is no member."""
    return state.require(stub, member_key(organisation), Member)


def guard(stub: Stub, key: str, *guardians: Member) -> None:
    """Let the key be written only with a peer of each guardian; where they are one organisation, by the channel's rule.

    A key's own policy stands in place of the channel's, so AND of a single organisation would let an altered peer of it
    write whatever it likes: the channel's three of n is the stronger one.
    """
    msp_ids = tuple(dict.fromkeys(one.msp_id for one in guardians))
    stub.set_key_policy(key, msp_ids if len(msp_ids) > 1 else None)


def require_endorser(organisation: Member, what: str) -> None:
    """Refuse (`conflict`) to name in a key policy an organisation without a peer: nobody could ever write the key."""
    if not organisation.endorses:
        raise Refusal(
            "conflict",
            f"{organisation.organisation} runs no peer, so it cannot be {what}",
            "name an organisation that endorses, or let this one join the endorsers first",
        )
