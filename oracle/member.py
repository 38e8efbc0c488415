"""What one member does with what it hears: the state machine that a process drives and a test can drive too.

    receive(batch)     packs: judge, store with one fsync; then alarms and windows; then the peers' notes
    on_node_snapshot(news)    devices, committee, liens and prices, as the member's own node and file have them now
    on_anchor_snapshot(look)  how far this member's log is anchored in the facts
    tick()             what time alone brings about: windows due, waits over, heartbeats

One thread calls it, and it never waits. `receive` returns what may be acknowledged: all of it is durable by then.

Home of a member, `orgs/<org>/oracle/`: evidence.db (the log), quarantine.db, locks.db, outbox.db, price-source.json,
and status.json, where the member says what it cannot use or agree on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from network.clock import Clock
from oracle.admission import AdmissionContext, Admitted, Refused, Repeat, admit
from oracle.agreement.closing import CLOSINGS_KEPT, Closings
from oracle.agreement.context import Keys, MemberContext, Statement, log
from oracle.agreement.locks import Locks
from oracle.agreement.notes import PACKS_BYTES_MAX, UNSOUND, Note, NoteWriter, digests, read_differs, read_note
from oracle.agreement.requested_packs import RequestedPacks
from oracle.agreement.signatures import SignatureCollector, read_signed
from oracle.alarms import Alarms
from oracle.anchors import Anchors, AnchorSnapshot, Offer
from oracle.node_client import NodeApi
from oracle.outbox import Outbox
from oracle.profile import Profile
from oracle.registry import Device, Registry
from oracle.sources.session import Message
from oracle.sources.values import SourceValues
from oracle.standing import Standing
from oracle.storage.cipher import STORAGE_KEY_BYTES, StorageCipher
from oracle.storage.quarantine import QUARANTINE_FILE, Quarantine
from oracle.storage.status import Status
from oracle.storage.store import EVIDENCE_FILE, Store
from wuxin_evidence.attestation import ALARM, KIND_NAMES, SCHEDULED, Committee, SignedAttestation
from wuxin_evidence.errors import EvidenceError

PARKED_MAX = 256
"""Packs of devices not known or not active yet that wait for the node's answer; the rest is refused at once."""
PARKED_PER_DEVICE_MAX = 32
"""Of one topic: a suspended device that floods its own must not keep the pack of a new one from waiting."""
PARKED_S = 5.0
"""A pack is refused only on a look at the node that began this long after the pack came. A look that was under way may
have missed a binding, and an organisation's node reads the block with it some time after the one who bound did."""
REGISTRY_REFUSALS = frozenset({"unknown_device", "forbidden"})
"""Said by the registry alone, which is as old as the last look: the node is asked again before they are final."""


@dataclass(frozen=True)
class NodeSnapshot:
    """One look at the member's own node and price file; `began_s` is real time, by the member's `monotonic`."""

    began_s: float
    devices: Sequence[Device]
    committees: Sequence[Committee]
    reads: Sequence[SourceValues]


@dataclass(frozen=True)
class Identity:
    """Who the member is, and the secret from which its storage key is derived."""

    organisation: str
    consortium_id: bytes
    keys: Keys
    storage_secret: bytes

    @property
    def storage_key(self) -> bytes:
        """16 bytes for StorageCipher: HMAC-SHA-256 of the secret over a fixed label, cut."""
        return hmac.digest(self.storage_secret, b"wuxin/1/oracle/evidence-log", hashlib.sha256)[:STORAGE_KEY_BYTES]


@dataclass(frozen=True)
class MemberPorts:
    """How a member reaches others: `publish(topic, payload)`, its node, `ask_node` to look at it soon, and
    `offer_anchor` to have its log anchored some time."""

    publish: Callable[[str, bytes], None]
    node: NodeApi
    ask_node: Callable[[], None]
    offer_anchor: Callable[[Offer], None]


