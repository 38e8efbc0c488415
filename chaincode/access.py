"""Who may call what: the roles and parties that a command declares, enforced in two places.

Roles are checked by `contract.invoke` before a transition runs. Parties depend on the record (the owner of this
receipt, the pledgee of that pledge), so the transition names who they are in its second paragraph and this module
decides. A role in `also` may act without being the party: the regulator suspends anybody's device.
"""

from typing import Final

from chaincode.declaration import Command
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


OVERSEERS: Final = frozenset({INSPECTOR, REGULATOR})
ENROLLERS: Final = frozenset({WAREHOUSE, MANUFACTURER})


def require_role(command: Command, caller: Member) -> None:
    """Refuse (`forbidden`) a caller none of whose roles may call the command."""
    allowed = command.roles
    if allowed.isdisjoint(caller.roles):
        raise Refusal(
            "forbidden",
            f"{command.name} is not for {caller.organisation} ({', '.join(caller.roles)})",
            f"let an organisation call it that is {' or '.join(sorted(allowed))}",
        )


def require_party(command: Command, caller: Member, *parties: str) -> None:
    """Refuse a caller that is none of the organisations named as the command's party.

    The code is `not_owner` or `not_pledgee` where the party is one of these, else `forbidden`.
    """
    if caller.organisation in parties or not command.also.isdisjoint(caller.roles):
        return
    party = command.party or "party"
    raise Refusal(
        CODE_OF_PARTY.get(party, "forbidden"),
        f"{command.name}: {caller.organisation} is not the {party}",
        f"only the {party} ({', '.join(parties) or 'nobody'}) may do this",
    )
