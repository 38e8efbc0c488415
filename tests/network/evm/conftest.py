"""One embedded chain for tests of endpoints, with deadlines that suit them."""

import pytest

from network.obligations.jsonrpc import endpoints, sending
from tests.network.evm_counter import counter_node


@pytest.fixture
def node(tmp_path):
    opened = counter_node(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def hurried(monkeypatch):
    """What is waited for seconds in life is waited for a moment here."""
    monkeypatch.setattr(endpoints, "EXAMINE_EVERY_S", 0.02)
    monkeypatch.setattr(endpoints, "EXAMINE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(endpoints, "CATCH_UP_WAIT_S", 0.05)
    monkeypatch.setattr(sending, "LOOK_AFTER_S", 0.05)
