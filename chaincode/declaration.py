"""The declaration of a command: all that is said about it, said once, beside its transition.

    @command(
        "accept_pledge", on="pledge", roles=ANYONE, party="pledgee", transient=("terms",),
        events=("pledge_accepted",), problems=("not_found", "not_pledgee", …), en="…", zh="…",
    )
    def accept(stub: Stub, caller: Member, wanted: AcceptPledge) -> Pledge: ...

`accept` is a `Command` from then on. `contract` parses the argument by its type, `access` asks its roles and its party,
and the HTTP route, the reference tables and the clients are made from the same object. `declared_in` collects the
commands of a module, so that what is declared exists, and nothing else does.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Final, get_type_hints

from chaincode.world.stub import Stub

Transition = Callable[[Stub, Any, Any], object]
"""From the transaction's view, the member that calls and the parsed argument to the answer."""

EVERYWHERE: Final = frozenset({"malformed", "too_large", "forbidden", "conflict"})
"""Problems of every command: an argument that does not parse or is too large, a role that may not call, a ledger
without a consortium. A command declares `forbidden` or `conflict` as its own where its transition refuses so, too."""


@dataclass(frozen=True)
class Command:
    """One function of the chaincode: what it takes and gives, who may call it, what it can bring and meet."""

    name: str
    """As the chaincode, the command line and the SDK call it."""
    argument: type[Any]
    """The frozen dataclass that a transition gets."""
    answers: Any
    """The type of the answer: a record, a tuple of records, or `object` for a document of any form."""
    on: str
    """The aggregate in the singular; its plural is the collection in the route."""
    roles: frozenset[str]
    party: str | None
    """Who the caller must be for this very record; None where the roles are enough."""
    also: frozenset[str]
    """Roles that may act without being the party."""
    events: tuple[str, ...]
    problems: tuple[str, ...]
    """What this transition refuses with, beside what every command meets (`EVERYWHERE`)."""
    en: str
    zh: str
    transition: Transition
    creates: bool = False
    """Whether the id is made by the caller and stands in the body, so that the route is the collection."""
    transient: tuple[str, ...] = ()
    """Private fields that come beside the argument and never enter the transaction."""
    submitting: bool = True
    """False for a command that only answers: it is evaluated and never ordered."""
    id_field: str = ""
    """The field of the argument that names the aggregate."""
    path: str = ""
    """The route below the version of the API; empty where nothing is submitted over HTTP."""

    @property
    def verb(self) -> str:
        """What is done to the aggregate: `accept` of `accept_pledge`, `request_delivery` of a receipt's."""
        return self.name.removesuffix(f"_{self.on}")

    @property
    def all_problems(self) -> frozenset[str]:
        """Every code with which a call of this command can be refused."""
        return EVERYWHERE.union(self.problems)


def command(
    name: str,
    *,
    on: str,
    roles: Iterable[str],
    en: str,
    zh: str,
    events: tuple[str, ...] = (),
    problems: tuple[str, ...] = (),
    party: str | None = None,
    also: Iterable[str] = (),
    creates: bool = False,
    transient: tuple[str, ...] = (),
    submitting: bool = True,
    id_field: str | None = None,
    path: str | None = None,
) -> Callable[[Transition], Command]:
    """Declare the transition below as a command.

    Argument and answer are the transition's own annotations. `id_field` is `<on>_id` unless named. The route follows:
    `/pledges` where the command creates, else `/pledges/{pledge_id}/accept`; `path` names another, or none with `""`.
    """
    ident = f"{on}_id" if id_field is None else id_field

    def declared(transition: Transition) -> Command:
        *_, argument, answers = get_type_hints(transition, include_extras=True).values()
        made = Command(
            name=name,
            argument=argument,
            answers=answers,
            on=on,
            roles=frozenset(roles),
            party=party,
            also=frozenset(also),
            events=events,
            problems=problems,
            en=en,
            zh=zh,
            transition=transition,
            creates=creates,
            transient=transient,
            submitting=submitting,
            id_field=ident,
            path="",
        )
        return replace(made, path=_route(made) if path is None else path)

    return declared


def declared_in(*modules: ModuleType) -> dict[str, Command]:
    """Name to command, for all that these modules declare. Raises ValueError for a name declared twice."""
    found: dict[str, Command] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Command) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"{value.name} is declared twice")
    return found


def _route(made: Command) -> str:
    """The route that aggregate and verb give by convention; none for a command that only answers."""
    if not made.submitting:
        return ""
    collection = f"/{made.on}s"
    return collection if made.creates else f"{collection}/{{{made.id_field}}}/{made.verb.replace('_', '-')}"
