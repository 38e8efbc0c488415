"""The consortium file: who takes part, who endorses, who is in the oracle committee, which circles lend.

Workflow: an operator writes `consortium.toml`, everybody's node reads the same file with `Consortium.load`, and
`statement` puts its content into block 0 of the facts. The parser knows every field; what it does not know, misses or
finds out of bounds it refuses as `ConsortiumError`, naming the place, e.g. `organisation[2].uscc`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from chaincode.parties.committee import COMMITTEE_MEMBERS_MAX
from chaincode.parties.consortium import CLOCK_FACTOR_MAX
from chaincode.parties.members import uscc_check_character
from wuxin_evidence.errors import NamedError

CONSORTIUM_FILE = "consortium.toml"
FORMAT = "wuxin-consortium-1"

ROLES = frozenset({"bank", "insurer", "manufacturer", "warehouse", "regulator", "inspector"})

ORGANISATIONS_MAX = 64
"""Every endorsement of a submit is in the transaction; beyond this a transaction no longer fits a block."""

DAY_OFFSET_S_MAX = 86_399
"""The easternmost civil time is UTC+14; the western limit, −12 h, is within the same bound."""

_ORGANISATION_NAME = re.compile(r"[a-z0-9-]{2,32}")
_MSP_ID = re.compile(r"[A-Za-z0-9.-]{2,64}")
_CHAIN = re.compile(r"[a-z][a-z0-9]{1,15}")  # two characters or more: events of the facts are numbered under `f`
_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")


class ConsortiumError(NamedError):
    """The consortium file cannot be used; `field` says where, e.g. `committee.threshold`."""

    def __init__(self, field: str, detail: str) -> None:
        hint = f"correct {field} in {CONSORTIUM_FILE}; docs/reference describes each field"
        super().__init__("malformed", f"{field}: {detail}", hint)
        self.field = field


@dataclass(frozen=True)
class Organisation:
    """A member: `endorses` runs an endorser of the facts, `oracle` sits in the oracle committee, `orders` runs an
    orderer where the facts are on Hyperledger Fabric."""

    name: str
    msp_id: str
    uscc: str
    roles: tuple[str, ...]
    endorses: bool
    oracle: bool
    orders: bool = False


@dataclass(frozen=True)
class ClockSetting:
    """`system`, or `scenario` beginning at `start_ms` and running `factor` times as fast."""

    kind: Literal["system", "scenario"]
    start_ms: int = 0
    factor: int = 1


@dataclass(frozen=True)
class Facts:
    """The channel and chaincode of the facts; `endorsements` of the endorsing organisations must agree;
    `orderer` is the organisation whose orderer identity signs the embedded ledger's blocks."""

    channel: str
    chaincode: str
    endorsements: int
    orderer: str


@dataclass(frozen=True)
class CommitteeSetting:
    """The first epoch of the oracle committee; its members are the organisations with `oracle = true`."""

    epoch: int
    threshold: int


@dataclass(frozen=True)
class Circle:
    """A lending circle: its obligations chain, the one currency (ISO 4217) of its deposits, lines and prices, who seals
    the embedded chain, who is in the circle, and who runs a validator where the chain is not embedded."""

    chain: str
    chain_id: int
    currency: str
    sealer: str
    members: tuple[str, ...]
    validators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Consortium:
    """The parsed file. `consortium_id` is 32 bytes, made once."""

    consortium_id: bytes
    name: str
    day_offset_s: int
    clock: ClockSetting
    facts: Facts
    organisations: tuple[Organisation, ...]
    committee: CommitteeSetting
    circles: tuple[Circle, ...]

    @property
    def endorsers(self) -> tuple[Organisation, ...]:
        return tuple(member for member in self.organisations if member.endorses)

    @property
    def oracles(self) -> tuple[Organisation, ...]:
        return tuple(member for member in self.organisations if member.oracle)

    def organisation(self, name: str) -> Organisation:
        for member in self.organisations:
            if member.name == name:
                return member
        raise ConsortiumError("organisation", f"no organisation is named {name!r}")

    def circle(self, chain: str) -> Circle:
        for circle in self.circles:
            if circle.chain == chain:
                return circle
        raise ConsortiumError("circle", f"no circle has a chain named {chain!r}")

    def statement(self) -> dict[str, Any]:
        """The consortium as JSON values: what block 0 says."""
        return {
            "format": FORMAT,
            "consortium_id": self.consortium_id.hex(),
            "name": self.name,
            "day_offset_s": self.day_offset_s,
            "clock": {"kind": self.clock.kind, "start_ms": self.clock.start_ms, "factor": self.clock.factor},
            "facts": {
                "channel": self.facts.channel,
                "chaincode": self.facts.chaincode,
                "endorsements": self.facts.endorsements,
                "orderer": self.facts.orderer,
            },
            "organisations": [_as_json(member) for member in self.organisations],
            "committee": {"epoch": self.committee.epoch, "threshold": self.committee.threshold},
            "circles": [_as_json(circle) for circle in self.circles],
        }

    @classmethod
    def load(cls, path: Path) -> Consortium:
        """Read the file, or the one in the home `path`. Raises ConsortiumError, FileNotFoundError."""
        is_file = path.name == CONSORTIUM_FILE or path.is_file()
        return cls.parse((path if is_file else path / CONSORTIUM_FILE).read_text("utf-8"))

    @classmethod
    def parse(cls, text: str) -> Consortium:
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConsortiumError("file", f"not TOML: {error}") from error
        table = _Table("", document)
        if table.text("format") != FORMAT:
            raise ConsortiumError("format", f"must be {FORMAT!r}")
        consortium = cls(
            consortium_id=_consortium_id(table),
            name=table.text("name"),
            day_offset_s=table.integer("day_offset_s", 0, DAY_OFFSET_S_MAX),
            clock=_clock(table.table("clock")),
            facts=_facts(table.table("facts")),
            organisations=tuple(_organisation(row) for row in table.tables("organisation")),
            committee=_committee(table.table("committee")),
            circles=tuple(_circle(row) for row in table.tables("circle")),
        )
        table.finish()
        _check_together(consortium)
        return consortium


