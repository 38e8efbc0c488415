"""One oracle member as one process: `run(home, org, …)`.

    network thread   broker messages   ─┐
    node thread      registry, liens   ─┼─▶ inbox ─▶ worker thread: Member.receive, .on_node_snapshot, .tick
    (timer)          every TICK_S      ─┘                             └─▶ broker, outbox
    outbox thread    outbox ─▶ node's API
    anchor thread    node's API ─▶ inbox; checkpoints of the log ─▶ node's API

The home is the installation's; the member's own is orgs/<org>/oracle. All state belongs to the worker, which sleeps in
`inbox.get` and wakes at once for a message; nothing polls on the way from a reading to an alarm.
If a batch cannot be made durable (disk full, I/O error) it stays unacknowledged and is tried again a few times; then
the process ends, and the broker keeps the packs.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from network.clock import Clock, open_clock
from network.membership.consortium import Consortium
from network.membership.seats import Seat, open_seat
from oracle.agreement.context import Keys, log
from oracle.anchors import AnchorSnapshot, AnchorWatch, log_origin
from oracle.member import Identity, Member, MemberPorts, NodeSnapshot
from oracle.node_client import ClientNode, NodeApi, read_committees
from oracle.profile import Profile, profile_file
from oracle.registry import read_devices
from oracle.sources.liens import read_liens
from oracle.sources.prices import PriceSource
from oracle.sources.session import INFLIGHT_MAX, Broker, Message, Session, Tls
from oracle.sources.values import SourceValues
from oracle.storage.status import STATUS_FILE, Status
from wuxin_client import Client
from wuxin_client.errors import WuxinError
from wuxin_evidence.errors import EvidenceError

TICK_S = 0.05
"""How often time alone is looked at: windows that become due, waits that are over. No pack waits for it."""
NODE_LOOK_S = 1.0
"""How often a member looks at its node for devices, committee and pledges, when nothing asks for it sooner."""
NODE_LOOK_S_MIN = 0.1
"""However often it is asked for; packs of unknown devices must not become a load on the node."""
BATCH_MAX = 500
"""Messages made durable together; more would delay the first of them."""
INBOX_MAX = 2 * INFLIGHT_MAX
"""Messages that wait for the worker; the broker holds back the rest."""
STOP_LOOK_S = 0.2
"""How often a thread that waits for room looks whether the process ends."""
STORE_TRIES_MAX = 5
STORE_PAUSE_S = 0.5


@dataclass(frozen=True)
class Installation:
    """What `run` opens from an installation's home."""

    seat: Seat
    consortium: Consortium
    clock: Clock

    @classmethod
    def open(cls, home: Path, org: str) -> Installation:
        """Open the seat of `org`. Raises KeystoreError, ConsortiumError."""
        consortium = Consortium.load(home)
        return cls(open_seat(home, org), consortium, open_clock(consortium, home))

    @property
    def identity(self) -> Identity:
        """Raises `forbidden` when the organisation is no oracle member."""
        seat = self.seat
        if seat.oracle_sm2 is None or seat.oracle_evm is None:
            raise EvidenceError("forbidden", f"{seat.name} is no oracle member", "name it in the consortium file")
        keys = Keys(seat.oracle_sm2, seat.oracle_evm)
        return Identity(seat.name, self.consortium.consortium_id, keys, seat.command_secret)


class NodeWatch:
    """A thread that looks at the member's node and price file, and puts what it saw into the inbox."""

    def __init__(
        self, node: NodeApi, prices: PriceSource, inbox: queue.Queue[object], stop: threading.Event, status: Status
    ) -> None:
        self._node = node
        self._prices = prices
        self._status = status
        self._inbox = inbox
        self._stop = stop
        self._asked = threading.Event()

    def ask(self) -> None:
        """Look soon."""
        self._asked.set()

    def look(self) -> NodeSnapshot:
        """One look. Raises the node's errors."""
        return NodeSnapshot(
            time.monotonic(),
            read_devices(self._node.devices()),
            read_committees(self._node.committee()),
            [*read_liens(self._node), *self._price()],
        )

    def _price(self) -> list[SourceValues]:
        """A price file that cannot be used stops prices, and nothing else."""
        try:
            price = self._prices.read()
        except EvidenceError as error:
            self._status.problem("price", error)
            return []
        self._status.solved("price")
        return price

    def run(self) -> None:
        """Look at the node until the process stops: once a second, and soon when asked."""
        while not self._stop.is_set():
            try:
                self._inbox.put(self.look())
                self._status.solved("node")
            except (WuxinError, EvidenceError) as error:
                self._status.problem("node", error)
            except (httpx.HTTPError, OSError, KeyError, TypeError, ValueError) as error:
                detail = f"the node's answer cannot be used: {error!r}"
                self._status.problem("node", EvidenceError("unavailable", detail, "start the node, or see its log"))
            self._stop.wait(NODE_LOOK_S_MIN)
            self._asked.wait(NODE_LOOK_S)
            self._asked.clear()


