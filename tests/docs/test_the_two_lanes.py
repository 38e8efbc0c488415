"""The two lanes of `make test` hold every test file once."""

import json
from types import SimpleNamespace

import pytest

from tests import __main__ as both
from tests.__main__ import TESTS, WAITS, computes


def holds(places: list[str], file: str) -> bool:
    """Whether pytest given these places collects the file."""
    ignored = [place.removeprefix("--ignore=") for place in places if place.startswith("--ignore=")]
    return file not in ignored and any(file == place or file.startswith(f"{place}/") for place in places)


def test_each_test_file_is_in_exactly_one_lane():
    files = [str(path.relative_to(TESTS.parent)) for path in TESTS.rglob("test_*.py")]
    assert len(files) > 150
    for file in files:
        lanes = [holds(list(WAITS), file), holds(computes(), file)]
        assert sorted(lanes) == [False, True], f"{file}: waits, computes = {lanes}"


def test_what_is_named_exists():
    for place in (*WAITS, *(each.removeprefix("--ignore=") for each in computes())):
        assert (TESTS.parent / place).exists(), place


@pytest.mark.parametrize(
    ("lanes", "reruns", "answer"),
    [
        ({"waits": 0, "computes": 1}, [0], 0),
        ({"waits": 1, "computes": 1}, [0, 1], 1),
        ({"waits": 1, "computes": 0}, [5], 5),
        ({"waits": 0, "computes": 2}, [], 1),
        ({"waits": -9, "computes": 1}, [], 1),
        ({"waits": 0, "computes": 0}, [], 1),
    ],
)
def test_what_failed_passes_only_where_every_failed_test_passed(tmp_path, monkeypatch, lanes, reruns, answer):
    monkeypatch.setattr(both, "CACHE", tmp_path)
    (tmp_path / "lanes.json").write_text(json.dumps(lanes))
    left = list(reruns)
    monkeypatch.setattr(both, "start", lambda lane, options: SimpleNamespace(wait=lambda: left.pop(0)))
    assert both.run_what_failed() == answer
    assert not left
