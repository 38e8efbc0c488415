"""A founded demo home, made once and copied per test, and a running node over it."""

import json
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from node.api.context import Node
from node.app import create_app
from node.demo.founding import found


@pytest.fixture(scope="session")
def founded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "home"
    found(home)
    return home


@pytest.fixture
def home(founded_home: Path, tmp_path: Path) -> Path:
    return shutil.copytree(founded_home, tmp_path / "home")


@dataclass
class Running:
    """A node under test: its application, its inside, and a client per organisation and key name."""

    home: Path
    app: FastAPI
    node: Node

    def client(self, organisation: str | None, name: str = "operator") -> httpx.AsyncClient:
        headers = {} if organisation is None else {"Authorization": f"Bearer {self.key(organisation, name)}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://node", headers=headers, timeout=60)

    def key(self, organisation: str, name: str = "operator") -> str:
        keys = json.loads((self.home / "orgs" / organisation / "api-keys.json").read_text())
        return str(keys["keys"][name]["key"])

    async def post(
        self,
        organisation: str,
        path: str,
        body: dict[str, Any],
        *,
        key: str | None = None,
        wait: int = 30,
        name: str = "operator",
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        async with self.client(organisation, name) as client:
            return await client.post(path, json=body, headers=headers)

    async def get(self, organisation: str, path: str, **query: Any) -> httpx.Response:
        async with self.client(organisation) as client:
            return await client.get(path, params=query)

    async def done(self, organisation: str, path: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A command that must be committed; gives its transaction."""
        answer = await self.post(organisation, path, body, **more)
        assert answer.status_code == 200, answer.text
        transaction = answer.json()["transaction"]
        assert transaction["status"] == "committed", transaction
        return transaction

    async def refused(self, organisation: str, path: str, body: dict[str, Any], **more: Any) -> str:
        """A command that must be refused, by the node or by a ledger; gives the code."""
        answer = (await self.post(organisation, path, body, **more)).json()
        if "transaction" not in answer:
            return str(answer["code"])
        assert answer["transaction"]["status"] == "failed", answer
        return str(answer["transaction"]["code"])


Open = Callable[..., AbstractAsyncContextManager[Running]]


@asynccontextmanager
async def running(home: Path, orgs: list[str] | None = None) -> AsyncIterator[Running]:
    app = create_app(home, orgs)
    async with app.router.lifespan_context(app):
        yield Running(home, app, app.state.node)


@pytest.fixture
async def node(home: Path) -> AsyncIterator[Running]:
    async with running(home) as started:
        yield started
