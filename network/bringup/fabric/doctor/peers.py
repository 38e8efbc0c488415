"""The peers: which answers, has joined, keeps up, knows the definition, has its package, and says what the others say.

`look_at_peer` asks one peer everything in turn and stops where the next question has no sense; `compare` then holds the
peers against one another: blocks, clocks, and the answer of the chaincode to the same question.
"""

from __future__ import annotations

import datetime
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from network.bringup.fabric.admin import ChainInfo, PeerAdmin, Reply
from network.bringup.fabric.definition import Definition
from network.bringup.fabric.doctor.certificates import examine, shown_by
from network.bringup.fabric.doctor.clocks import skew_by_operations
from network.bringup.fabric.doctor.findings import Expected, ExpectedPeer, Finding
from network.bringup.fabric.lifecycle import Wanted
from network.bringup.fabric.refusals import AdminError, refused
from wuxin_evidence.fabric import Proposal

DEADLINE_S = 8.0
"""A peer that takes longer than this for a question about itself is no use to anybody's transaction."""

BEHIND_BLOCKS = 5

SLOW_MS, SLOW_FACTOR = 500, 5
"""Slow is what takes half a second and five times as long as the others: an idle peer answers in some 5 ms."""

LONG_AGO_MS = 1
"""A proposal of 1970: the peer refuses it and says what time it is."""

PROBE = (b"acknowledge_notice", b'{"content_hash":"' + b"00" * 32 + b'","event_id":"f:0.0.0"}')
"""A notice that nobody was sent is acknowledged: every chaincode says what it would write, and nothing is ordered.

Whoever may not, or came too late, is refused: that is an answer too, and the same one everywhere.
"""

_PEER_TIME = re.compile(r"peer time (\S+?),")


@dataclass
class PeerLook:
    """What one peer showed; what it could not be asked any more is None."""

    peer: ExpectedPeer
    found: list[Finding] = field(default_factory=list[Finding])
    clock_skew_s: float | None = None
    info: ChainInfo | None = None
    definition: Definition | None = None
    reply: Reply | None = None
    reply_ms: float = 0.0

    def error(self, detail: str, hint: str, place: str | None = None) -> None:
        """Note an error, at this peer unless another place is named."""
        self.found.append(Finding("error", place or self.peer.name, detail, hint))


async def look_at_peer(peer: ExpectedPeer, expected: Expected, probe: Proposal, now_ms: int) -> PeerLook:
    """Ask one peer everything; `probe` is the question that all peers get, signed by `expected.signer`."""
    look = PeerLook(peer)
    async with PeerAdmin(peer.node, peer.admin or expected.signer, deadline_s=DEADLINE_S) as asked:
        try:
            look.clock_skew_s = await _clock_skew_s(asked, expected.wanted.channel, now_ms)
            if look.clock_skew_s is None and peer.operations:
                look.clock_skew_s = await skew_by_operations(peer.operations, now_ms)
            look.info = await asked.chain_info(expected.wanted.channel)
            if peer.admin is not None:
                await _look_at_package(look, asked)
            if await _look_at_definition(look, asked, expected):
                await _look_at_chaincode(look, asked, expected, probe)
        except AdminError as error:
            if error.code != "clock_skew":  # that one is told with its size
                look.error(error.in_short, error.hint)
            if error.code in ("unavailable", "forbidden") and (shown := await shown_by(peer.node)):
                look.found += examine(shown, peer.name, now_ms)
    return look


def compare(looks: Sequence[PeerLook], wanted: Wanted) -> Iterator[Finding]:
    """What only shows when several peers are seen together; their clocks are compared with everybody's elsewhere."""
    yield from _heights(looks)
    yield from _definitions(looks, wanted)
    yield from _answers(looks)


async def _clock_skew_s(asked: PeerAdmin, channel: str, now_ms: int) -> float | None:
    """By how much the peer's clock is ahead of ours; None where it does not check the time of proposals."""
    try:
        await asked.query(
            "ask the time", "qscc", [b"GetChainInfo", channel.encode()], channel, timestamp_ms=LONG_AGO_MS
        )
    except AdminError as error:
        said = _PEER_TIME.search(error.message)
        if said is None:
            raise
        return datetime.datetime.fromisoformat(said[1]).timestamp() - now_ms / 1000
    return None


async def _look_at_package(look: PeerLook, asked: PeerAdmin) -> None:
    package = look.peer.package
    if package is None:
        return
    if not await asked.holds(package):
        others = ", ".join(sorted({each.label for each in await asked.installed()})) or "none"
        hint = "install it: `wuxin network up` does; without it the peer endorses nothing after its next start"
        look.error(f"package {package.package_id} is not in its store; labels that it knows: {others}", hint)


async def _look_at_definition(look: PeerLook, asked: PeerAdmin, expected: Expected) -> bool:
    """Whether a chaincode is defined at this peer at all."""
    wanted = expected.wanted
    committed = await asked.definition(wanted.channel, wanted.name)
    if committed is None:
        look.error(f"no definition of {wanted.name} is committed in {wanted.channel}", "`wuxin network up` commits it")
        return False
    look.definition = committed.definition
    await _look_at_approval(look, asked, committed.definition)
    return True


