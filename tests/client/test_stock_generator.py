"""A client that a stock generator makes of the API's description talks to a real node.

The generator is openapi-python-client (MIT), locked in stock-generator.txt and installed into a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client.generate.document import operation_name
from tests.client.generate.files import ROOT
from tests.client.nodes import Serving

LOCK = Path(__file__).with_name("stock-generator.txt")

PROGRAM = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import stock
from stock import AuthenticatedClient
import stock.api

url, key, slot_id = sys.argv[2:]
node = AuthenticatedClient(base_url=url, token=key)
operations = {
    module.name.rpartition(".")[2]: module.name
    for module in pkgutil.walk_packages(stock.api.__path__, "stock.api.")
    if not module.ispkg
}


def call(operation, **arguments):
    module = importlib.import_module(operations[operation])
    answer = module.sync_detailed(client=node, **arguments)
    return answer.status_code, json.loads(answer.content)


def body(operation, **fields):
    import inspect
    module = importlib.import_module(operations[operation])
    kind = inspect.get_annotations(module.sync_detailed, eval_str=True)["body"]
    return kind.from_dict(fields)


status = call(names["get_status"])
slot = body(names["register_slot"], slot_id=slot_id)
made = call(names["register_slot"], body=slot, idempotency_key="stock-1", prefer="wait=30")
listed = call(names["list_slots"], limit=500)
missing = call(names["get_receipt"], receipt_id="no-such-receipt")
print(json.dumps({"operations": len(operations), "status": status, "made": made, "listed": listed, "missing": missing}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the generator and nothing of this project."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    folder = tmp_path_factory.mktemp("stock") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True, timeout=60)
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), "--require-hashes"]
    subprocess.run([*install, "-r", str(LOCK)], check=True, timeout=180)
    return folder / "bin" / "python"


@pytest.mark.timeout(300)
def test_a_stock_client_asks_commands_and_is_refused(
    python: Path, document: dict[str, Any], node: Serving, tmp_path: Path
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
    (tmp_path / "config.yml").write_text(
        "project_name_override: stock\npackage_name_override: stock\n"
        "content_type_overrides: {application/zip: application/octet-stream}\n",
        "utf-8",
    )
    generate = [str(python.with_name("openapi-python-client")), "generate", "--meta", "none"]
    generate += ["--path", "openapi.json", "--config", "config.yml", "--output-path", "stock", "--fail-on-warning"]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    made = subprocess.run(
        generate,
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr

    names = {
        operation_name(operation["operationId"], method, path): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    program = f"names = {names!r}\n{PROGRAM}"
    slot_id = f"{node.warehouse_uscc}/STOCK-1"
    arguments = [str(tmp_path), node.url, node.key("warehouse"), slot_id]
    done = subprocess.run(
        [str(python), "-I", "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["operations"] == len(names)
    assert said["status"][0] == 200 and said["status"][1]["organisation"] == "warehouse"
    assert said["made"][0] == 200 and said["made"][1]["transaction"]["status"] == "committed"
    assert slot_id in json.dumps(said["listed"])
    assert said["missing"] == [404, said["missing"][1]] and said["missing"][1]["code"] == "not_found"
