"""The benchmark runs to its end on any machine, and says what it left out."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as bench
from tests.bench import chain, ingest, rows
from tests.bench.rows import LeftOut, Row, Show

ROW = Row("draws", "10/s", "anvil: 20/s", "none", "1", "a draw")


def part(outcome: object) -> SimpleNamespace:
    def measure(show: Show) -> list[Row]:
        show("a step")
        if isinstance(outcome, Exception):
            raise outcome
        return [ROW]

    return SimpleNamespace(measure=measure)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, SimpleNamespace]:
    known = {name: part(None) for name in bench.BENCHMARKS}
    monkeypatch.setattr(bench.importlib, "import_module", lambda name: known[name.removeprefix("tests.bench.")])
    return known


@pytest.fixture
def page(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    file = tmp_path / "benchmarks.md"
    file.write_text("before\n<!-- last result: begin -->\nold\n<!-- last result: end -->\nafter\n")
    monkeypatch.setattr(rows, "RESULT_FILE", file)
    return file


def test_a_part_without_its_engine_is_left_out_by_name_and_the_others_are_kept(parts, page):
    parts["ingest"] = part(LeftOut("mosquitto", "apt-get install mosquitto"))
    assert bench.main([]) == 0
    told = page.read_text()
    assert told.count("| draws |") == len(bench.BENCHMARKS) - 1
    assert "- ingest: needs mosquitto; enable with: apt-get install mosquitto" in told
    assert told.startswith("before\n") and told.endswith("after\n") and "old" not in told


def test_a_part_that_fails_is_named_and_the_exit_status_says_so(parts, page):
    parts["facts"] = part(TimeoutError("the packs did not all arrive"))
    assert bench.main([]) == 1
    assert "- facts: failed: TimeoutError('the packs did not all arrive')" in page.read_text()


def test_each_part_shows_that_it_is_measured(parts, page, capsys: pytest.CaptureFixture[str]):
    parts["facts"] = part(TimeoutError("late"))
    bench.main([])
    told = capsys.readouterr().err.splitlines()
    for name in bench.BENCHMARKS:
        ended = "FAILED" if name == "facts" else "done"
        assert [line.partition(" (")[0] for line in told if line.startswith(f"bench {name}:")] == [
            f"bench {name}: begins",
            f"bench {name}: {ended}",
        ]


def test_a_run_of_some_parts_keeps_nothing(parts, page):
    assert bench.main(["chain"]) == 0
    assert "old" in page.read_text()


def test_where_mosquitto_is_missing_the_ingest_rows_are_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest.shutil, "which", lambda program: None)
    with pytest.raises(LeftOut, match="mosquitto"):
        ingest.measure(print)


def test_where_anvil_is_missing_the_rows_of_the_chain_are_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chain.shutil, "which", lambda program: None)
    with pytest.raises(LeftOut, match="anvil"):
        chain.measure(print)