class Process:
    """One member with its threads. `run` returns when `stop` was called; `on_ready` is called at each subscription."""

    def __init__(
        self,
        identity: Identity,
        home: Path,
        clock: Clock,
        node: NodeApi,
        prices: PriceSource,
        broker: Broker,
        profile: Profile,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox: queue.Queue[object] = queue.Queue(INBOX_MAX)
        self._stop = threading.Event()
        prefix = f"wuxin/1/{identity.consortium_id.hex()}"
        client_id = f"wuxin-{identity.consortium_id.hex()[:8]}-{identity.organisation}"
        status = self._status = Status(home / STATUS_FILE, lambda: clock.now_ms() // 1000)
        self._watch = NodeWatch(node, prices, self._inbox, self._stop, status)
        topics = [f"{prefix}/+/packs", f"{prefix}/members/+/notes"]
        self._session = Session(broker, client_id, topics, self._deliver, on_ready)
        origin = log_origin(identity.consortium_id, identity.organisation)
        self._anchors = AnchorWatch(node, origin, self._inbox, self._stop)
        ports = MemberPorts(self._session.publish, node, self._watch.ask, self._anchors.offer)
        self.member = Member(identity, home, profile, clock, ports, status)

    def run(self) -> None:
        """Run the member in this thread until `stop`; raises when a batch cannot be made durable."""
        threads = [
            threading.Thread(target=self._watch.run, name="node", daemon=True),
            threading.Thread(target=self.member.outbox.run, name="outbox", daemon=True),
            threading.Thread(target=self._anchors.run, name="anchors", daemon=True),
        ]
        for thread in threads:
            thread.start()
        self._session.start()
        try:
            while not self._stop.is_set():
                self._step()
        finally:
            self._stop.set()
            self._watch.ask()
            self._session.stop()
            self.member.close()
            for thread in threads:
                thread.join(2)

    def stop(self) -> None:
        """From any thread."""
        self._stop.set()
        with suppress(queue.Full):  # then the worker is awake anyway
            self._inbox.put_nowait(None)

    def _deliver(self, message: Message) -> None:
        """From the network thread. While the inbox is full nothing more is read from the broker."""
        while not self._stop.is_set():
            try:
                self._inbox.put(message, timeout=STOP_LOOK_S)
            except queue.Full:
                continue
            return

    def _step(self) -> None:
        items = self._take()
        messages = [each for each in items if isinstance(each, Message)]
        # Looks first: a pack of the same batch is then judged by the newest registry there is.
        for news in (each for each in items if isinstance(each, NodeSnapshot)):
            self._session.ack(self.member.on_node_snapshot(news))
        if messages:
            self._session.ack(self._stored(messages))
        for look in (each for each in items if isinstance(each, AnchorSnapshot)):
            self.member.on_anchor_snapshot(look)
        self.member.tick()
        self._status.alive()

    def _take(self) -> list[object]:
        """Everything that waits, at most BATCH_MAX; empty after TICK_S without anything."""
        try:
            items = [self._inbox.get(timeout=TICK_S)]
        except queue.Empty:
            return []
        while len(items) < BATCH_MAX:
            try:
                items.append(self._inbox.get_nowait())
            except queue.Empty:
                break
        return items

    def _stored(self, messages: list[Message]) -> list[Message]:
        for tries in range(1, STORE_TRIES_MAX + 1):
            try:
                return self.member.receive(messages)
            except (sqlite3.Error, OSError) as error:
                log.error("a batch is not durable (try %d): %s", tries, error)
                if tries == STORE_TRIES_MAX:
                    raise
                time.sleep(STORE_PAUSE_S)
        return []


def run(
    home: Path,
    org: str,
    api_url: str,
    api_key: str,
    mqtt_host: str,
    mqtt_port: int,
    tls: Tls | None = None,
    mqtt_version: int = 5,
) -> None:
    """Run `org`'s oracle member until the process is interrupted; `mqtt_version` is 3 for the embedded broker.

    Raises `forbidden` when the organisation is no oracle member, KeystoreError when its keys do not open.
    """
    process = open_process(home, org, api_url, api_key, Broker(mqtt_host, mqtt_port, tls, mqtt_version))
    try:
        process.run()
    except KeyboardInterrupt:
        process.stop()


def open_process(
    home: Path,
    org: str,
    api_url: str,
    api_key: str,
    broker: Broker,
    profile: Path | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> Process:
    """The process of `org`'s member in an installation's home, not started yet; by the home's profile if no other."""
    installation = Installation.open(home, org)
    member_home = home / "orgs" / org / "oracle"
    member_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    node = ClientNode(Client(api_url, api_key))
    judged_by = Profile.load(profile or profile_file(home))
    prices = PriceSource.of(member_home, installation.consortium, judged_by, installation.clock)
    return Process(installation.identity, member_home, installation.clock, node, prices, broker, judged_by, on_ready)
