"""The description of the API, and a client of either kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.generate.files import document_of
from tests.client.nodes import Serving, serving
from tests.client.twins import KINDS, Answer, Twin


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The API's description as a node of this version gives it."""
    return document_of(tmp_path_factory.mktemp("home"))


@pytest.fixture(params=KINDS)
def twin(request: pytest.FixtureRequest) -> Callable[..., Twin]:
    """Makes a client over a scripted node; a test that asks for this runs once for each kind."""

    def make(answer: Answer, **options: Any) -> Twin:
        return Twin(request.param, answer, **options)

    return make


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A real node over embedded ledgers."""
    with serving(tmp_path_factory.mktemp("node") / "home") as running:
        yield running
