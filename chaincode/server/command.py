"""The command of a chaincode server.

python -m chaincode.server --ccid LABEL:SHA256 --address 127.0.0.1:9999 [--tls-cert F --tls-key F [--client-ca F]]

main ─▶ Options ─▶ serve: listen, print `ready {"address": …}`, wait for SIGTERM or SIGINT, drain, stop
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from chaincode.server.calls import FACTS, Program
from chaincode.server.options import Options, ServerError, read_options
from chaincode.server.serving import ChaincodeServer
from wuxin_evidence.printable import LineFormatter

log = logging.getLogger("chaincode.server")


async def serve(options: Options, program: Program = FACTS) -> bool:
    """Serve until SIGTERM or SIGINT; False where a program would not end. Raises ServerError."""
    server = ChaincodeServer(options, program)
    address = await server.start()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    print(f"ready {json.dumps({'address': address})}", flush=True)
    await told.wait()
    log.info("stopping")
    return await server.stop()


def main(argv: Sequence[str] | None = None, program: Program = FACTS) -> int:
    """The command; its exit status is 2 for options it refuses."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        options = read_options(sys.argv[1:] if argv is None else argv, os.environ)
        clean = uvloop.run(serve(options, program))
    except ServerError as error:
        problem = {"code": error.code, "detail": error.detail, "hint": error.hint}
        print(f"refused {json.dumps(problem)}", file=sys.stderr)
        return 2
    if not clean:
        log.error("a transaction would not end; the process ends without it")
        logging.shutdown()
        os._exit(1)
    return 0
