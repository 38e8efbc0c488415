"""Acknowledged notices: an organisation says on the ledger that it has read an event, and which content it read."""

from dataclasses import dataclass
from typing import Annotated, Final

from chaincode.access import BANK, INSURER, REGULATOR
from chaincode.declaration import command
from chaincode.parties.members import Member
from chaincode.world import state
from chaincode.world.bounds import Described, Hash, Organisation, Text
from chaincode.world.errors import Refusal
from chaincode.world.events import Event, emit
from chaincode.world.state import Stamped
from chaincode.world.stub import Stub, notice_ack_key

BLOCK, PLACE, ITEM = (rf"(?:0|[1-9][0-9]{{0,{more}}})" for more in (11, 8, 5))
"""Numbers in the one spelling that they have: ASCII digits, without leading zeros."""
EVENT_ID: Final = Text(
    3,
    64,
    rf"f:{BLOCK}\.{PLACE}\.{ITEM}|[a-z][a-z0-9]{{1,15}}:{BLOCK}\.{PLACE}",
    "an event id, f:120.3.0 or e1:44.2",
)
"""An event has one id and an id one spelling; in a second one the same event could be acknowledged again."""
EventId = Annotated[str, EVENT_ID]


@dataclass(frozen=True)
class AcknowledgeNotice:
    """An event that was received, and with which content."""

    event_id: Annotated[EventId, Described("Id of the event, of either ledger (FORMATS §3).", "f:120.3.0")]
    content_hash: Annotated[Hash, Described("SHA-256 of the event as it was delivered.", "ab" * 32)]


@dataclass(frozen=True, kw_only=True)
class Acknowledgement(Stamped, AcknowledgeNotice):
    """One organisation's word that it received an event."""

    organisation: Annotated[Organisation, Described("Who received the event.", "insurer")]


@command(
    "acknowledge_notice",
    on="event",
    path="/events/acknowledge",
    roles={INSURER, REGULATOR, BANK},
    events=("notice_acknowledged",),
    problems=("conflict",),
    en="Say that an event was received, and with which content.",
    zh="确认已收到某一事件及其内容。",
)
def acknowledge(stub: Stub, caller: Member, wanted: AcknowledgeNotice) -> Acknowledgement:
    """Acknowledge a notice once; again with the same content has no effect.

    Errors: malformed, conflict (acknowledged with another content).
    """
    key = notice_ack_key(wanted.event_id, caller.organisation)
    earlier = state.find(stub, key, Acknowledgement)
    if earlier is not None:
        return _require_same(earlier, wanted)

    acknowledgement = Acknowledgement(
        **vars(wanted), organisation=caller.organisation, created_at_s=stub.timestamp_s, updated_tx=stub.tx_id
    )

    state.write(stub, key, acknowledgement)

    body = {"organisation": caller.organisation, "content_hash": wanted.content_hash}
    emit(stub, Event("notice_acknowledged", "notice", wanted.event_id, body))
    return acknowledgement


def _require_same(earlier: Acknowledgement, wanted: AcknowledgeNotice) -> Acknowledgement:
    if earlier.content_hash != wanted.content_hash:
        raise Refusal(
            "conflict",
            f"{earlier.organisation} acknowledged {wanted.event_id} with another content",
            "compare the notice with the event on the ledger",
        )
    return earlier
