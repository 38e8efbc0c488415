"""The event log: every event exactly once, whatever the page size; acknowledged on the ledger."""

import asyncio

import pytest

from node.gate.problems import Problem
from node.projection.events import EventId, format_cursor, parse_cursor
from tests.node.conftest import Running
from tests.node.story import Story

SECOND_SPELLINGS = [
    "f:01.0.3", "f:0103.0.0", "f:1.00.3", "f:1.0.03", "f:\uff11.0.3", "f:1.0.\u0663", "f:+1.0.3", "f: 1.0.3",
    "f:1_0.0.3", "f:1.0.3 ", "F:1.0.3", "f:1.0", "e1:01.2", "e1:1.2.0", "f:1000000000000.0.0", "f:1.0.1000000",
]  # fmt: skip


async def read_all(node: Running, limit: int) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        query = {"limit": limit} | ({"after": cursor} if cursor else {})
        answer = (await node.get("bank", "/v1/events", **query)).json()
        if not answer["items"]:
            return ids
        ids += [item["id"] for item in answer["items"]]
        cursor = answer["cursor"]


@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_each_event_is_read_once_in_the_order_of_its_ledger(node: Running, limit: int) -> None:
    story = Story(node)
    await story.issue()
    await story.pledge_it()
    ids = await read_all(node, limit)
    assert len(ids) == len(set(ids)) > 20
    for ledger in ("f", "e1"):
        places = [EventId.parse(each).place for each in ids if each.startswith(ledger + ":")]
        assert places == sorted(places) and len(places) > 5
    with node.node.read_model.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM event").scalar() == len(ids)


async def test_a_reader_that_waits_is_woken_by_the_next_event(node: Running) -> None:
    await Story(node).issue()
    cursor = (await node.get("bank", "/v1/events", limit=500)).json()["cursor"]
    waiting = asyncio.create_task(node.get("bank", "/v1/events", after=cursor, wait=20))
    await node.done("warehouse", "/v1/slots", {"slot_id": Story(node).slot + "-B"})
    assert [event["type"] for event in (await waiting).json()["items"]] == ["slot_registered"]


async def test_an_acknowledgement_stands_on_the_ledger_with_the_hash_of_what_was_read(node: Running) -> None:
    story = Story(node)
    await story.issue()
    await story.pledge_it()
    events = (await node.get("insurer", "/v1/events", limit=500)).json()["items"]
    proposed = next(event for event in events if event["type"] == "facility_proposed")
    assert (proposed["subject_kind"], proposed["subject_id"]) == ("facility", "facility-1")
    await node.done("insurer", "/v1/events/acknowledge", {"event_id": proposed["id"]})
    event = (await node.get("regulator", f"/v1/events/{proposed['id']}")).json()
    (acknowledged,) = event["acknowledgements"]
    assert acknowledged["organisation"] == "insurer" and acknowledged["content_hash"] == event["content_hash"]
    assert await node.refused("insurer", "/v1/events/acknowledge", {"event_id": "e1:999999.1"}) == "not_found"


def test_a_cursor_reads_back_as_it_was_written() -> None:
    text = "f:120.3.0~e1:44.2"
    assert format_cursor(parse_cursor(text)) == text
    for wrong in (
        "f:1.2",
        "e1:1.2.3",
        "f:1.2.3~f:1.2.4",
        "x",
        "f:1.2.3~",
        "~",
        "f:-1.0.0",
        *SECOND_SPELLINGS,
        "e:1.2",
        "1e:1.2",
        "f:1.2.3" + "~e1:1.2" * 60,
    ):
        with pytest.raises(Problem) as refused:
            parse_cursor(wrong)
        assert refused.value.code == "malformed" and refused.value.detail.startswith("after: ")


@pytest.mark.parametrize("text", ["f:0.0.0", "f:120.3.10", "e1:44.2", "circle2:0.0", "f:999999999999.999999999.999999"])
def test_an_id_is_written_as_it_was_read(text: str) -> None:
    assert str(EventId.parse(text)) == text


async def test_an_event_has_one_id_however_else_it_could_be_written(node: Running) -> None:
    """A second spelling would be a second acknowledgement of one event, or of one that never was."""
    for text in SECOND_SPELLINGS:
        answer = await node.post("insurer", "/v1/events/acknowledge", {"event_id": text})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), text
        assert answer.json()["detail"].startswith("event_id: ")
        for path, query in ((f"/v1/events/{text}", {}), ("/v1/events", {"after": text})):
            answer = await node.get("bank", path, **query)
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), (path, text)
            assert answer.json()["detail"].startswith("after: " if query else "event_id: ")
    assert (await node.get("insurer", "/v1/transactions")).json()["items"] == []
