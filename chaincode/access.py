"""Who may call what: one table, and the two places that enforce it.

Roles are checked by `contract.invoke` before a transition runs. Parties depend on the record (the owner of this
receipt, the pledgee of that pledge), so the transition names who they are in its second paragraph and this module
decides. A role in `also` may act without being the party: the regulator suspends anybody's device.
"""

from dataclasses import dataclass
from typing import Final

from chaincode.parties.members import Member
from chaincode.world.errors import Refusal

BANK: Final = "bank"
INSURER: Final = "insurer"
MANUFACTURER: Final = "manufacturer"
WAREHOUSE: Final = "warehouse"
REGULATOR: Final = "regulator"
INSPECTOR: Final = "inspector"

ANYONE: Final = frozenset({BANK, INSURER, MANUFACTURER, WAREHOUSE, REGULATOR, INSPECTOR})
"""Every member of the consortium; never a stranger to it."""

CODE_OF_PARTY: Final = {"owner": "not_owner", "pledgee": "not_pledgee"}


@dataclass(frozen=True)
class Rule:
    """One row: the roles that may call, the party the caller must be, the roles excused from being it."""

    roles: frozenset[str]
    party: str | None = None
    also: frozenset[str] = frozenset()


OVERSEERS: Final = frozenset({INSPECTOR, REGULATOR})
ENROLLERS: Final = frozenset({WAREHOUSE, MANUFACTURER})

TABLE: Final[dict[str, Rule]] = {
    "init_consortium": Rule(ANYONE),
    "set_committee": Rule(frozenset({REGULATOR})),
    "enrol_device": Rule(ENROLLERS),
    "bind_device": Rule(ENROLLERS, "enroller"),
    "suspend_device": Rule(ENROLLERS | OVERSEERS, "enroller", OVERSEERS),
    "resume_device": Rule(ENROLLERS | OVERSEERS, "suspender", frozenset({REGULATOR})),
    "retire_device": Rule(ENROLLERS | {REGULATOR}, "enroller", frozenset({REGULATOR})),
    "register_asset": Rule(frozenset({MANUFACTURER})),
    "append_asset_event": Rule(frozenset({MANUFACTURER}), "owner"),
    "register_slot": Rule(frozenset({WAREHOUSE})),
    "issue_receipt": Rule(frozenset({WAREHOUSE})),
    "request_delivery": Rule(ANYONE, "owner"),
    "cancel_receipt": Rule(frozenset({WAREHOUSE}), "warehouse"),
    "deliver_receipt": Rule(frozenset({WAREHOUSE}), "warehouse"),
    "propose_pledge": Rule(ANYONE, "owner"),
    "accept_pledge": Rule(ANYONE, "pledgee"),
    "release_pledge": Rule(ANYONE, "pledgee"),
    "lapse_pledge": Rule(ANYONE, "owner"),
    "record_attestation": Rule(ANYONE),
    "anchor_checkpoint": Rule(ANYONE, "committee member"),
    "acknowledge_notice": Rule(frozenset({INSURER, REGULATOR, BANK})),
    "get": Rule(ANYONE),
    "lien_check": Rule(ANYONE),
    "history": Rule(ANYONE),
    "list": Rule(ANYONE),
    "committee": Rule(ANYONE),
    "terms": Rule(ANYONE, "party to the pledge"),
}
"""Function → rule. A function that is not here does not exist."""


def require_role(function: str, caller: Member) -> None:
    """Refuse (`forbidden`) a caller none of whose roles may call the function."""
    allowed = TABLE[function].roles
    if allowed.isdisjoint(caller.roles):
        raise Refusal(
            "forbidden",
            f"{function} is not for {caller.organisation} ({', '.join(caller.roles)})",
            f"let an organisation call it that is {' or '.join(sorted(allowed))}",
        )


def require_party(function: str, caller: Member, *parties: str) -> None:
    """Refuse a caller that is none of the organisations named as the function's party.

    The code is `not_owner` or `not_pledgee` where the party is one of these, else `forbidden`.
    """
    rule = TABLE[function]
    if caller.organisation in parties or not rule.also.isdisjoint(caller.roles):
        return
    party = rule.party or "party"
    raise Refusal(
        CODE_OF_PARTY.get(party, "forbidden"),
        f"{function}: {caller.organisation} is not the {party}",
        f"only the {party} ({', '.join(parties) or 'nobody'}) may do this",
    )