async def _look_at_approval(look: PeerLook, asked: PeerAdmin, definition: Definition) -> None:
    """Whether this organisation approved what is committed, for the package that its server runs."""
    if look.peer.admin is None:
        return
    approval = await asked.approved(definition.channel, definition.name, definition.sequence)
    organisation = look.peer.node.organisation
    if approval is None:
        detail = f"{organisation} has not approved sequence {definition.sequence} of {definition.name}"
        look.error(detail, "`wuxin network up` approves it; until then this peer endorses nothing")
    elif approval.definition != definition:
        fields = ", ".join(approval.definition.differs_from(definition))
        look.error(f"{organisation} approved another definition: {fields}", "approve the committed one again")
    elif look.peer.package is not None and approval.package_id != look.peer.package.package_id:
        detail = (
            f"{organisation} approved package {approval.package_id}, its server runs {look.peer.package.package_id}"
        )
        look.error(detail, "approve the package that runs: `wuxin network up` does")


async def _look_at_chaincode(look: PeerLook, asked: PeerAdmin, expected: Expected, probe: Proposal) -> None:
    place = f"chaincode.{look.peer.node.organisation}"
    started = time.perf_counter()
    try:
        reply = await asked.ask("ask the chaincode", probe, expected.signer)
    except AdminError as error:
        if error.code == "clock_skew":
            raise
        look.error(f"its peer gets no answer from it: {error.message}", error.hint, place)
        return
    look.reply_ms = (time.perf_counter() - started) * 1000
    if reply.is_refusal and not reply.message.startswith("{"):
        refusal = refused("ask the chaincode", look.peer.node, reply.message)
        look.error(f"its peer gets no answer from it: {refusal.message}", refusal.hint, place)
    else:
        look.reply = reply


def _heights(looks: Sequence[PeerLook]) -> Iterator[Finding]:
    """Who is behind, and who has another block where others have theirs."""
    infos = [(look.peer.name, look.info) for look in looks if look.info is not None]
    highest = max((info.height for _, info in infos), default=0)
    for name, info in infos:
        if highest - info.height > BEHIND_BLOCKS:
            hint = "see in its log whether it reaches the orderers; it catches up by itself once it does"
            yield Finding("warning", name, f"has {info.height} blocks, others {highest}", hint)
    for height in {info.height for _, info in infos}:
        tips = Counter(info.current_hash for _, info in infos if info.height == height)
        for name, info in infos:
            if info.height == height and tips[info.current_hash] < max(tips.values()):
                hint = "do not use it: move its data away and let it join anew"
                yield Finding("error", name, f"has another block {height - 1} than the others", hint)


def _definitions(looks: Sequence[PeerLook], wanted: Wanted) -> Iterator[Finding]:
    """Whether what is committed is what this installation has, and who knows of another one."""
    known = {look.peer.name: look.definition for look in looks if look.definition is not None}
    if not known:
        return
    newest = max(known.values(), key=lambda definition: definition.sequence)
    differing = newest.differs_from(wanted.under(newest.sequence))
    if differing:
        versions = f" (committed {newest.version}, here {wanted.version})" if "version" in differing else ""
        detail = f"the definition of {wanted.name} differs from this installation's in {', '.join(differing)}{versions}"
        hint = "`wuxin network upgrade-chaincode` commits this installation's; or install the version the others run"
        yield Finding("error", "channel", detail, hint)
    for name, definition in known.items():
        if definition != newest:
            detail = f"knows sequence {definition.sequence} of {wanted.name}, others {newest.sequence}"
            yield Finding("error", name, detail, "it is behind: see in its log whether it reaches the orderers")


def _answers(looks: Sequence[PeerLook]) -> Iterator[Finding]:
    """Who answers the same question otherwise than most, or much later."""
    answered = [look for look in looks if look.reply is not None]
    said = Counter(_said(look) for look in answered)
    usual_ms = statistics.median([look.reply_ms for look in answered]) if answered else 0.0
    for look in answered:
        place = f"chaincode.{look.peer.node.organisation}"
        if said[_said(look)] < max(said.values()):
            detail = f"computes another result of {PROBE[0].decode()} than {max(said.values())} others"
            hint = "its endorsements will be refused: compare the source of its chaincode and the state of its peer"
            yield Finding("error", place, detail, hint)
        if look.reply_ms > max(SLOW_MS, SLOW_FACTOR * usual_ms):
            detail = f"answers after {look.reply_ms:.0f} ms, the others after {usual_ms:.0f} ms"
            yield Finding("warning", place, detail, "see what else its machine does; transactions wait for the slowest")


def _said(look: PeerLook) -> tuple[int, str, bytes] | None:
    """Status, words, and what the peer signs: reads, writes, events and result."""
    return look.reply and (look.reply.status, look.reply.message, look.reply.payload)
