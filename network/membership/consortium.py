"""The consortium file: who takes part, who endorses, who is in the oracle committee, which circles lend.

Workflow: an operator writes `consortium.toml`, everybody's node reads the same file with `Consortium.load`, and
`statement` puts its content into block 0 of the facts. The parser knows every field; what it does not know, misses or
finds out of bounds it refuses as `ConsortiumError`, naming the place, e.g. `organisation[2].uscc`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter

from chaincode.parties.committee import COMMITTEE_MEMBERS_MAX
from chaincode.parties.consortium import CLOCK_FACTOR_MAX
from chaincode.parties.members import uscc_check_character
from contracts.documents import STRICT, DocumentError, check
from wuxin_evidence.errors import NamedError

CONSORTIUM_FILE = "consortium.toml"

ORGANISATIONS_MAX = 64
"""Every endorsement of a submit is in the transaction; beyond this a transaction no longer fits a block."""

DAY_OFFSET_S_MAX = 86_399
"""The easternmost civil time is UTC+14; the western limit, −12 h, is within the same bound."""

_INTEGER_MAX = 2**53 - 1
_ID = re.compile(r"[0-9a-f]{64}")


def _consortium_id(value: object) -> bytes:
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise ValueError("must be 64 lower-case hex digits")
    return bytes.fromhex(value)


def _checked_uscc(value: str) -> str:
    if uscc_check_character(value[:17]) != value[17]:
        raise ValueError(f"{value} fails its check character (GB 32100)")
    return value


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must be different texts")
    return values


Role = Literal["bank", "insurer", "manufacturer", "warehouse", "regulator", "inspector"]
ROLES = frozenset(get_args(Role))
Text = Annotated[str, Field(min_length=1)]
OrganisationName = Annotated[str, Field(pattern="^[a-z0-9-]{2,32}$")]
OrganisationNames = Annotated[tuple[OrganisationName, ...], AfterValidator(_different)]
Uscc = Annotated[
    str, Field(pattern="^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$"), AfterValidator(_checked_uscc)
]


class ConsortiumError(NamedError):
    """The consortium file cannot be used; `field` says where, e.g. `committee.threshold`."""

    def __init__(self, field: str, detail: str) -> None:
        hint = f"correct {field} in {CONSORTIUM_FILE}; docs/reference describes each field"
        super().__init__("malformed", f"{field}: {detail}", hint)
        self.field = field


@dataclass(frozen=True)
class Organisation:
    """A member of the consortium.

    `endorses`: it runs an endorser of the facts. `oracle`: it sits in the oracle committee. `orders`: it runs an
    orderer where the facts are on Hyperledger Fabric. `uscc` is its 统一社会信用代码 (GB 32100).
    """

    name: OrganisationName
    msp_id: Annotated[str, Field(pattern="^[A-Za-z0-9.-]{2,64}$")]
    uscc: Uscc
    roles: Annotated[tuple[Role, ...], Field(min_length=1), AfterValidator(_different)]
    endorses: bool = False
    oracle: bool = False
    orders: bool = False
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class ClockSetting:
    """`system`, or `scenario`: time begins at `start_ms` (UTC milliseconds) and runs `factor` times as fast."""

    kind: Literal["system", "scenario"]
    start_ms: Annotated[int, Field(ge=0, le=_INTEGER_MAX)] = 0
    factor: Annotated[int, Field(ge=1, le=CLOCK_FACTOR_MAX)] = 1
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Facts:
    """The channel and chaincode of the facts.

    `endorsements` of the endorsing organisations must agree. `orderer` is the organisation whose orderer identity signs
    the embedded ledger's blocks.
    """

    channel: Annotated[str, Field(pattern="^[a-z][a-z0-9.-]{0,248}$")]
    chaincode: Annotated[str, Field(pattern="^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$")]
    endorsements: Annotated[int, Field(ge=1, le=ORGANISATIONS_MAX)]
    orderer: OrganisationName
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class CommitteeSetting:
    """The first epoch of the oracle committee; its members are the organisations with `oracle = true`."""

    epoch: Literal[1]
    threshold: Annotated[int, Field(ge=1, le=COMMITTEE_MEMBERS_MAX)]
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Circle:
    """A lending circle and its obligations chain.

    `currency` (ISO 4217) is that of its deposits, lines and prices. `sealer` seals the embedded chain's blocks;
    `validators` run the chain where it is not embedded. A chain's name has two characters or more, because events of
    the facts are numbered under `f`.
    """

    chain: Annotated[str, Field(pattern="^[a-z][a-z0-9]{1,15}$")]
    chain_id: Annotated[int, Field(ge=1, le=_INTEGER_MAX)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    sealer: OrganisationName
    members: Annotated[OrganisationNames, Field(min_length=1)]
    validators: OrganisationNames = ()
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Consortium:
    """The parsed file. `consortium_id` is 32 bytes, made once; `day_offset_s` is added to UTC to cut business days."""

    format: Literal["wuxin-consortium-1"]
    consortium_id: Annotated[bytes, BeforeValidator(_consortium_id)]
    name: Text
    day_offset_s: Annotated[int, Field(ge=0, le=DAY_OFFSET_S_MAX)]
    clock: ClockSetting
    facts: Facts
    organisations: Annotated[
        tuple[Organisation, ...], Field(alias="organisation", min_length=1, max_length=ORGANISATIONS_MAX)
    ]
    committee: CommitteeSetting
    circles: Annotated[tuple[Circle, ...], Field(alias="circle", max_length=ORGANISATIONS_MAX)] = ()
    __pydantic_config__: ClassVar[ConfigDict] = {**STRICT, "ser_json_bytes": "hex"}

    @property
    def endorsers(self) -> tuple[Organisation, ...]:
        """The organisations that run an endorser of the facts, in the order of the file."""
        return tuple(member for member in self.organisations if member.endorses)

    @property
    def oracles(self) -> tuple[Organisation, ...]:
        """The members of the first oracle committee, in the order of the file."""
        return tuple(member for member in self.organisations if member.oracle)

    def organisation(self, name: str) -> Organisation:
        """The organisation with this name. Raises ConsortiumError."""
        for member in self.organisations:
            if member.name == name:
                return member
        raise ConsortiumError("organisation", f"no organisation is named {name!r}")

    def circle(self, chain: str) -> Circle:
        """The lending circle of this chain. Raises ConsortiumError."""
        for circle in self.circles:
            if circle.chain == chain:
                return circle
        raise ConsortiumError("circle", f"no circle has a chain named {chain!r}")

    def statement(self) -> dict[str, Any]:
        """The consortium as JSON values: what block 0 says."""
        return TypeAdapter(Consortium).dump_python(self, mode="json")

    @classmethod
    def load(cls, path: Path) -> Consortium:
        """Read the file, or the one in the home `path`. Raises ConsortiumError, FileNotFoundError."""
        is_file = path.name == CONSORTIUM_FILE or path.is_file()
        raw = (path if is_file else path / CONSORTIUM_FILE).read_bytes()
        try:
            return cls.parse(raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ConsortiumError("file", f"not UTF-8: {error.reason} at byte {error.start}") from error

    @classmethod
    def parse(cls, text: str) -> Consortium:
        """Check the text of a consortium file. Raises ConsortiumError naming the first field that is wrong."""
        try:
            document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConsortiumError("file", f"not TOML: {error}") from error
        try:
            consortium = check(cls, document)
        except DocumentError as wrong:
            raise ConsortiumError(*wrong.problems[0]) from wrong
        _check_clock(document["clock"])
        _check_together(consortium)
        return consortium


def _check_clock(fields: dict[str, Any]) -> None:
    """Only a scenario has a beginning and a factor, and it needs a beginning."""
    if fields["kind"] == "system":
        for name in sorted(fields.keys() - {"kind"}):
            raise ConsortiumError(f"clock.{name}", "is for a scenario only")
    elif "start_ms" not in fields:
        raise ConsortiumError("clock.start_ms", "is missing")


def _check_together(consortium: Consortium) -> None:
    """Refuse what no single field shows: names used twice, no majority in the committee, members that do not exist."""
    members = consortium.organisations
    for attribute in ("name", "msp_id", "uscc"):
        _require_different("organisation", members, attribute)
    for attribute in ("chain", "chain_id"):  # a transaction for one chain id is good on every chain that has it
        _require_different("circle", consortium.circles, attribute)
    if consortium.facts.endorsements > len(consortium.endorsers):
        raise ConsortiumError(
            "facts.endorsements", f"asks for more than the {len(consortium.endorsers)} organisations that endorse"
        )
    oracles = len(consortium.oracles)
    if oracles > COMMITTEE_MEMBERS_MAX:
        raise ConsortiumError("organisation", f"{oracles} have oracle = true, at most {COMMITTEE_MEMBERS_MAX} may")
    if not oracles < 2 * consortium.committee.threshold <= 2 * oracles:
        raise ConsortiumError(
            "committee.threshold", f"of {oracles} oracle members more than half must sign, and no more than all"
        )
    names = {member.name for member in members}
    named = [("facts.orderer", consortium.facts.orderer)]
    for number, circle in enumerate(consortium.circles):
        named.append((f"circle[{number}].sealer", circle.sealer))
        named.extend((f"circle[{number}].members", member) for member in circle.members)
        named.extend((f"circle[{number}].validators", member) for member in circle.validators)
    for field, name in named:
        if name not in names:
            raise ConsortiumError(field, f"no organisation is named {name!r}")


def _require_different(place: str, rows: Sequence[object], attribute: str) -> None:
    values = [getattr(row, attribute) for row in rows]
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ConsortiumError(f"{place}[{values.index(twice)}].{attribute}", f"{twice} is used twice")
