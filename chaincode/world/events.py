"""The events of a transaction: one Fabric event whose payload is a canonical JSON list.

Each entry names its type and the subject it speaks about, so that a projector can route it without knowing the type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaincode.world.fields import plain
from chaincode.world.stub import EVENT_NAME, Stub
from wuxin_evidence.encoding.canonical import canonical_json


@dataclass(frozen=True)
class Event:
    """`type` happened to `subject_kind`/`subject_id`; `body` holds what a reader should not have to look up."""

    type: str
    subject_kind: str
    subject_id: str
    body: Mapping[str, object] = field(default_factory=dict[str, object])


def emit(stub: Stub, *events: Event) -> None:
    """Send the events of this transaction; called once, in a transition's last paragraph."""
    entries = [
        {"type": event.type, "subject_kind": event.subject_kind, "subject_id": event.subject_id}
        | {name: plain(value) for name, value in event.body.items()}
        for event in events
    ]
    stub.emit(EVENT_NAME, canonical_json(entries))
