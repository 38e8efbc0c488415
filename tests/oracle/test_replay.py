"""`wuxin device replay`: when each pack is signed, what is refused before anything is, and what became of the packs."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from network.membership.consortium import Consortium
from node.cli import replay as command
from node.cli.device import device_of
from node.cli.main import app
from node.cli.replay import print_outcome, replay_series, show_plan
from node.demo.founding import write_consortium
from oracle.sources.broker import LOOPBACK, broker_thread
from oracle.sources.replay import WAIT_S_MAX, Device, place, replay
from oracle.sources.series import Due
from oracle.storage.cipher import StorageCipher
from oracle.storage.quarantine import QUARANTINE_FILE, Quarantine
from oracle.storage.store import EVIDENCE_FILE, Store
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.packs.pack import parse_pack
from wuxin_evidence.packs.senml import Reading

DEVICE = "scale-1"
MAPPING = '[[pack]]\ntime = "at"\nreadings = [{ name = "mass_kg", column = "t", unit = "kg", multiply = 1000 }]\n'
ROWS = "at,t\n2026-06-01T12:00:00Z,100\n2026-06-01T12:00:00.200Z,99.5\n2026-06-01T12:00:00.400Z,99\n"


def due(at_s: float, row: int = 2) -> Due:
    at_ms = 1_780_315_200_000 + round(at_s * 1000)
    return Due(at_ms, (Reading("mass_kg", Decimal(1), "kg", at_ms),), row)


class TestPlace:
    NOW_MS = 1_795_000_000_000

    @pytest.mark.parametrize(("speed", "offsets_ms"), [("1", [0, 5000, 20_000]), ("10", [0, 500, 2000]),
                                                       ("0.5", [0, 10_000, 40_000])])  # fmt: skip
    def test_intervals_are_divided_by_the_speed_and_readings_move_along(self, speed: str, offsets_ms: list[int]):
        placed = place([due(0), due(5), due(20)], self.NOW_MS, Fraction(speed))
        assert [each.at_ms - self.NOW_MS for each in placed] == offsets_ms
        assert all(each.readings[0].time_ms == each.at_ms for each in placed)

    def test_at_once_nothing_is_from_the_future(self):
        placed = place([due(0), due(5), due(20)], self.NOW_MS, None)
        assert [each.at_ms - self.NOW_MS for each in placed] == [-20_000, -15_000, 0]

    def test_a_wait_that_nobody_sees_the_end_of_is_refused_and_names_the_rows(self):
        far = [due(0, 2), due(WAIT_S_MAX + 1, 3)]
        with pytest.raises(EvidenceError) as refused:
            place(far, self.NOW_MS, Fraction(1))
        assert "row 3 would be published 24 hours after row 2" in refused.value.detail
        assert len(place(far, self.NOW_MS, Fraction(2))) == 2

    def test_each_pack_waits_for_its_time_on_the_clock(self):
        now_ms, sent = [0], []

        class Sender:
            def publish(self, readings: tuple[Reading, ...]) -> bytes:
                sent.append((now_ms[0], readings[0].time_ms))
                return b""

        def pause(missing_ms: int) -> None:
            now_ms[0] += min(missing_ms, 150)

        placed = place([due(0), due(5), due(20)], self.NOW_MS, Fraction(10))
        now_ms[0] = self.NOW_MS
        assert replay(placed, Sender(), lambda: now_ms[0], pause) == 3  # pyright: ignore[reportArgumentType]
        assert [clock_ms for clock_ms, _ in sent] == [time_ms for _, time_ms in sent]


class Members:
    """The files of the demo's members, as a process would keep them; the test says what they do with a pack."""

    def __init__(self, home: Path, consortium: Consortium, names: tuple[str, ...]) -> None:
        self.consortium_id = consortium.consortium_id
        cipher, folders = StorageCipher(bytes(16)), [home / "orgs" / name / "oracle" for name in names]
        self.stores = [Store(each / EVIDENCE_FILE, cipher) for each in folders]
        self.quarantines = [Quarantine(each / QUARANTINE_FILE, cipher) for each in folders]

    def take(self, envelope: bytes, admitting: int, refusing: int = 0) -> None:
        pack = parse_pack(envelope, self.consortium_id)
        for store in self.stores[:admitting]:
            with store.batch():
                store.add(pack, 1, late=False, now_ms=1)
        for quarantine in self.quarantines[admitting : admitting + refusing]:
            quarantine.put(envelope, "t", "clock_skew", "ahead", 1)
            quarantine.flush()


