"""The declaration of a command on the obligations: beside the contract call, in the terms of a command on the facts.

    @obligation("draw", on="facility", call="CreditFacility.draw", trace="drawn", roles=…, events=…, problems=…, …)
    def draw(making: Making, wanted: Draw) -> list[object]: ...

The function gives the call's arguments as JSON; what it needs of the facts or the read model it asks of `Making`.
`command` is the declaration that route, reference, command line and clients are made from. The walk of a draw:

    obligations.draw, declared ─▶ OBLIGATIONS ─▶ api.sending.of_obligations: the operation POST /facilities/{…}/draw
    a request ─▶ api.operation: read by `Draw` ─▶ `draw`: the call's arguments ─▶ commands: kept, then answered
              ─▶ delivery ─▶ ledgers.obligations: CreditFacility.draw with the command's id ─▶ the chain
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from chaincode.declaration import Command, command
from node.commands.facility_arguments import ProposeFacility

Json = dict[str, Any]
Make = Callable[["Making", Any], list[Any]]


class Making(Protocol):
    """What the arguments of a call are made of, beside the command's own."""

    def facility_terms(self, wanted: ProposeFacility) -> Json:
        """The contract's terms, derived from receipt and pledge. Raises the problems of `propose_facility`."""
        ...

    def standing_opening(self, facility_id: str, reason_key: str) -> int:
        """The opening of a standing reason that this node shows. Raises ``not_found``."""
        ...

    def address_of(self, organisation: str) -> str:
        """The address of an organisation on the chain, 0x hex. Raises ``not_found``."""
        ...

    def facility_contract(self) -> str:
        """The address of the contract that moves deposits for facilities, 0x hex."""
        ...


@dataclass(frozen=True)
class Call:
    """A contract's function, and how a sending of it is recognised."""

    function: str
    """`Contract.function`."""
    trace: str = ""
    """The event that it leaves on its facility, to recognise it after a crash; empty where there is none."""
    takes_command_id: bool = True
    """Whether the contract carries it out once for each command id; else a repeat changes nothing."""


@dataclass(frozen=True)
class Obligation:
    """A command that a contract carries out."""

    command: Command
    call: Call
    make: Make


def obligation(
    name: str,
    *,
    on: str,
    call: str,
    roles: Iterable[str],
    en: str,
    zh: str,
    trace: str = "",
    takes_command_id: bool = True,
    events: tuple[str, ...] = (),
    problems: tuple[str, ...] = (),
    party: str | None = None,
    creates: bool = False,
    id_field: str | None = None,
    path: str | None = None,
) -> Callable[[Make], Obligation]:
    """Declare the function below as what makes the arguments of a contract call."""

    def declared(make: Make) -> Obligation:
        said = command(
            name,
            on=on,
            roles=roles,
            en=en,
            zh=zh,
            events=events,
            problems=problems,
            party=party,
            creates=creates,
            id_field=id_field,
            path=path,
        )(cast(Any, make))
        return Obligation(said, Call(call, trace, takes_command_id), make)

    return declared


def obligations_in(declared: Mapping[str, object]) -> dict[str, Obligation]:
    """Name to obligation, for all that a module's names declare."""
    return {each.command.name: each for each in declared.values() if isinstance(each, Obligation)}
