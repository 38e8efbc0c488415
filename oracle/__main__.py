"""`python -m oracle --home DIR --org NAME --api URL --mqtt HOST:PORT`: one oracle member in this process.

Prints `ready {"organisation": …}` when the broker delivers. The API key comes from WUXIN_API_KEY, or else is the key
named `oracle` in orgs/<org>/api-keys.json: it stands in no process list. Without TLS only MQTT 3.1.1 is spoken, which
the embedded broker and mosquitto both understand.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
from pathlib import Path
from types import FrameType
from typing import cast

from contracts.documents import json_of
from oracle.process import open_process
from oracle.profile import profile_file
from oracle.sources.session import Broker, Tls
from wuxin_evidence.printable import LineFormatter


def main() -> None:
    """Run one member until SIGTERM or SIGINT."""
    options = _options()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    host, _, port = options.mqtt.rpartition(":")
    tls = Tls(options.tls_ca, options.tls_cert, options.tls_key) if options.tls_ca else None
    broker = Broker(host, int(port), tls, version=5 if tls else 3)
    process = open_process(
        options.home, options.org, options.api, _api_key(options.home, options.org), broker,
        options.profile or profile_file(options.home),
        lambda: print("ready " + json.dumps({"organisation": options.org}), flush=True),
    )  # fmt: skip

    def stop(number: int, frame: FrameType | None) -> None:
        process.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    process.run()


def _api_key(home: Path, org: str) -> str:
    if (given := os.environ.get("WUXIN_API_KEY")) is not None:
        return given
    file = home / "orgs" / org / "api-keys.json"
    document = cast("dict[str, dict[str, dict[str, str]]]", json_of(file.read_bytes()))
    return document["keys"]["oracle"]["key"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m oracle", description="Run one oracle member.")
    parser.add_argument("--home", type=Path, required=True, help="home of the installation")
    parser.add_argument("--org", required=True, help="organisation whose member this is")
    parser.add_argument("--api", required=True, help="URL of that organisation's node")
    parser.add_argument("--mqtt", required=True, help="HOST:PORT of the broker")
    parser.add_argument("--profile", type=Path, help="asset profile; else the home's")
    parser.add_argument("--tls-ca", type=Path, help="the broker's root certificate; turns TLS 1.3 on")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
