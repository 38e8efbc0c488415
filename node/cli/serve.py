"""`wuxin serve`: a consortium on one machine, up until it is interrupted."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from network.clock import ScenarioClock, open_clock
from network.membership.consortium import CONSORTIUM_FILE, Consortium
from network.membership.homes import HOMES, is_separated
from node.demo.founding import found_whole
from node.machine.founding import require_founded
from node.machine.processes import Processes, is_served, require_free

LOOK_EVERY_S = 1.0
"""How soon `run/endpoints.json` has the process id of what was started again."""


def run(home: Path, *, port: int, dev_rpc: bool, pace: int) -> None:
    """Start everything, print where it is, say what ends and is started again, end all at an interrupt or SIGTERM.

    `pace` is how much quicker a consortium runs that is founded now. Scenario time stands still while nothing runs.
    Raises `conflict` for a port that is taken or a home half founded, `not_found` for a pace that does not exist; then
    nothing was written.
    """
    if not is_served(home):  # where it is, the lease refuses below, and that port is our own
        require_free(port)
    if not (home / CONSORTIUM_FILE).exists():
        print(f"no consortium in {home}: founding the demo consortium on the system clock", flush=True)
        found_whole(home, pace=pace)
    require_founded(home)
    scenario = isinstance(open_clock(Consortium.load(home), home), ScenarioClock)
    processes = Processes(home)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    processes.tell = lambda sentence: print(sentence, file=sys.stderr, flush=True)
    processes.up(port=port, dev_rpc=dev_rpc)
    try:
        for api in dict.fromkeys(processes.nodes.values()):
            print(f"api   {api}   (OpenAPI page: {api}/docs)", flush=True)
        print(f"mqtt  {processes.mqtt}", flush=True)
        if processes.rpc:
            print(f"rpc   {processes.rpc}", flush=True)
        own = home / HOMES / "<org>" if is_separated(home) else home
        print(f"keys  {own}/orgs/<org>/api-keys.json; ctrl-c ends it", flush=True)
        while not ended.wait(LOOK_EVERY_S):
            for sentence in processes.refresh():
                print(sentence, file=sys.stderr, flush=True)
    finally:
        processes.down()
        if scenario:
            ScenarioClock.hold(home)
