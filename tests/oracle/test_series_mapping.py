"""The mapping of a series: each key of the wrong form is refused and named by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from oracle.sources.mapping import load_mapping
from tests.oracle.series_folder import MASS, NOON, Folder, table
from wuxin_evidence.errors import EvidenceError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class TestMapping:
    @pytest.mark.parametrize(
        ("keys", "named"),
        [
            ("colour = 1", "'colour' is no key of a mapping"),
            ('encoding = "rot13"', "encoding"),
            ('delimiter = "::"', "delimiter"),
            ('decimal = "·"', "decimal"),
            ('zone = "Moon/Crater"', "zone"),
            ('time_form = "%Q"', "time_form"),
            ('time_form = "%H:%M"', "time_form"),
            ('time_form = "%d.%m.%Y %I:%M"', "time_form"),
            ('time_form = "%d.%d.%Y %m %H"', "time_form"),
            ('fold = "maybe"', "fold"),
            ('midnight_24 = "yes"', "midnight_24"),
            ("midnight_24 = 1", "midnight_24"),
            ("gap_days_max = true", "gap_days_max"),
            ("gap_days_max = 0", "gap_days_max"),
            ('gap_days_max = "31"', "gap_days_max"),
            ("bad_rows_percent_max = 51", "bad_rows_percent_max"),
            ('blanks = "-"', "blanks"),
            ('device = "a/b"', "device"),
            ("device = 2026-06-01", "device"),
        ],
    )
    def test_a_wrong_key_type_or_bound_is_named(self, folder: Folder, keys: str, named: str):
        error = folder.refusal(table(f"{NOON},1"), keys)
        assert error.code == "malformed" and named in error.detail and error.hint

    @pytest.mark.parametrize(
        ("pack", "named"),
        [
            ("", "pack"),
            ('[[pack]]\ntime = "at"\nreadings = []\n', "pack[0].readings"),
            ('[[pack]]\nreadings = [{ name = "m", column = "t", unit = "kg" }]\n', "pack[0].time"),
            (MASS.replace("1000", "0.5"), "pack[0].readings[0].multiply"),
            (MASS.replace("1000", '"1000"'), "pack[0].readings[0].multiply"),
            (MASS.replace("mass_kg", "mass kg"), "pack[0].readings[0].name"),
            (MASS.replace('unit = "kg"', 'unit = "k\\u202eg"'), "pack[0].readings[0].unit"),
            (MASS.replace('unit = "kg"', 'unit = "kg", factor = 2'), "pack[0].readings[0].factor"),
            (
                MASS.replace("readings = [", 'readings = [{ name = "mass_kg", column = "b", unit = "kg" }, '),
                "pack[0].readings: two readings are named mass_kg",
            ),
            (MASS + MASS, "pack: two readings are named mass_kg at one time"),
        ],
    )
    def test_a_wrong_rule_is_named_by_its_place(self, folder: Folder, pack: str, named: str):
        assert named in folder.refusal(table(f"{NOON},1"), packs=pack).detail

    @pytest.mark.parametrize("raw", [b"a = [", b"\xff\xfe", b"a = 1\na = 2\n", b"a = " + b"[" * 60_000, b"x" * 70_000])
    def test_a_file_that_is_no_toml_is_refused(self, tmp_path: Path, raw: bytes):
        (tmp_path / "map.toml").write_bytes(raw)
        with pytest.raises(EvidenceError) as refused:
            load_mapping(tmp_path / "map.toml")
        assert refused.value.code in ("malformed", "too_large")
