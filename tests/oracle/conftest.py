"""Three members around a bus that delivers what the broker would, in turn and without waiting."""

from __future__ import annotations

import pytest

from tests.oracle.trio import Trio


@pytest.fixture
def trio(tmp_path):
    made = Trio(tmp_path)
    yield made
    made.close()
