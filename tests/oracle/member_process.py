"""One oracle member as a process of its own, with a directory in place of the node's API.

    python -m tests.oracle.member_process SPEC.json

SPEC names the organisation, its keys, its home, the broker, and the directory where devices.json and committee.json
lie and where posted attestations go. Everything else is the real process.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path

from network.clock import SystemClock
from oracle.agreement.context import Keys
from oracle.member import Identity
from oracle.process import Process
from oracle.profile import Profile
from oracle.sources.prices import PriceSource
from oracle.sources.session import Broker, Tls
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey


class DirectoryNode:
    """The node's answers out of files; posts go into files named by their idempotency key."""

    def __init__(self, answers: Path, posted: Path) -> None:
        self._answers = answers
        self._posted = posted

    def devices(self):
        return json.loads((self._answers / "devices.json").read_text())

    def committee(self):
        return json.loads((self._answers / "committee.json").read_text())

    def pledges(self):
        return []

    def receipt(self, receipt_id):
        raise KeyError(receipt_id)

    def post_attestation(self, body, idempotency_key):
        beside = self._posted / f"{idempotency_key}.tmp"
        beside.write_text(json.dumps(body))
        beside.replace(self._posted / f"{idempotency_key}.json")

    def newest_anchor(self, origin):
        return None

    def post_anchor(self, body, idempotency_key):
        return None


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    spec = json.loads(Path(sys.argv[1]).read_text())
    tls = Tls(*(Path(spec["tls"][name]) for name in ("ca", "certificate", "key"))) if spec["tls"] else None
    keys = Keys(SigningKey.from_pem(spec["sm2"].encode()), EvmKey.from_bytes(bytes.fromhex(spec["evm"])))
    identity = Identity(spec["organisation"], bytes.fromhex(spec["consortium_id"]), keys, b"storage secret of a test")
    home, clock, profile = (
        Path(spec["home"]),
        SystemClock(),
        Profile.parse(json.loads(Path(spec["profile"]).read_text())),
    )
    process = Process(
        identity,
        home,
        clock,
        DirectoryNode(Path(spec["answers"]), Path(spec["posted"])),
        PriceSource(home, (), clock, profile.clock_skew_s),
        Broker(spec["host"], spec["port"], tls, spec["version"]),
        profile,
    )
    signal.signal(signal.SIGTERM, lambda *_: process.stop())
    process.run()


if __name__ == "__main__":
    main()
