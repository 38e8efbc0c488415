"""The mapping of a recorded series: which columns of a CSV file become which readings, and how its text is written.

    load_mapping(path) -> SeriesMapping        a TOML file; every key is checked, an unknown one is refused

Nothing is guessed: encoding, delimiter, decimal sign, form and zone of times, blanks and row filters are what the
mapping says, or the plain defaults (UTF-8, comma, point, ISO 8601). docs/reference/cli.md lists the keys.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError, field_validator

from oracle.sources.times import check_form, check_zone
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import DEVICE_ID
from wuxin_evidence.packs.senml import NAME, UNIT_LENGTH_MAX

MAPPING_BYTES_MAX = 64 * 1024
PACKS_MAX = 16
"""Packs of one row; a row of a logger describes a few moments at most."""
READINGS_MAX = 64
"""Readings of one pack."""
MULTIPLY_MAX = 10**9

Encoding = Literal[
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "big5", "shift_jis", "euc_jp", "euc_kr",
    "iso-8859-1", "iso-8859-15", "windows-1250", "windows-1251", "windows-1252",
]  # fmt: skip
Column = Annotated[str, Field(min_length=1, max_length=256)]


class _Table(BaseModel):
    """A table of the file: no key that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadingRule(_Table):
    """One reading of a pack: SenML name and unit, the column of its value, a whole factor from the column's unit."""

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    column: Column
    unit: Annotated[str, Field(max_length=UNIT_LENGTH_MAX)]
    multiply: Annotated[StrictInt, Field(ge=1, le=MULTIPLY_MAX)] = 1

    @field_validator("unit")
    @classmethod
    def _printable(cls, unit: str) -> str:
        if not unit.isprintable():
            raise ValueError("printable characters only")
        return unit


class PackRule(_Table):
    """One pack of a row: the column that holds its time, and its readings."""

    time: Column
    readings: Annotated[tuple[ReadingRule, ...], Field(min_length=1, max_length=READINGS_MAX)]

    @field_validator("readings")
    @classmethod
    def _each_once(cls, readings: tuple[ReadingRule, ...]) -> tuple[ReadingRule, ...]:
        _require_single([each.name for each in readings])
        return readings


class RowFilter(_Table):
    """Rows to read: those whose cell in `column` is one of the texts of `is`."""

    column: Column
    values: Annotated[tuple[str, ...], Field(min_length=1, max_length=64, alias="is")]


class SeriesMapping(_Table):
    """A checked mapping file."""

    device: Annotated[str, Field(pattern=f"^{DEVICE_ID.pattern}$")] | None = None
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] = "."
    digits: Literal["ascii", "fullwidth"] = "ascii"
    time_form: str = "iso"
    zone: str | None = None
    fold: Literal["refuse", "earlier", "later", "by_order"] = "refuse"
    midnight_24: StrictBool = False
    blanks: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    where: Annotated[tuple[RowFilter, ...], Field(max_length=16)] = ()
    order: Literal["time", "any"] = "time"
    bad_rows: Literal["refuse", "set_aside"] = "refuse"
    bad_rows_percent_max: Annotated[StrictInt, Field(ge=1, le=50)] = 50
    gap_days_max: Annotated[StrictInt, Field(ge=1, le=3660)] = 31
    pack: Annotated[tuple[PackRule, ...], Field(min_length=1, max_length=PACKS_MAX)]

    @field_validator("pack")
    @classmethod
    def _each_once(cls, packs: tuple[PackRule, ...]) -> tuple[PackRule, ...]:
        for time in {each.time for each in packs}:
            _require_single([each.name for rule in packs if rule.time == time for each in rule.readings])
        return packs

    @field_validator("time_form")
    @classmethod
    def _known_form(cls, form: str) -> str:
        check_form(form)
        return form

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            check_zone(zone)
        return zone


def load_mapping(path: Path) -> SeriesMapping:
    """Read a mapping file. Raises `malformed` naming the key, what was found and what is allowed; `too_large`."""
    raw = path.read_bytes()
    if len(raw) > MAPPING_BYTES_MAX:
        raise EvidenceError("too_large", f"{path}: {len(raw)} bytes", f"a mapping has at most {MAPPING_BYTES_MAX}")
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise EvidenceError("malformed", f"{path} is no TOML file in UTF-8: {error}", "correct that line") from None
    try:
        # by way of JSON, where a list is a list; what JSON has not, a date, is no text but an object that nothing takes
        return SeriesMapping.model_validate_json(json.dumps(document, default=lambda value: {"toml": str(value)}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = re.sub(r"\.(\d+)", r"[\1]", ".".join(str(step) for step in first["loc"])) or "the file"
        if first["type"] == "extra_forbidden":
            raise EvidenceError("malformed", f"{path}: {where!r} is no key of a mapping", _known_keys()) from None
        found, message = json.dumps(first["input"], ensure_ascii=True)[:80], first["msg"].removeprefix("Value error, ")
        hint = f"see {where.split('[')[0].split('.')[0]} in docs/reference/cli.md, wuxin device replay"
        raise EvidenceError("malformed", f"{path}: {where}: {message}; found {found}", hint) from None


def _require_single(names: list[str]) -> None:
    """Raise ValueError when a reading has two values at one time: whoever reads them could not tell which holds."""
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"two readings are named {name} at one time; keep one, or name the other otherwise")


def _known_keys() -> str:
    tables = (("top", SeriesMapping), ("[[pack]]", PackRule), ("readings", ReadingRule), ("[[where]]", RowFilter))
    fields = {name: [field.alias or key for key, field in table.model_fields.items()] for name, table in tables}
    return "; ".join(f"{name}: {', '.join(keys)}" for name, keys in fields.items())
