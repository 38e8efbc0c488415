"""The first transaction: who we are.

`initialise` writes the consortium, its members, the MSP each of them calls from, and the first committee. Before it the
ledger accepts nothing else; after it, it is refused. Whoever submits it must be one of the members it names.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.access import ANYONE
from chaincode.declaration import command
from chaincode.parties import committee
from chaincode.parties.committee import SetCommittee
from chaincode.parties.members import Member, Membership, MspBinding, require_uscc
from chaincode.world import state
from chaincode.world.bounds import Count, Described, Hash, Milliseconds, Organisation, Whole, Words, one_of
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.fields import malformed
from chaincode.world.state import Stamped
from chaincode.world.stub import CONSORTIUM_KEY, Stub, member_key, msp_key

ORGANISATIONS_MAX: Final = 64
"""They are all written in one transaction."""

DAY_OFFSET_S_MAX: Final = 86_399
"""Less than a day, and not below zero: the contracts count days in unsigned numbers. UTC−5 is 19 hours."""

CLOCK_FACTOR_MAX: Final = 100_000
"""A day in under a second; beyond it the windows of an oracle would close faster than it can sign."""


@dataclass(frozen=True)
class ClockSetting:
    """`system`, or `scenario` running from `start_ms` at `factor` times real time; stamped into the ledger."""

    kind: Annotated[str, one_of("system", "scenario"), Described("Which clock the consortium lives by.", "scenario")]
    start_ms: Annotated[Milliseconds, Described("Where the scenario begins.", 1_641_100_000_000)] = 0
    factor: Annotated[
        int,
        Whole(1, CLOCK_FACTOR_MAX),
        Described("How much faster than real time the scenario runs.", 60, unit="times"),
    ] = 1


@dataclass(frozen=True)
class FoundingMember(Membership):
    """One founding member."""

    name: Annotated[Organisation, Described("Name of the organisation in the consortium.", "warehouse")]


@dataclass(frozen=True)
class ConsortiumIdentity:
    """What a consortium is, for as long as its ledger lasts."""

    consortium_id: Annotated[
        Hash, Described("32 random bytes, the salt of every signature of the oracle (FORMATS §3).", "5c" * 32)
    ]
    name: Annotated[Words, Described("Name of the consortium, for people.", "长三角铜仓单联盟")]
    clock: Annotated[ClockSetting, Described("The clock by which all members live.")]
    day_offset_s: Annotated[
        int, Whole(0, DAY_OFFSET_S_MAX), Described("Offset at which its business days begin; +08:00 is 28800.", 28_800)
    ]


@dataclass(frozen=True)
class InitConsortium(ConsortiumIdentity):
    """The argument of `init_consortium`."""

    organisations: Annotated[
        tuple[FoundingMember, ...], Count(1, ORGANISATIONS_MAX), Described("The founding members.")
    ]
    committee: Annotated[SetCommittee, Described("The first oracle committee; its epoch is 1.")]


@dataclass(frozen=True, kw_only=True)
class Consortium(Stamped, ConsortiumIdentity):
    """The consortium in the state."""


@command(
    "init_consortium",
    on="consortium",
    creates=True,
    path="",
    roles=ANYONE,
    events=("consortium_initialised", "member_joined", "committee_set"),
    problems=("conflict", "forbidden"),
    en="Found the consortium: its members, their roles and the first committee.",
    zh="创建联盟：成员、角色与首届委员会。",
)
def initialise(stub: Stub, _caller: Member | None, wanted: InitConsortium) -> Consortium:
    """Found the consortium; nobody is a member yet, so the caller is known by its MSP alone.

    Errors: malformed, conflict (founded already), forbidden (not one of the members it names).
    """
    if stub.get(CONSORTIUM_KEY) is not None:
        raise Refusal(
            "conflict", "this ledger has its consortium already", "use another channel for another consortium"
        )
    _require_sound(wanted)
    if stub.caller.msp_id not in {one.msp_id for one in wanted.organisations}:
        raise Refusal(
            "forbidden", "the caller is not among the organisations it names", "let a member submit init_consortium"
        )

    consortium = Consortium(
        consortium_id=wanted.consortium_id,
        name=wanted.name,
        clock=wanted.clock,
        day_offset_s=wanted.day_offset_s,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )
    members = tuple(_member(stub, one) for one in wanted.organisations)
    first = committee.recorded(stub, wanted.committee)

    state.write(stub, CONSORTIUM_KEY, consortium)
    for one in members:
        state.write(stub, member_key(one.organisation), one)
        state.write(stub, msp_key(one.msp_id), MspBinding(one.organisation))
    committee.write_committee(stub, first)

    joined = (Event("member_joined", "member", one.organisation, {"roles": one.roles}) for one in members)
    emit(
        stub,
        Event("consortium_initialised", "consortium", consortium.consortium_id, {"clock": consortium.clock}),
        *joined,
        Event("committee_set", "committee", str(first.epoch), {"active_from_s": first.active_from_s}),
    )
    return consortium


def require_consortium(stub: Stub) -> Consortium:
    """The consortium, or `not_found`."""
    return state.require(stub, CONSORTIUM_KEY, Consortium)


def _member(stub: Stub, founding: FoundingMember) -> Member:
    return Member(
        organisation=founding.name,
        msp_id=founding.msp_id,
        uscc=founding.uscc,
        roles=founding.roles,
        endorses=founding.endorses,
        created_at_s=stub.timestamp_s,
        updated_tx=stub.tx_id,
    )


def _require_sound(wanted: InitConsortium) -> None:
    for field in ("name", "msp_id", "uscc"):
        if len({getattr(one, field) for one in wanted.organisations}) != len(wanted.organisations):
            raise malformed("organisations", f"repeat a {field}", f"give each organisation its own {field}")
    for index, one in enumerate(wanted.organisations):
        require_uscc(one.uscc, f"organisations[{index}].uscc")
        if len(set(one.roles)) != len(one.roles):
            raise malformed(f"organisations[{index}].roles", "repeat a role", "name each role once")
    if wanted.committee.epoch != 1:
        raise malformed("committee.epoch", "is not 1", "the first committee has epoch 1")
    committee.require_sound(wanted.committee, "committee.")
    names = {one.name for one in wanted.organisations}
    for index, one in enumerate(wanted.committee.members):
        if one.organisation not in names:
            hint = "name one of the organisations"
            raise malformed(f"committee.members[{index}].organisation", "is no member of the consortium", hint)
