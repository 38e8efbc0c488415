"""Recorded series: read rightly when the mapping says how they are written, else refused with row and column."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.sources import series as series_module
from oracle.sources.series import Series, read_number
from oracle.sources.times import CellError, TimeReader
from tests.oracle.series_folder import MASS, NOON, NOON_MS, Folder, masses, table
from wuxin_evidence.errors import EvidenceError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class TestCells:
    def test_a_row_is_a_pack_with_its_recorded_time_and_an_exact_value(self, folder: Folder):
        series = folder.read(table(f"{NOON},49.3", "2026-06-01T12:00:05Z,0.0001"))
        assert [(due.at_ms, due.row) for due in series.packs] == [(NOON_MS, 2), (NOON_MS + 5000, 3)]
        assert masses(series) == [Decimal(49300), Decimal("0.1")]
        assert series.packs[0].readings[0].unit == "kg"

    def test_thirty_eight_digits_stay_exact(self, folder: Folder):
        digits = "12345678901234567890123456789012345"
        assert masses(folder.read(table(f"{NOON},{digits}"))) == [int(digits) * 1000]

    @pytest.mark.parametrize(
        ("row", "column"),
        [
            (f"{NOON},49,3", "'3'"),
            (f"{NOON}", "'t'"),
            (f"{NOON},", "'t'"),
            (f"{NOON},ok", "'t'"),
            (f"{NOON},nan", "'t'"),
            (f"{NOON},Infinity", "'t'"),
            (f"{NOON},1_000", "'t'"),
            (f"{NOON},0x10", "'t'"),
            (f"{NOON},1E+999999", "'t'"),
            (f"{NOON},1E99", "'t'"),
            (f"{NOON},{'9' * 60}", "'t'"),
            (f"{NOON},４９.３", "'t'"),
            (f"{NOON},٤٩", "'t'"),
            (f"{NOON},1 000", "'t'"),
            (f'{NOON},"49,3"', "'t'"),
            ("yesterday,49.3", "'at'"),
            ("2026-06-01,49.3", "'at'"),
            ("2026-06-31T12:00:00Z,49.3", "'at'"),
            ("2026-06-01T25:00:00Z,49.3", "'at'"),
            ("2026-06-01T12:00:60Z,49.3", "'at'"),
            ("２０２６-06-01T12:00:00Z,49.3", "'at'"),
            ("2026-06-01T12:00:00,49.3", "'at'"),
            ("2026-06-01T12:00:00+99:00,49.3", "'at'"),
            ("1970-01-01T00:00:12Z,49.3", "'at'"),
            ("0000-01-01T00:00:12Z,49.3", "'at'"),
        ],
    )
    def test_a_row_that_does_not_fit_refuses_the_file_with_row_and_column(self, folder: Folder, row: str, column: str):
        error = folder.refusal(table(f"{NOON},50", row, f"{NOON},51"))
        assert error.code == "malformed"
        assert f"row 3, column {column}" in error.detail
        assert "bad_rows" in error.hint

    def test_a_decimal_comma_is_read_when_the_mapping_says_so(self, folder: Folder):
        german = table(f"{NOON};49,3", head="at;t")
        assert "delimiter = ';'" in folder.refusal(german).hint
        assert 'decimal = ","' in folder.refusal(german, 'delimiter = ";"').hint
        assert masses(folder.read(german, 'delimiter = ";"\ndecimal = ","')) == [49300]
        assert "decimal" in folder.refusal(table(f"{NOON};49.3", head="at;t"), 'delimiter = ";"\ndecimal = ","').hint

    def test_an_unquoted_decimal_comma_is_never_two_columns(self, folder: Folder):
        error = folder.refusal("at,t,out\n" + f"{NOON},49,3,0,2\n", 'decimal = ","')
        assert "5 cells where the head has 3" in error.detail

    def test_full_width_digits_are_read_when_the_mapping_says_so(self, folder: Folder):
        wide = table(f"{NOON},－４９．３", f"{NOON},5")
        assert "fullwidth" in folder.refusal(wide).hint
        assert masses(folder.read(wide, 'digits = "fullwidth"')) == [-49300, 5000]

    def test_a_blank_cell_is_no_reading_when_the_mapping_says_so(self, folder: Folder):
        rows = table(f"{NOON},", f"{NOON},-", f"{NOON},7")
        assert "blanks" in folder.refusal(rows).hint
        series = folder.read(rows, 'blanks = ["", "-"]')
        assert (masses(series), series.rows) == ([7000], 3)

    def test_rows_that_the_filter_leaves_out_are_counted(self, folder: Folder):
        rows = table(f"{NOON},1,ok", f"{NOON},bad,moving", f"{NOON},2,calm", head="at,t,state")
        series = folder.read(rows, "", '[[where]]\ncolumn = "state"\nis = ["ok", "calm"]\n' + MASS)
        assert (masses(series), series.rows, series.filtered) == ([1000, 2000], 3, 1)

    def test_one_row_may_be_two_packs(self, folder: Folder):
        packs = MASS + '[[pack]]\ntime = "end"\nreadings = [{ name = "mass_kg", column = "t2", unit = "kg" }]\n'
        series = folder.read("at,t,end,t2\n" + f"{NOON},1,2026-06-01T12:00:09Z,5\n", packs=packs)
        assert masses(series) == [1000, 5]


class TestFile:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_a_byte_order_mark_is_no_part_of_the_first_column(self, folder: Folder, encoding: str):
        assert masses(folder.read(table(f"{NOON},1").encode(encoding))) == [1000]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"), ("gb18030", "gb18030"),
            ("gbk", "gbk"), ("big5", "big5"), ("shift_jis", "shift_jis"), ("euc_jp", "euc_jp"),
        ],
    )  # fmt: skip
    def test_an_encoding_is_read_when_the_mapping_says_it(self, folder: Folder, written: str, said: str):
        raw = table(f"{NOON},1,正常", head="at,t,量").encode(written, "replace")
        error = folder.refusal(raw)
        assert error.code == "malformed" and "row 1" in error.detail
        assert masses(folder.read(raw, f'encoding = "{said}"')) == [1000]

    def test_the_first_bad_byte_is_named_by_its_row(self, folder: Folder):
        raw = table(*[f"{NOON},{n}" for n in range(2000)]).encode() + f"{NOON},1,\xff".encode("latin-1")
        assert f"row 2002: byte {len(raw) - 1} is not utf-8" in folder.refusal(raw).detail

    def test_a_file_that_ends_within_a_character_is_refused(self, folder: Folder):
        assert folder.refusal(table(f"{NOON},1,量", head="at,t,x").encode()[:-2]).code == "malformed"

    @pytest.mark.parametrize("head", ["at,t,t", "at,at,t", "at,t, t", "at,t,note,note"])
    def test_a_column_that_occurs_twice_refuses_the_file(self, folder: Folder, head: str):
        cells = ",1" * (head.count(","))
        assert "row 1: column" in folder.refusal(table(f"{NOON}{cells}", head=head)).detail

    def test_a_column_that_is_not_there_is_named_with_the_head(self, folder: Folder):
        assert "no column 't'; the head is 'at', 'kg'" in folder.refusal(table(f"{NOON},1", head="at,kg")).detail

    @pytest.mark.parametrize("content", ["", "\n\n", "at,t\n", "at,t\n\n"])
    def test_a_file_without_rows_is_refused(self, folder: Folder, content: str):
        assert folder.refusal(content).code == "malformed"

    def test_empty_lines_and_spaces_around_cells_are_nothing(self, folder: Folder):
        assert masses(folder.read(f"at , t\r\n\r\n{NOON} , 49.3 \r\n   \r\n")) == [49300]

    def test_a_quoted_cell_may_hold_the_delimiter(self, folder: Folder):
        assert masses(folder.read(f'at,t,note\n{NOON},1,"a, b"\n{NOON},2,x\n')) == [1000, 2000]

    @pytest.mark.parametrize("keys", ["", 'bad_rows = "set_aside"'])
    def test_two_stray_quotes_never_swallow_the_rows_between_them(self, folder: Folder, keys: str):
        rows = f'at,t,note\n{NOON},1,x\n{NOON},9,"a\n{NOON},2,b\n{NOON},3,c"\n' + f"{NOON},4,d\n" * 9
        error = folder.refusal(rows, keys)
        assert "row 3: a quoted cell goes over a line end, to line 5" in error.detail and "stray quote" in error.hint

    @pytest.mark.parametrize("break_", ["\n", "\r", "\r\n"])
    def test_a_head_with_a_line_break_in_a_cell_is_refused_too(self, folder: Folder, break_: str):
        assert "row 1" in folder.refusal(f'at,"t{break_}(kg)"\n{NOON},1\n').detail

    @pytest.mark.parametrize(
        ("written", "said", "hint"),
        [
            ("utf-32", "utf-8", "save the file as UTF-8"),
            ("utf-32-le", "utf-8", "save the file as UTF-8"),
            ("utf-32-be", "utf-16", "save the file as UTF-8"),
            ("utf-16", "utf-8", 'encoding = "utf-16"'),
            ("utf-16-le", "utf-8", 'encoding = "utf-16-le"'),
            ("utf-16-be", "utf-8", 'encoding = "utf-16-be"'),
            ("utf-16-be", "utf-16", 'encoding = "utf-16-be"'),
            ("utf-16-be", "utf-16-le", 'encoding = "utf-16-be"'),
            ("utf-16-le", "gb18030", 'encoding = "utf-16-le"'),
            ("utf-8-sig", "gb18030", 'encoding = "utf-8"'),
            ("utf-8", "utf-16", "leave encoding out if it is UTF-8"),
        ],
    )
    def test_a_file_in_another_encoding_is_refused_with_the_encoding_to_write(
        self, folder: Folder, written: str, said: str, hint: str
    ):
        error = folder.refusal(table(f"{NOON},1,一号仓", head="at,t,量").encode(written), f'encoding = "{said}"')
        assert error.code == "malformed" and hint in error.hint

    @pytest.mark.parametrize("row", ["9999-12-31T23:30:00-01:00,1", "9999-12-31T24:00:00Z,1"])
    def test_a_time_beyond_the_calendar_is_refused_with_row_and_column(self, folder: Folder, row: str):
        assert "row 3, column 'at'" in folder.refusal(table(f"{NOON},1", row), "midnight_24 = true").detail

    def test_the_last_moment_of_the_calendar_is_read(self, folder: Folder):
        (due,) = folder.read(table("9999-12-31T23:59:59.999Z,1")).packs
        assert due.at_ms == 253_402_300_799_999

    @pytest.mark.parametrize("cell", ['"open', '"a"b', "x" * 140_000, "\x00"])
    def test_a_cell_that_csv_does_not_allow_or_that_is_huge_is_refused_and_not_a_traceback(
        self, folder: Folder, cell: str
    ):
        assert "row 3" in folder.refusal(f"at,t\n{NOON},1\n{NOON},{cell}\n{NOON},2\n").detail

    def test_more_rows_or_bytes_than_the_bound_are_too_large(self, folder: Folder, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(series_module, "ROWS_MAX", 2)
        assert folder.refusal(table(f"{NOON},1", f"{NOON},2")).code == "too_large"
        monkeypatch.setattr(series_module, "SERIES_BYTES_MAX", 10)
        assert folder.refusal(table(f"{NOON},1")).code == "too_large"


class TestBadRows:
    ROWS = table(f"{NOON},1", "never,2", f"{NOON},3,4", f"{NOON},x", f"{NOON},5", f"{NOON},6", f"{NOON},7")

    def test_they_are_set_aside_with_row_column_and_reason_and_the_rest_goes_on(self, folder: Folder):
        series = folder.read(self.ROWS, 'bad_rows = "set_aside"')
        assert masses(series) == [1000, 5000, 6000, 7000]
        assert [(each.row, each.column) for each in series.set_aside] == [(3, "at"), (4, "3"), (5, "t")]
        assert "never" in series.set_aside[0].reason

    def test_a_larger_share_than_allowed_refuses_the_file(self, folder: Folder):
        error = folder.refusal(self.ROWS, 'bad_rows = "set_aside"\nbad_rows_percent_max = 20')
        assert "first row 3, column 'at'" in error.detail

    def test_a_bad_row_leaves_no_half_of_it_behind(self, folder: Folder):
        packs = MASS + '[[pack]]\ntime = "at"\nreadings = [{ name = "withdrawal_kg", column = "t2", unit = "kg" }]\n'
        rows = f"at,t,t2\n{NOON},1,x\n{NOON},2,3\n{NOON},2,3\n"
        assert masses(folder.read(rows, 'bad_rows = "set_aside"', packs)) == [2000, 3, 2000, 3]

    def test_the_number_of_bad_rows_is_bounded(self, folder: Folder, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(series_module, "SET_ASIDE_MAX", 2)
        assert folder.refusal(self.ROWS, 'bad_rows = "set_aside"').code == "too_large"


def minutes(*rows: str) -> str:
    return table(*[f"2026-06-01T{row}" for row in rows])


def set_aside(series: Series) -> list[int]:
    return [each.row for each in series.set_aside]


ASIDE = 'bad_rows = "set_aside"'


class TestOrder:
    GOOD = tuple(f"08:{minute:02}:00Z,{minute}" for minute in range(40))

    def test_one_row_with_a_wrong_clock_is_what_is_set_aside_and_the_drop_after_it_is_signed(self, folder: Folder):
        series = folder.read(minutes(*self.GOOD[:20], "23:00:00Z,99", *self.GOOD[20:]), ASIDE)
        assert masses(series) == [1000 * minute for minute in range(40)]
        assert set_aside(series) == [22] and "out of the order" in series.set_aside[0].reason

    @pytest.mark.parametrize("place", [0, 1, 7, 39])
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_the_wrong_row_may_be_any_even_the_first_of_the_file(self, folder: Folder, place: int, newest_first: bool):
        good = self.GOOD[::-1] if newest_first else self.GOOD
        wrong = "07:00:00Z,99" if (place > 1) is not newest_first else "23:00:00Z,99"
        series = folder.read(minutes(*good[:place], wrong, *good[place:]), ASIDE)
        assert masses(series) == [1000 * minute for minute in range(40)]
        assert set_aside(series) == [place + 2]

    @pytest.mark.parametrize(
        ("rows", "named"),
        [
            (("08:00:00Z,1", "08:01:00Z,2", "08:03:00Z,3", "08:02:00Z,4", "08:04:00Z,5"), ("row 5", "row 4")),
            (("08:00:00Z,1", "08:09:00Z,2", "08:01:00Z,3"), ("row 4", "row 3")),
            ((*GOOD[20:], *GOOD[:19]), ("row 22", "row 21")),
            ((*GOOD[:20], "23:00:00Z,98", "23:01:00Z,99", *GOOD[20:]), ("row 24", "row 23")),
        ],
        ids=["two rows swapped", "three rows", "a clock that was set back", "two wrong rows that agree"],
    )
    def test_where_it_cannot_be_told_which_rows_are_wrong_the_file_is_refused_and_two_are_named(
        self, folder: Folder, rows: tuple[str, ...], named: tuple[str, str]
    ):
        error = folder.refusal(minutes(*rows), ASIDE)
        assert all(each in error.detail for each in named) and "cannot be told" in error.detail
        assert "correct the row" in error.hint and 'order = "any"' in error.hint

    def test_times_that_were_chosen_by_the_order_of_rows_are_refused_where_the_order_is_broken(self, folder: Folder):
        rows = [f"2025-10-26T02:{minute:02}:00,{minute}" for minute in range(0, 60, 5)]
        keys = f'{ASIDE}\n{BERLIN}\nfold = "by_order"'
        assert len(folder.read(table(*rows, *rows), keys).packs) == 24
        within = table(*rows[:4], "2025-10-26T02:50:00,99", *rows[4:], *rows)
        assert "row 15" in folder.refusal(within, keys).detail
        before = table("2025-10-26T01:00:00,0", "2025-10-27T09:00:00,99", "2025-10-26T01:05:00,1", *rows)
        assert "row 4" in folder.refusal(before, keys).detail
        after = table(*rows, "2025-10-27T09:00:00,99", "2025-10-26T04:00:00,1", "2025-10-26T04:01:00,1")
        assert "row 15" in folder.refusal(after, keys).detail

    def test_newest_first_is_turned_round_among_equal_times_too(self, folder: Folder):
        rows = ("08:02:00Z,10", "08:00:00Z,20", "08:00:00Z,30", "07:59:00Z,40")
        assert masses(folder.read(minutes(*rows))) == [40_000, 30_000, 20_000, 10_000]
        assert masses(folder.read(minutes(*rows[::-1]))) == [40_000, 30_000, 20_000, 10_000]

    def test_two_packs_of_one_row_keep_the_order_of_the_mapping(self, folder: Folder):
        packs = MASS + '[[pack]]\ntime = "at"\nreadings = [{ name = "withdrawal_kg", column = "w", unit = "kg" }]\n'
        rows = table("2026-06-01T08:01:00Z,2,7", "2026-06-01T08:00:00Z,1,6", head="at,t,w")
        assert masses(folder.read(rows, packs=packs)) == [1000, 6, 2000, 7]

    def test_a_row_is_set_aside_whole_where_one_of_its_times_is_wrong(self, folder: Folder):
        packs = MASS + '[[pack]]\ntime = "end"\nreadings = [{ name = "mass_kg", column = "t", unit = "kg" }]\n'
        rows = [f"2026-06-01T08:{n:02}:00Z,{n},2026-06-01T08:{n:02}:30Z" for n in range(9)]
        rows[4] = "2026-06-01T08:04:00Z,4,2026-06-01T23:00:00Z"
        series = folder.read(table(*rows, head="at,t,end"), ASIDE, packs)
        assert set_aside(series) == [6] and series.set_aside[0].column == "end"
        assert len(series.packs) == 16

    def test_newest_first_is_read_and_sorted(self, folder: Folder):
        series = folder.read(table("2026-06-01T12:00:09Z,2", f"{NOON},1"))
        assert masses(series) == [1000, 2000]

    def test_times_that_turn_round_are_refused_unless_the_mapping_says_any(self, folder: Folder):
        rows = table("2026-06-01T12:00:05Z,1", "2026-06-01T12:00:09Z,2", f"{NOON},3")
        assert "row 4, column 'at'" in folder.refusal(rows).detail
        assert masses(folder.read(rows, 'order = "any"')) == [3000, 1000, 2000]

    def test_a_row_of_a_wrong_year_is_named_with_its_neighbour(self, folder: Folder):
        rows = table("2000-01-01T00:00:00Z,1", f"{NOON},2")
        error = folder.refusal(rows)
        assert "days between row 2 (2000-01-01" in error.detail and "and row 3 (2026-06-01" in error.detail
        far = table("2026-01-01T00:00:00Z,1", f"{NOON},2")
        assert "gap_days_max" in folder.refusal(far).hint
        assert len(folder.read(far, "gap_days_max = 200").packs) == 2


BERLIN = 'zone = "Europe/Berlin"'


class TestZones:
    AUTUMN = table(
        "2025-10-26T01:59:55,1", "2025-10-26T02:30:00,2", "2025-10-26T02:59:55,3", "2025-10-26T02:00:00,4",
        "2025-10-26T02:30:00,5", "2025-10-26T03:00:00,6",
    )  # fmt: skip

    def test_a_local_time_needs_a_zone(self, folder: Folder):
        assert 'zone = "UTC"' in folder.refusal(self.AUTUMN).hint

    def test_the_hour_that_occurs_twice_is_refused_unless_fold_says_which(self, folder: Folder):
        error = folder.refusal(self.AUTUMN, BERLIN)
        assert "row 3, column 'at'" in error.detail and "fold" in error.hint

    def test_by_order_of_rows_both_hours_are_read_rightly(self, folder: Folder):
        series = folder.read(self.AUTUMN, BERLIN + '\nfold = "by_order"')
        assert masses(series) == [1000, 2000, 3000, 4000, 5000, 6000]
        assert series.packs[-1].at_ms - series.packs[0].at_ms == (2 * 3600 + 5) * 1000

    def test_by_order_a_row_that_goes_back_in_the_later_hour_is_refused(self, folder: Folder):
        rows = table("2025-10-26T02:30:00,1", "2025-10-26T02:20:00,2", "2025-10-26T02:10:00,3")
        assert "row 4" in folder.refusal(rows, BERLIN + '\nfold = "by_order"').detail

    @pytest.mark.parametrize(("fold", "offset_h"), [("earlier", 2), ("later", 1)])
    def test_earlier_and_later_choose_the_offset(self, folder: Folder, fold: str, offset_h: int):
        (due,) = folder.read(table("2025-10-26T02:30:00,1"), f'{BERLIN}\nfold = "{fold}"').packs
        assert due.at_ms == 1_761_445_800_000 - offset_h * 3_600_000

    def test_a_wrong_zone_shows_in_times_that_go_back(self, folder: Folder):
        for zone in ("UTC", "+01:00"):
            assert "goes back" in folder.refusal(self.AUTUMN, f'zone = "{zone}"').detail

    def test_a_time_that_clocks_jumped_over_is_refused(self, folder: Folder):
        error = folder.refusal(table("2026-03-29T02:30:00,1"), BERLIN + '\nfold = "earlier"')
        assert "jumped over" in error.detail

    def test_an_offset_in_the_cell_wins_over_the_zone(self, folder: Folder):
        (due,) = folder.read(table("2026-06-01T20:00:00+08:00,1"), BERLIN).packs
        assert due.at_ms == NOON_MS

    @pytest.mark.parametrize("zone", ["+08:00", "Asia/Shanghai"])
    def test_a_zone_may_be_an_offset_or_a_name(self, folder: Folder, zone: str):
        assert folder.read(table("2026-06-01 20:00:00,1"), f'zone = "{zone}"').packs[0].at_ms == NOON_MS


class TestForms:
    @pytest.mark.parametrize(
        ("form", "text"),
        [
            ("unix_s", "1780315200"),
            ("unix_s", "1780315200.000"),
            ("unix_ms", "1780315200000"),
            ("%d.%m.%Y %H:%M:%S", "01.06.2026 12:00:00"),
            ("%d.%m.%Y %H:%M:%S", "1.6.2026 12:00:00"),
            ("%m/%d/%y %I:%M %p", "6/1/26 12:00 PM"),
            ("%Y年%m月%d日 %H:%M", "2026年06月01日 12:00"),
            ("%Y%m%dT%H%M%S%z", "20260601T120000Z"),
            ("iso", "2026-06-01 12:00"),
            ("iso", "2026-06-01T12:00:00.0009Z"),
            ("iso", "2026-06-01T14:00:00+0200"),
        ],
    )
    def test_a_time_form_is_read_when_the_mapping_says_it(self, folder: Folder, form: str, text: str):
        keys = f'time_form = "{form}"\nzone = "UTC"'
        assert folder.read(table(f"{text},1"), keys).packs[0].at_ms == NOON_MS

    @pytest.mark.parametrize(
        ("form", "text"),
        [
            ("unix_s", "1780315200000"), ("unix_s", "1.78E9"), ("unix_ms", "1780315200000.9"), ("unix_ms", "-5"),
            ("%d.%m.%Y %H:%M", "06/01/2026 12:00"), ("%m/%d/%y %I:%M %p", "6/1/26 13:00 PM"),
            ("%d.%m.%Y %H:%M", "13.13.2026 12:00"), ("iso", "20260601T120000Z"),
        ],
    )  # fmt: skip
    def test_a_time_of_another_form_is_refused(self, folder: Folder, form: str, text: str):
        assert "row 2, column 'at'" in folder.refusal(table(f"{text},1"), f'time_form = "{form}"\nzone = "UTC"').detail

    def test_twenty_four_oclock_is_the_next_midnight_when_the_mapping_says_so(self, folder: Folder):
        row = table("2026-05-31T24:00:00Z,1")
        assert "midnight_24 = true" in folder.refusal(row).hint
        assert folder.read(row, "midnight_24 = true").packs[0].at_ms == NOON_MS - 12 * 3_600_000
        late = table("2026-05-31T24:00:01Z,1")
        assert "does not exist" in folder.refusal(late, "midnight_24 = true").detail


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20))
def test_any_decimal_is_read_as_it_is_written_with_either_sign(value: Decimal):
    text = format(value, "f")
    assert read_number(text) == read_number(text.replace(".", ","), ",") == value


@given(st.text(max_size=80))
def test_no_text_makes_a_number_or_a_time_fail_otherwise_than_by_its_name(text: str):
    for read in (read_number, TimeReader(zone="Europe/Berlin").read, TimeReader("unix_s").read):
        try:
            read(text)
        except CellError as error:
            assert error.reason and error.hint


@given(st.binary(max_size=300))
def test_no_bytes_make_a_file_fail_otherwise_than_by_its_name(tmp_path_factory: pytest.TempPathFactory, raw: bytes):
    folder = Folder(tmp_path_factory.getbasetemp())
    try:
        folder.read(b"at,t\n" + raw)
    except EvidenceError as error:
        assert error.code in ("malformed", "too_large")
