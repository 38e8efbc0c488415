"""What a type checker says of a user's program: nothing where the program is right, each mistake where it is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.generate.files import ROOT

RIGHT = """
import asyncio
from collections.abc import Sequence
from pathlib import Path

from wuxin_client import AsyncClient, Client, FilePlace, StillPending, TransactionFailed, WuxinError
from wuxin_client.models import Collateral, Depositor, Event, Goods, Transaction


def why_not(node: Client, receipt_id: str) -> list[tuple[str, str]]:
    answer: Collateral = node.get_collateral(receipt_id)
    return [] if answer.lendable else [(each.code, each.hint) for each in answer.blockers]


def draw(node: Client, facility_id: str, amount_minor: int) -> Transaction:
    try:
        return node.draw(facility_id, amount_minor=amount_minor, wait_s=10)
    except StillPending as over:
        return node.wait(over.transaction, 60)
    except TransactionFailed as refused:
        print(refused.code, refused.transaction.block)
        raise
    except WuxinError as error:
        print(error.code, error.hint, error.transaction_id)
        raise


def newest(node: Client) -> Sequence[Event]:
    page = node.list_events(limit=10)
    print(page.next is None, page.items[0].at_s + 1)
    return page.items


async def follow(url: str, key: str) -> None:
    async with AsyncClient(url, key) as node:
        async for event in node.follow_events(FilePlace(Path("place"))):
            print(event.id, event.type)
        async for transaction in node.iter_transactions(status="failed"):
            print(transaction.code or "none")
        bundle: bytes = await node.get_evidence("ab" * 32)
        print(len(bundle))


goods = Goods(name="copper", quality="Grade 1", packaging="bundles", pieces=1, marks="A")
owner = Depositor(name="Works", address="Wuxi")
asyncio.run(follow("http://127.0.0.1:8080", "wx_key"))
"""

WRONG = """
from wuxin_client import AsyncClient, Client
from wuxin_client.models import Goods


def mistakes(node: Client, goods: Goods) -> None:
    node.draw("f", amount_minor="5")  # wrong
    node.draw("f", amount_minr=5)  # wrong
    node.draw("f")  # wrong
    node.draw("f", amount_minor=5, wait=10)  # wrong
    node.enrol_device(device_id="d", suite="rsa", public_key="04", firmware_hash="00")  # wrong
    node.get_collateral("r").lendabel  # wrong
    node.list_events(limit="10")  # wrong
    node.no_such_route()  # wrong
    goods.pieces = 2  # wrong
    Goods(name="copper")  # wrong
    Client("http://127.0.0.1:8080", "wx", transport="no")  # wrong


async def more(node: AsyncClient) -> None:
    print(node.get_collateral("r").lendable)  # wrong
    for event in node.follow_events("place"):  # wrong
        print(event)  # follows
"""


def checked(folder: Path, program: str) -> dict[int, list[str]]:
    """Line number to the errors that pyright finds there in strict mode."""
    (folder / "program.py").write_text(program.lstrip("\n"), "utf-8")
    settings = {
        "include": ["program.py"],
        "typeCheckingMode": "strict",
        "reportUnusedExpression": False,
        "extraPaths": [str(ROOT / "client_sdk")],
        "pythonVersion": "3.11",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1, done.stdout
    found: dict[int, list[str]] = {}
    for each in report["generalDiagnostics"]:
        if each["severity"] == "error":
            found.setdefault(each["range"]["start"]["line"] + 1, []).append(each["message"])
    return found


def test_a_right_program_has_no_error_in_strict_mode(tmp_path: Path) -> None:
    assert checked(tmp_path, RIGHT) == {}


@pytest.mark.timeout(240)
def test_each_mistake_is_found_on_its_line(tmp_path: Path) -> None:
    lines = WRONG.lstrip("\n").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    follows = {number for number, line in enumerate(lines, 1) if line.endswith("# follows")}
    assert set(checked(tmp_path, WRONG)) - follows == wrong