class Member:
    """The worker's state machine. One thread calls it; nothing in it waits."""

    def __init__(
        self,
        identity: Identity,
        home: Path,
        profile: Profile,
        clock: Clock,
        ports: MemberPorts,
        status: Status,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        cipher = StorageCipher(identity.storage_key)
        self.store = Store(home / EVIDENCE_FILE, cipher)
        self.quarantine = Quarantine(home / QUARANTINE_FILE, cipher)
        self.requested_packs = RequestedPacks(identity.consortium_id, self.store)
        self.outbox = Outbox(home / "outbox.db", ports.node, cipher)
        self._identity = identity
        self._ports = ports
        self._writer = NoteWriter(
            identity.consortium_id, identity.organisation, identity.keys.sm2, self.store.next_number("boot")
        )
        self.registry = Registry()
        self.context = MemberContext(
            identity.organisation, identity.consortium_id, identity.keys, profile, clock, self.registry, self.store,
            Locks(home / "locks.db"), self._send_note, monotonic, status,
        )  # fmt: skip
        self.collector = SignatureCollector(self.context, self._on_quorum)
        self.closings = Closings(self.context, self.collector)
        self.alarms = Alarms(self.context, self.collector)
        self.standing = Standing(self.context, self.collector, ports.ask_node)
        self.anchors = Anchors(self.context, ports.offer_anchor)
        self.differs: list[Mapping[str, Any]] = []
        self._admission = AdmissionContext(identity.consortium_id, profile, self.registry, self.store)
        self._parked: list[tuple[float, Message]] = []
        self._heard: dict[str, tuple[int, int]] = {}
        self._must_resume = True

    def receive(self, messages: Sequence[Message]) -> list[Message]:
        """Take a batch; what may be acknowledged. Packs in it are durable when this returns.

        A batch that fails is heard again from its first note on.
        """
        heard = dict(self._heard)
        try:
            acknowledged = self._receive(messages)
        except Exception:
            self._must_resume = True
            self._heard = heard
            raise
        self._resume()
        return acknowledged

    def _receive(self, messages: Sequence[Message]) -> list[Message]:
        came_s = self.context.monotonic()
        packs = [(came_s, each) for each in messages if each.topic.endswith("/packs")]
        notes = self._read_notes([each for each in messages if not each.topic.endswith("/packs")])
        for note in notes:
            if note.type == "packs":
                self.requested_packs.receive(note)
        admitted = self._admit(packs, self.requested_packs.take())
        for each in admitted:
            self._follow(each)
        for note in notes:
            self._take(note)
        waiting = {id(each) for _, each in self._parked}
        if any(id(each) in waiting for each in messages):
            self._ports.ask_node()
        return [each for each in messages if id(each) not in waiting]

    def on_node_snapshot(self, news: NodeSnapshot) -> list[Message]:
        """A fresh look at the node; returns messages that waited for it and may be acknowledged now."""
        self.registry.replace(news.devices)
        self.context.learn(news.committees)
        self.closings.know_slots()
        waiting, self._parked = self._parked, []
        for each in self._admit(waiting, [], news.began_s):
            self._follow(each)
        self._resume()
        self.standing.on_reads(list(news.reads))
        still = {id(each) for _, each in self._parked}
        return [each for _, each in waiting if id(each) not in still]

    def on_anchor_snapshot(self, look: AnchorSnapshot) -> None:
        """A fresh look at what is anchored."""
        self.anchors.on_snapshot(look)

    def tick(self) -> None:
        """What time alone brings about."""
        if self.context.committee is not None:
            for each in self._admit([], self.requested_packs.take()):
                self._follow(each)
            self.closings.tick()
            self.alarms.tick()
            self.standing.tick()

    def close(self) -> None:
        """Stop the outbox and close the member's files."""
        self.outbox.stop()
        self.store.close()
        self.quarantine.close()
        self.context.locks.close()

    def _resume(self) -> None:
        """After a start or a failure, what is stored may not have been looked at yet."""
        if self._must_resume and self.context.committee is not None:
            self._must_resume = False
            self.alarms.resume()

    def _admit(
        self, packs: Sequence[tuple[float, Message]], supplied: Sequence[bytes], looked_s: float = -math.inf
    ) -> list[Admitted]:
        """Judge and store one batch in one transaction; nothing counts unless it commits.

        `packs` are messages with the time at which each came, `looked_s` is when the node was asked for the registry.
        How far each peer was heard is written along. A batch of notes alone is not worth an fsync: played again after
        a crash, a note says what is said already.
        """
        admitted: list[Admitted] = []
        parked: list[tuple[float, Message]] = []
        now_ms = self.context.clock.now_ms()
        if not packs and not supplied:
            return admitted
        with self.store.batch():
            for came_s, message in packs:
                verdict = self._stored(message.payload, message.topic, now_ms)
                if isinstance(verdict, Admitted):
                    admitted.append(verdict)
                elif isinstance(verdict, Refused):
                    is_early = verdict.code in REGISTRY_REFUSALS and looked_s < came_s + PARKED_S
                    if is_early and self._has_room(message.topic, parked):
                        parked.append((came_s, message))
                    else:
                        self._refuse(message.payload, message.topic, verdict, now_ms)
            for raw in supplied:
                verdict = self._stored(raw, None, now_ms)
                if isinstance(verdict, Admitted):
                    admitted.append(verdict)
                elif isinstance(verdict, Refused):
                    self._refuse(raw, "a peer", verdict, now_ms)
            self.store.set_peer_positions([(name, *position) for name, position in self._heard.items()])
            self.quarantine.flush()
        self._parked.extend(parked)
        return admitted

    def _has_room(self, topic: str, parked: Sequence[tuple[float, Message]]) -> bool:
        waiting = [each.topic for _, each in (*self._parked, *parked)]
        return len(waiting) < PARKED_MAX and waiting.count(topic) < PARKED_PER_DEVICE_MAX

    def _stored(self, raw: bytes, topic: str | None, now_ms: int) -> Admitted | Repeat | Refused:
        """Judge one envelope and add it to the log. Whatever an envelope breaks, it alone is refused; what the disk
        breaks is raised."""
        try:
            verdict = admit(raw, topic, now_ms, self._admission)
            if isinstance(verdict, Admitted):
                self.store.add(verdict.pack, verdict.measured.window, verdict.late, now_ms)
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:  # noqa: BLE001 -- the second wall: admission names every fault it knows
            return Refused("malformed", f"{type(error).__name__}: {error}")
        return verdict

    def _refuse(self, raw: bytes, topic: str, verdict: Refused, now_ms: int) -> None:
        log.warning("refused a pack on %s: %s: %s", topic, verdict.code, verdict.detail)
        self.quarantine.put(raw, topic, verdict.code, verdict.detail, now_ms)
        if verdict.code == "pack_equivocation" and verdict.pack is not None:
            self.store.mark_equivocal(verdict.pack.device_id, verdict.pack.boot, verdict.pack.seq)

    def _follow(self, each: Admitted) -> None:
        """What a durable pack brings about: first a possible alarm, then a window that waited for it."""
        device = self.registry.find(each.pack.device_id)
        if self.context.committee is not None and device is not None:
            self.alarms.on_pack(each.measured, each.pack.digest, device.slots)
            self.closings.on_pack(each.pack.digest)

    def _read_notes(self, messages: Sequence[Message]) -> list[Note]:
        notes: list[Note] = []
        for message in messages:
            if message.topic == self._writer.topic or self.context.committee is None:
                continue
            try:
                note = read_note(message.payload, message.topic, self.context.consortium_id, self.context.committees)
            except (EvidenceError, *UNSOUND) as error:
                log.warning("a note on %s is refused: %r", message.topic, error)
                continue
            last = self._heard.get(note.organisation) or self.store.peer_position(note.organisation)
            if (note.boot, note.seq) > last:
                self._heard[note.organisation] = (note.boot, note.seq)
                notes.append(note)
        return notes

    def _take(self, note: Note) -> None:
        try:
            if note.type == "have":
                self.closings.on_have(note)
            elif note.type == "want":
                self._supply(note)
            elif note.type == "signed":
                self._take_signed(note)
            elif note.type == "differs":
                differs = read_differs(note)
                self.differs = [*self.differs[-99:], differs]
                log.warning("%s differs: %s", note.organisation, differs)
        except (EvidenceError, *UNSOUND) as error:
            log.warning("a %.20s note of %s is refused: %r", note.type, note.organisation, error)

    def _take_signed(self, note: Note) -> None:
        statement, signature = read_signed(note, self.context)
        self._require_current(statement)
        if statement.attestation.kind == SCHEDULED:
            self.closings.on_signed(note.organisation, statement, signature)
        elif statement.attestation.kind == ALARM:
            self.alarms.on_signed(note.organisation, statement, signature)
        else:
            self.collector.add(note.organisation, statement, signature)
            self.standing.on_signed(statement)

    def _require_current(self, statement: Statement) -> None:
        """What is of no slot here, or of another time, is not worth its room in memory. Raises `not_found`,
        `clock_skew`."""
        attestation, context = statement.attestation, self.context
        if attestation.kind in (SCHEDULED, ALARM) and not self.registry.has_slot(statement.subject_id):
            raise EvidenceError("not_found", f"no device weighs slot {statement.subject_id[:128]}")
        window, newest = (
            attestation.sequence >> 16,
            context.profile.windows.index(context.now_s + context.profile.clock_skew_s),
        )
        if not newest - CLOSINGS_KEPT <= window <= newest:
            raise EvidenceError("clock_skew", f"a statement of window {window}, now it is {newest}")

    def _supply(self, note: Note) -> None:
        """Publish the packs that a peer wants and this member holds."""
        if note.body["to"] != self.context.organisation:
            return
        chunk: list[bytes] = []
        for digest in sorted(digests(note.body["packs"])):
            if not self.store.holds(digest):
                continue
            chunk.append(self.store.envelope(digest))
            if sum(map(len, chunk)) >= PACKS_BYTES_MAX:
                self._send_note("packs", {"envelopes": chunk})
                chunk = []
        if chunk:
            self._send_note("packs", {"envelopes": chunk})

    def _send_note(self, kind: str, body: Mapping[str, object]) -> None:
        if kind == "want":
            self.requested_packs.request(digests(body["packs"]))
        self._ports.publish(self._writer.topic, self._writer.write(kind, body))

    def _on_quorum(self, signed: SignedAttestation, statement: Statement) -> None:
        attestation, count = signed.attestation, len(signed.signatures)
        kind = KIND_NAMES[attestation.kind]
        is_first = count <= self.context.require_committee(attestation.window_end).threshold
        key = f"{attestation.digest().hex()}-{kind}"
        is_routine = attestation.kind == SCHEDULED  # a window's end brings one for every slot; an alarm passes them
        self.outbox.put(key if is_first else f"{key}-{count}", self._body(signed, statement), routine=is_routine)
        log.info("%s of %s %s has %d signatures", kind, statement.subject_kind, statement.subject_id, count)
        if attestation.kind == SCHEDULED:
            self.closings.settle(statement)
        elif attestation.kind != ALARM:
            self.standing.settle(statement)

    def _body(self, signed: SignedAttestation, statement: Statement) -> dict[str, Any]:
        """What the node is given: the attestation, its packs, and their place in this member's log."""
        held = sorted(digest for digest in statement.packs if self.store.holds(digest))
        size = len(self.store.tree)
        proofs: list[dict[str, Any]] = []
        for digest in held:
            index = self.store.index_of(digest)
            path = [each.hex() for each in self.store.tree.inclusion_proof(index, size)]
            proofs.append({"digest": digest.hex(), "index": index, "path": path})
        body: dict[str, Any] = {
            "attestation": signed.to_json(),
            "subject_kind": statement.subject_kind,
            "subject_id": statement.subject_id,
            "packs": [base64.b64encode(self.store.envelope(digest)).decode() for digest in held],
            "checkpoint": self.anchors.checkpoint(),
            "inclusion": {"origin": self.anchors.origin, "size": size, "proofs": proofs},
        }
        consistency = self.anchors.consistency()
        return body if consistency is None else {**body, "consistency": consistency}
