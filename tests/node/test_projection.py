"""How attestations fold into the newest values: as the attestation feed does it."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection, create_engine, select

from node.projection import tables
from node.projection.facts import _apply_values  # pyright: ignore[reportPrivateUsage] -- the fold itself is under test
from wuxin_evidence.attestation import MISSING, OK, SUSPECT, Attestation, Indicator
from wuxin_evidence.ids import indicator_id

QUANTITY = indicator_id("quantity_g")
FIRST = Attestation(
    bytes(32), 1, b"s" * 32, 0, 1, 0, 900, bytes(32), bytes(32), 1, 0, (Indicator(QUANTITY, 5_000_000, 10_000, OK),)
)


def after(*said: tuple[int, int]) -> tuple[int, int, int]:
    """Value, status and sequence after these (status, value) in order."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.READ_MODEL.create_all(connection)
        for sequence, (status, value) in enumerate(said, 1):
            indicators = (Indicator(QUANTITY, value, 10_000 if status == OK else 0, status),)
            _apply_values(connection, replace(FIRST, sequence=sequence, indicators=indicators))
        return _newest(connection)


def _newest(connection: Connection) -> tuple[int, int, int]:
    row = connection.execute(select(tables.feed_value)).one()
    return row.value, row.status, row.sequence


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(OK, 5)], (5, OK, 1)),
        ([(OK, 5), (MISSING, 0)], (5, MISSING, 2)),
        ([(OK, 5), (SUSPECT, 9)], (5, SUSPECT, 2)),
        ([(OK, 5), (SUSPECT, 9), (MISSING, 0)], (5, SUSPECT, 3)),
        ([(OK, 5), (SUSPECT, 9), (MISSING, 0), (OK, 7)], (7, OK, 4)),
    ],
)
def test_a_missing_window_never_clears_a_suspect_one(
    said: list[tuple[int, int]], expected: tuple[int, int, int]
) -> None:
    assert after(*said) == expected