def _as_json(record: Organisation | Circle) -> dict[str, Any]:
    return {
        name: list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value
        for name, value in vars(record).items()
    }


class _Table:
    """One TOML table that remembers which keys were asked for, so that a misspelt one is found."""

    def __init__(self, place: str, rows: Mapping[str, Any]) -> None:
        self._place = place
        self._rows = rows
        self._asked: set[str] = set()

    def field(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        self._asked.add(key)
        value = self._rows.get(key, default)
        if value is None:
            raise ConsortiumError(self.field(key), "is missing")
        if type(value) is not kind:
            raise ConsortiumError(self.field(key), f"must be {kind.__name__}, is {type(value).__name__}")
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None, default: str | None = None) -> str:
        value: str = self.take(key, str, default)
        if pattern is not None and pattern.fullmatch(value) is None:
            raise ConsortiumError(self.field(key), f"{value!r} does not match {pattern.pattern}")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value: int = self.take(key, int, default)
        if not low <= value <= high:
            raise ConsortiumError(self.field(key), f"{value} is outside {low}…{high}")
        return value

    def flag(self, key: str) -> bool:
        return cast(bool, self.take(key, bool, False))

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        rows = cast(list[Any], self.take(key, list, [] if optional else None))
        if not (rows or optional) or not all(isinstance(row, str) for row in rows) or len(set(rows)) != len(rows):
            raise ConsortiumError(self.field(key), "must be a list of different texts")
        return tuple(rows)

    def table(self, key: str) -> _Table:
        return _Table(self.field(key), self.take(key, dict))

    def tables(self, key: str) -> list[_Table]:
        rows = cast(list[Any], self.take(key, list, []))
        if len(rows) > ORGANISATIONS_MAX:
            raise ConsortiumError(self.field(key), f"more than {ORGANISATIONS_MAX}")
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise ConsortiumError(f"{self.field(key)}[{number}]", "must be a table")
        return [_Table(f"{self.field(key)}[{number}]", row) for number, row in enumerate(rows)]

    def finish(self) -> None:
        unknown = sorted(set(self._rows) - self._asked)
        if unknown:
            raise ConsortiumError(self.field(unknown[0]), "is not a field of this table")


def _consortium_id(table: _Table) -> bytes:
    return bytes.fromhex(table.text("consortium_id", re.compile(r"[0-9a-f]{64}")))


def _clock(table: _Table) -> ClockSetting:
    kind = table.text("kind", re.compile("system|scenario"))
    if kind == "system":
        setting = ClockSetting("system")
    else:
        start_ms = table.integer("start_ms", 0, 2**53 - 1)
        setting = ClockSetting("scenario", start_ms, table.integer("factor", 1, CLOCK_FACTOR_MAX, 1))
    table.finish()
    return setting


def _facts(table: _Table) -> Facts:
    facts = Facts(
        channel=table.text("channel", re.compile(r"[a-z][a-z0-9.-]{0,248}")),
        chaincode=table.text("chaincode", re.compile(r"[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")),
        endorsements=table.integer("endorsements", 1, ORGANISATIONS_MAX),
        orderer=table.text("orderer", _ORGANISATION_NAME),
    )
    table.finish()
    return facts


def _organisation(table: _Table) -> Organisation:
    member = Organisation(
        name=table.text("name", _ORGANISATION_NAME),
        msp_id=table.text("msp_id", _MSP_ID),
        uscc=table.text("uscc", _USCC),
        roles=table.texts("roles"),
        endorses=table.flag("endorses"),
        oracle=table.flag("oracle"),
        orders=table.flag("orders"),
    )
    if uscc_check_character(member.uscc[:17]) != member.uscc[17]:
        raise ConsortiumError(table.field("uscc"), f"{member.uscc} fails its check character (GB 32100)")
    unknown = sorted(set(member.roles) - ROLES)
    if unknown:
        raise ConsortiumError(table.field("roles"), f"{unknown[0]!r} is not one of {', '.join(sorted(ROLES))}")
    table.finish()
    return member


def _committee(table: _Table) -> CommitteeSetting:
    setting = CommitteeSetting(table.integer("epoch", 1, 1), table.integer("threshold", 1, COMMITTEE_MEMBERS_MAX))
    table.finish()
    return setting


def _circle(table: _Table) -> Circle:
    circle = Circle(
        chain=table.text("chain", _CHAIN),
        chain_id=table.integer("chain_id", 1, 2**53 - 1),
        currency=table.text("currency", _CURRENCY),
        sealer=table.text("sealer", _ORGANISATION_NAME),
        members=table.texts("members"),
        validators=table.texts("validators", optional=True),
    )
    table.finish()
    return circle


def _check_together(consortium: Consortium) -> None:
    """What no single field shows: unique names, a majority in the committee, members that exist."""
    members = consortium.organisations
    if not members:
        raise ConsortiumError("organisation", "at least one is needed")
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
