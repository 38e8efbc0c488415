"""`wuxin serve`: a consortium on one machine, up until it is interrupted."""

import signal
import threading
from pathlib import Path
from types import FrameType

from network.membership.consortium import CONSORTIUM_FILE
from network.membership.homes import HOMES, is_separated
from node.demo.founding import found
from node.machine.stage import Stage


def run(home: Path, *, port: int, dev_rpc: bool) -> None:
    """Starts everything, prints where it is, and stops everything at an interrupt or SIGTERM."""
    if not (home / CONSORTIUM_FILE).exists():
        print(f"no consortium in {home}: founding the demo consortium on the system clock", flush=True)
        found(home)
    stage = Stage(home)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    stage.up(port=port, dev_rpc=dev_rpc)
    try:
        for api in dict.fromkeys(stage.nodes.values()):
            print(f"api   {api}   (OpenAPI page: {api}/docs)", flush=True)
        print(f"mqtt  {stage.mqtt}", flush=True)
        if stage.rpc:
            print(f"rpc   {stage.rpc}", flush=True)
        own = home / HOMES / "<org>" if is_separated(home) else home
        print(f"keys  {own}/orgs/<org>/api-keys.json; ctrl-c ends it", flush=True)
        ended.wait()
    finally:
        stage.down()