class Home:
    """A home with a broker, one device key and a series."""

    def __init__(self, path: Path, port: int) -> None:
        self.path = path
        self.consortium = write_consortium(path, start_ms=None)
        (path / "run").mkdir()
        (path / "run" / "endpoints.json").write_text(json.dumps({"mqtt": f"{LOOPBACK}:{port}"}))
        (path / "devices").mkdir()
        (path / "devices" / f"{DEVICE}.pem").write_bytes(SigningKey.generate("sm2-sm3").to_pem())
        (path / "map.toml").write_text(MAPPING)
        self.series(ROWS)

    def series(self, text: str) -> None:
        (self.path / "a.csv").write_text(text)

    def run(self, *options: str):
        files = [str(self.path / "a.csv"), "--mapping", str(self.path / "map.toml"), "--home", str(self.path)]
        return CliRunner().invoke(app, ["device", "replay", *files, *options])


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    with broker_thread() as port:
        yield port


@pytest.fixture
def home(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(command, "ADMISSION_WAIT_S", 0.3)
    return Home(tmp_path, port)


def taken_by(home: Home, monkeypatch: pytest.MonkeyPatch, *verdicts: tuple[int, int]) -> list[bytes]:
    """Three members that take each pack as (admitting, refusing) says; the envelopes, as they are published."""
    members = Members(home.path, home.consortium, ("bank", "insurer", "inspector"))
    seen: list[bytes] = []
    publish = Device.publish_envelope

    def then_take(self: Device, envelope: bytes) -> None:
        publish(self, envelope)
        members.take(envelope, *verdicts[len(seen) % len(verdicts)])
        seen.append(envelope)

    monkeypatch.setattr(Device, "publish_envelope", then_take)
    return seen


class TestAdmission:
    def test_all_admitted_is_status_0(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        taken_by(home, monkeypatch, (3, 0))
        done = home.run("--speed", "max")
        outcome = json.loads(done.stdout)
        assert done.exit_code == 0, done.output
        assert {name: outcome[name] for name in ("device", "packs", "admitted", "refused", "unknown")} == {
            "device": DEVICE, "packs": 3, "admitted": 3, "refused": 0, "unknown": 0,
        }  # fmt: skip

    def test_a_pack_that_one_member_lost_is_admitted_by_the_threshold(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ):
        taken_by(home, monkeypatch, (2, 1))
        assert home.run("--speed", "max").exit_code == 0

    def test_refused_packs_are_counted_by_code_and_are_status_1(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        taken_by(home, monkeypatch, (3, 0), (0, 3))
        done = home.run("--speed", "max")
        outcome = json.loads(done.stdout)
        assert (done.exit_code, outcome["admitted"], outcome["codes"]) == (1, 2, {"clock_skew": 1})
        assert "1 of 3 packs were refused: clock_skew 1" in done.stderr

    def test_too_few_answers_are_unknown_and_status_5(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        taken_by(home, monkeypatch, (1, 1))
        done = home.run("--speed", "max")
        assert (done.exit_code, json.loads(done.stdout)["unknown"]) == (5, 3)

    def test_without_members_on_this_machine_admission_is_unknown(self, home: Home):
        done = home.run("--speed", "max")
        assert done.exit_code == 5
        assert "published, admission unknown: 3 packs" in done.stderr

    def test_what_was_signed_moves_with_the_speed(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        seen = taken_by(home, monkeypatch, (3, 0))
        outcome, _ = replay_series(
            home.path, home.path / "a.csv", home.path / "map.toml", DEVICE, "10", told=io.StringIO()
        )
        times = [parse_pack(each, home.consortium.consortium_id).readings[0].time_ms for each in seen]
        assert [each - times[0] for each in times] == [0, 20, 40]
        assert outcome["speed"] == "10"


class TestRefusals:
    @pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e9", "１", "fast", ""])
    def test_a_speed_that_is_none(self, home: Home, speed: str):
        with pytest.raises(EvidenceError) as refused:
            show_plan(home.path, home.path / "a.csv", home.path / "map.toml", None, speed)
        assert refused.value.code == "malformed"

    def test_nothing_is_published_of_a_file_with_a_bad_row(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        seen = taken_by(home, monkeypatch, (3, 0))
        home.series(ROWS + "2026-06-01T12:00:01Z,98,5\n")
        assert isinstance(home.run("--speed", "max").exception, EvidenceError)
        assert seen == []

    def test_a_row_of_the_year_2000_does_not_hang(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        seen = taken_by(home, monkeypatch, (3, 0))
        home.series("at,t\n2000-01-01T00:00:00Z,100\n" + ROWS.partition("\n")[2])
        (home.path / "map.toml").write_text("gap_days_max = 3660\n" + MAPPING)
        refused = home.run("--speed", "1").exception
        assert isinstance(refused, EvidenceError) and "row 2" in refused.detail
        assert seen == []

    def test_without_a_broker_it_is_unavailable(self, home: Home):
        (home.path / "run" / "endpoints.json").write_text(json.dumps({"mqtt": f"{LOOPBACK}:1"}))
        refused = home.run().exception
        assert isinstance(refused, EvidenceError) and refused.code == "unavailable"

    def test_a_device_without_a_key_is_unknown(self, home: Home):
        refused = home.run("--device", "scale-9").exception
        assert isinstance(refused, EvidenceError) and refused.code == "unknown_device"


class TestDryRun:
    def test_it_shows_counts_times_and_first_packs_and_needs_no_key(self, tmp_path: Path):
        (tmp_path / "map.toml").write_text('bad_rows = "set_aside"\n' + MAPPING)
        (tmp_path / "a.csv").write_text(ROWS + "2026-06-01T12:00:01Z,?\n")
        plan = show_plan(tmp_path, tmp_path / "a.csv", tmp_path / "map.toml", None, "10")
        assert (plan["dry_run"], plan["packs"], plan["set_aside"]) == (True, 3, 1)
        assert plan["recorded"] == ["2026-06-01T12:00:00.000Z", "2026-06-01T12:00:00.400Z"]
        assert plan["first"][1]["readings"] == [{"name": "mass_kg", "value": "99500.0", "unit": "kg"}]
        assert plan["first"][1]["recorded"] == "2026-06-01T12:00:00.200Z"

    def test_the_command_signs_nothing(self, home: Home, monkeypatch: pytest.MonkeyPatch):
        seen = taken_by(home, monkeypatch, (3, 0))
        done = home.run("--dry-run")
        assert (done.exit_code, json.loads(done.stdout)["packs"], seen) == (0, 3, [])

    def test_a_row_set_aside_is_said_without_its_control_characters(self, tmp_path: Path):
        (tmp_path / "map.toml").write_text('bad_rows = "set_aside"\n' + MAPPING)
        (tmp_path / "a.csv").write_text(ROWS + "2026-06-01T12:00:01Z,\x1b[2J\u202e\n", encoding="utf-8")
        told = io.StringIO()
        print_outcome(show_plan(tmp_path, tmp_path / "a.csv", tmp_path / "map.toml", None, "1"), told)
        (line,) = told.getvalue().splitlines()
        assert line.startswith("set aside: row 5, column 't'") and line.isprintable()


class Terminal(io.StringIO):
    """Standard error of a person."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_elsewhere_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "PROGRESS_S", 0.0)
    monkeypatch.setattr(command, "LINE_S", 0.0)
    terminal, file = Terminal(), io.StringIO()
    for told in (terminal, file):
        show = command._progress(2, told)
        show(1)
        show(2)
    assert terminal.getvalue() == f"\r[{'#' * 15:<30}] 1 of 2 packs\r[{'#' * 30}] 2 of 2 packs\n"
    assert file.getvalue() == "1 of 2 packs published\n2 of 2 packs published\n"


ROW = {"name": "mass_kg", "value": "49.3", "unit": "kg", "time_ms": 1_795_883_000_123}


class TestSign:
    def signed(self, home: Home, text: str):
        (home.path / "r.json").write_text(text, encoding="utf-8")
        out = home.path / "p.cose"
        options = ["--device", DEVICE, "--boot", "1", "--seq", "0", "--out", str(out), "--home", str(home.path)]
        done = CliRunner().invoke(app, ["pack", "sign", str(home.path / "r.json"), *options])
        return done, out

    @pytest.mark.parametrize("value", ["49.3", 49, "-0.5", "1e3"])
    def test_a_number_or_its_text_is_signed_as_it_is(self, home: Home, value: object):
        done, out = self.signed(home, json.dumps([{**ROW, "value": value}]))
        assert done.exit_code == 0
        (reading,) = parse_pack(out.read_bytes(), home.consortium.consortium_id).readings
        assert (reading.value, reading.time_ms) == (Decimal(str(value)), ROW["time_ms"])

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("value", "４９.３"), ("value", "٤٩"), ("value", "1_0"), ("value", "49,3"), ("value", "NaN"), ("value", ""),
            ("value", True), ("value", None), ("value", [1]), ("time_ms", 1795883000123.9), ("time_ms", 1.0),
            ("time_ms", "1795883000123"), ("time_ms", "１７９５８８３０００１２３"), ("time_ms", True), ("time_ms", 5),
            ("name", 7), ("name", "mass kg"), ("unit", None), ("colour", "red"),
        ],
    )  # fmt: skip
    def test_anything_else_is_malformed_and_writes_nothing(self, home: Home, field: str, value: object):
        done, out = self.signed(home, json.dumps([{**ROW, field: value}]))
        assert isinstance(done.exception, EvidenceError) and done.exception.code == "malformed"
        assert not out.exists()

    @pytest.mark.parametrize("field", list(ROW))
    def test_a_field_that_stands_twice_in_one_reading_is_malformed_and_named(self, home: Home, field: str):
        text = json.dumps([ROW]).replace("{", "{" + f'"{field}": {json.dumps(ROW[field])}, ')
        done, out = self.signed(home, text)
        assert isinstance(done.exception, EvidenceError) and done.exception.code == "malformed"
        assert repr(field) in done.exception.detail and not out.exists()

    def test_one_reading_with_two_values_at_one_time_is_malformed_and_named(self, home: Home):
        done, out = self.signed(home, json.dumps([ROW, {**ROW, "name": "withdrawal_kg"}, {**ROW, "value": 1}]))
        assert isinstance(done.exception, EvidenceError) and done.exception.code == "malformed"
        assert "reading 2: mass_kg" in done.exception.detail and not out.exists()

    def test_a_device_of_this_home_signs_no_two_values_of_one_reading_and_time(self, home: Home):
        readings = due(0).readings
        device = device_of(home.path, DEVICE)
        with pytest.raises(EvidenceError) as refused:
            device.publish((*readings, replace(readings[0], value=2)))
        device.close()
        assert refused.value.code == "malformed" and "reading 1: mass_kg" in refused.value.detail

    @pytest.mark.parametrize("text", ["{", "{}", "[1]", "[]", "[" * 100_000, "[NaN]"])
    def test_a_file_of_another_shape_is_malformed(self, home: Home, text: str):
        done, out = self.signed(home, text)
        assert isinstance(done.exception, EvidenceError) and done.exception.code == "malformed"
        assert not out.exists()
