"""A test that asks for a real engine never runs on the embedded one instead."""

from pathlib import Path

import pytest

from tests.engines import PAIRS, Networks, Pair


@pytest.mark.parametrize("pair", PAIRS[1:], ids=lambda pair: pair.name)
def test_a_home_without_the_connections_of_its_pair_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: Pair
) -> None:
    monkeypatch.setattr(Networks, "_found", lambda *_: None)
    with pytest.raises(AssertionError, match=pair.name):
        Networks(tmp_path).founded(pair)
