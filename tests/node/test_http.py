"""What HTTP itself asks of the API: methods, preferences, replays, languages, bodies that say one thing once."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.api.description import described
from node.api.limits import require_sound
from node.api.preferences import WAIT_S_MAX, has_tag, language_of, wait_of
from node.app import create_app
from node.gate.problem_words import WORDS
from node.gate.problems import Problem, problem_response
from tests.docs import inventory
from tests.node.conftest import Running
from tests.node.story import RECEIPT, Story


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/receipts", "GET, POST"),
        ("PUT", "/v1/receipts/r-1", "GET"),
        ("GET", "/v1/receipts/r-1/cancel", "POST"),
        ("PATCH", "/v1/status", "GET"),
        ("POST", "/healthz", "GET"),
        ("PUT", "/openapi.json", "GET, HEAD"),
        ("POST", "/static-offline-docs/redoc.standalone.js", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_405_and_says_which_it_takes(
    node: Running, method: str, path: str, allowed: str
) -> None:
    async with node.client("warehouse") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert (answer.json()["code"], answer.json()["status"]) == ("unsupported_action", 405)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["wait=5"], 5),
        (["wait = 5"], 5),
        (["WAIT=5"], 5),
        (['wait="5"'], 5),
        (['wait="\\5"'], 5),
        (["wait=5; precise=yes"], 5),
        (["respond-async, wait=5"], 5),
        (["respond-async", "wait=5"], 5),
        (["wait=5, wait=50"], 5),
        (['note="a, wait=9; b", wait=5'], 5),
        (["wait=0005"], 5),
        (["wait=100000"], WAIT_S_MAX),
        (["wait=" + "9" * 10_000], WAIT_S_MAX),
        (["wait=0"], 0),
        (["wait"], None),
        (["wait=soon"], None),
        (["wait=-5"], None),
        (["wait=５"], None),
        (["await=5"], None),
        (['"wait=5'], None),
        ([], None),
    ],
    ids=str,
)
def test_a_wait_is_read_as_rfc_7240_writes_it(headers: list[str], seconds: int | None) -> None:
    assert wait_of(headers) == seconds


@pytest.mark.parametrize("prefer", ["wait = 20", "WAIT=20", "respond-async;x=1 , wait=100000"])
async def test_a_preference_is_honoured_and_said_to_be(node: Running, prefer: str) -> None:
    async with node.client("warehouse") as client:
        headers = {"Idempotency-Key": "k", "Prefer": prefer}
        answer = await client.post("/v1/slots", json={"slot_id": Story(node).slot}, headers=headers)
        again = await client.get(answer.headers["location"], headers=headers)
    assert answer.status_code == 200 and answer.json()["transaction"]["status"] == "committed"
    waited = "wait=60" if "100000" in prefer else "wait=20"
    assert answer.headers["preference-applied"] == again.headers["preference-applied"] == waited


async def test_a_replay_says_that_it_is_one(node: Running) -> None:
    body = {"slot_id": Story(node).slot}
    first = await node.post("warehouse", "/v1/slots", body, key="once")
    again = await node.post("warehouse", "/v1/slots", body, key="once")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true" and again.json() == first.json()


async def test_answers_say_the_language_of_their_words(node: Running) -> None:
    committed = await node.post("warehouse", "/v1/slots", {"slot_id": Story(node).slot})
    refused = await node.post("warehouse", "/v1/slots", {"slot_id": "BIN"})
    for answer in (committed, refused, await node.get("bank", "/v1/slots"), await node.get("bank", "/v1/nothing")):
        assert answer.headers["content-language"] == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB, zh;q=0.5", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("fr", "en"),
        ("zh;q=0", "en"),
        ("zh;q=x", "en"),
    ],
)
def test_a_language_is_chosen_by_weight_then_by_order(header: str | None, language: str) -> None:
    assert language_of(header) == language


HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("accept", ["zh", "zh-CN,zh;q=0.9,en;q=0.8"])
async def test_a_refusal_is_chinese_for_who_prefers_it_and_keeps_its_detail(node: Running, accept: str) -> None:
    async with node.client("bank") as client:
        english = await client.get("/v1/receipts?limit=0")
        chinese = await client.get("/v1/receipts?limit=0", headers={"Accept-Language": accept})
    assert (english.headers["content-language"], chinese.headers["content-language"]) == ("en", "zh")
    assert english.headers["vary"] == chinese.headers["vary"] == "Accept-Language"
    told, said = english.json(), chinese.json()
    assert said["title"] == WORDS["malformed"].zh and told["title"] == WORDS["malformed"].en
    assert said["hint"] == f"{WORDS['malformed'].do_zh}（{told['hint']}）"
    assert {name: said[name] for name in ("code", "detail", "status", "type")} == {
        name: told[name] for name in ("code", "detail", "status", "type")
    }


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/v1/nothing", None),
        ("DELETE", "/v1/receipts", None),
        ("POST", "/v1/slots", b"{"),
        ("POST", "/v1/slots", b"{}"),
    ],
    ids=["no route", "no method", "before the route", "in the route"],
)
async def test_every_way_to_refuse_asks_for_the_language(
    node: Running, method: str, path: str, content: bytes | None
) -> None:
    async with node.client("warehouse") as client:
        headers = {"Accept-Language": "zh", "Idempotency-Key": "k", "Content-Type": "application/json"}
        answer = await client.request(method, path, content=content, headers=headers)
    assert answer.headers["content-language"] == "zh" and HAN.search(answer.json()["title"])


def test_every_code_has_its_words_in_both_languages_and_no_words_are_of_no_code() -> None:
    assert set(WORDS) == set(inventory.problem_codes())
    for code, words in WORDS.items():
        assert words.en and not HAN.search(words.en), code
        assert HAN.search(words.zh) and HAN.search(words.do_zh), code


def test_a_code_that_nobody_declared_is_told_in_its_own_words_and_as_english() -> None:
    answer = problem_response("sum_too_odd", "d", "h", language="zh")
    assert answer.headers["content-language"] == "en"
    assert json.loads(bytes(answer.body))["title"] == "Sum too odd"


@pytest.mark.parametrize(
    "body",
    [
        b'{"slot_id": "a", "slot_id": "b"}',
        b'{"goods": {"name": "x", "name": "x"}}',
        b'{"a": [{"b": 1}, {"b": 1, "c": 2, "b": 3}]}',
        rb'{"slot_id": "a", "slot\u005fid": "b"}',
        rb'{"keeper": "\ud800"}',
        rb'{"keeper": "\uD83D \uDE00"}',
    ],
)
def test_a_body_that_two_readers_would_read_differently_is_malformed(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        require_sound(body)
    assert refused.value.code == "malformed"


def test_a_pair_of_surrogates_is_a_character() -> None:
    require_sound(rb'{"keeper": "\ud83d\ude00"}')


async def test_a_field_twice_in_one_body_is_refused_and_nothing_is_queued(node: Running) -> None:
    text = json.dumps(Story(node).receipt())
    raw = text.replace('"quantity_g": 20000000', '"quantity_g": 20000000, "quantity_g": 2000000000').encode()
    async with node.client("warehouse") as client:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        answer = await client.post("/v1/receipts", content=raw, headers=headers)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "malformed") and "quantity_g" in problem["detail"]
    assert (await node.get("warehouse", "/v1/transactions")).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/receipts?colour=red"),
        ("GET", "/v1/receipts/r-1?status=active"),
        ("GET", "/v1/status?x="),
        ("POST", "/v1/slots?wait=5"),
        ("GET", "/v1/receipts?limit=5&limit=6"),
    ],
)
async def test_a_query_parameter_that_a_route_does_not_declare_is_malformed(
    node: Running, method: str, path: str
) -> None:
    async with node.client("warehouse") as client:
        answer = await client.request(
            method, path, headers={"Idempotency-Key": "k"}, json={} if method == "POST" else None
        )
    name = path.partition("?")[2].partition("=")[0]
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["detail"].startswith(f"{name}: ") and answer.json()["hint"]


async def test_the_description_is_made_once_however_many_ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("node.app.described", lambda operations: made.append(1) or described(operations))
    app = create_app(home, ["bank"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        first = await client.get("/openapi.json")
        for method in ("GET", "HEAD", "GET"):
            assert (await client.request(method, "/openapi.json")).status_code == 200
        known = await client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert made == [1] and first.json() == json.loads(json.dumps(app.openapi()))
    assert (known.status_code, known.content) == (304, b"")


TAG = '"120-9f9f9f9f"'


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ([TAG], True),
        (["W/" + TAG], True),
        ([f'"x", {TAG}'], True),
        (['"x"', f'W/"y" ,\tW/{TAG}'], True),
        (["*"], True),
        ([" * "], True),
        ([], False),
        (['"x"'], False),
        ([TAG.strip('"')], False),
        (['"x,120-9f9f9f9f"'], False),
        (['"*"'], False),
        (["*, " + '"x"'], False),
        (["w/" + '"x"'], False),
    ],
    ids=str,
)
def test_what_a_caller_has_is_compared_as_rfc_9110_compares_it(headers: list[str], known: bool) -> None:
    assert has_tag(headers, TAG) is known


async def test_a_record_that_the_caller_has_is_304(node: Running) -> None:
    await Story(node).issue()
    tag = (await node.get("bank", f"/v1/receipts/{RECEIPT}")).headers["etag"]
    async with node.client("bank") as client:
        for value in (tag, "W/" + tag, f'"x", {tag}', "*"):
            answer = await client.get(f"/v1/receipts/{RECEIPT}", headers={"If-None-Match": value})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), value
        assert (await client.get(f"/v1/receipts/{RECEIPT}", headers={"If-None-Match": '"x"'})).status_code == 200
        assert (await client.get("/v1/receipts/none", headers={"If-None-Match": "*"})).status_code == 404


async def test_a_path_with_a_slash_too_many_is_not_found_and_leads_nowhere(node: Running) -> None:
    async with node.client("warehouse") as client:
        for path in ("/v1/slots/", "/v1/receipts/r-1/", "/healthz/", "/v1//slots"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found") and answer.json()["hint"], path


async def posted(node: Running, headers: list[tuple[str, str]], body: bytes | None = None) -> httpx.Response:
    """A slot registered with these headers, some of them perhaps more than once."""
    raw = json.dumps({"slot_id": Story(node).slot}).encode() if body is None else body
    async with node.client(None) as client:
        return await client.post("/v1/slots", content=raw, headers=headers)


async def test_a_header_that_says_two_things_is_malformed_and_named_and_nothing_is_queued(node: Running) -> None:
    sound = [
        ("Authorization", f"Bearer {node.key('warehouse')}"), ("Idempotency-Key", "k1"), ("Prefer", "wait=1"),
        ("Accept-Language", "zh"), ("Content-Type", "application/json"),
    ]  # fmt: skip
    seconds = [
        ("Authorization", "Bearer wx_other"), ("Authorization", sound[0][1]), ("Idempotency-Key", "k2"),
        ("Idempotency-Key", "k1"), ("Prefer", "wait=2"), ("Accept-Language", "en"), ("Content-Type", "text/plain"),
    ]  # fmt: skip
    for second in seconds:
        for headers in ([second, *sound], [*sound, second]):
            answer = await posted(node, headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), second
            assert answer.json()["detail"].startswith(f"the header {second[0]}: ")
    assert (await node.get("warehouse", "/v1/transactions")).json()["items"] == []
    assert (await posted(node, sound)).status_code in (200, 202)


async def test_a_header_that_says_two_things_is_refused_of_reads_too(node: Running) -> None:
    sound = [("Authorization", f"Bearer {node.key('bank')}"), ("Accept-Language", "en")]
    async with node.client(None) as client:
        for name, value in sound:
            answer = await client.get("/v1/slots", headers=[*sound, (name, value)])
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed") and name in answer.json()["detail"]
        assert (await client.get("/v1/slots", headers=sound)).status_code == 200


async def test_preferences_in_several_headers_are_read_as_one_list(node: Running) -> None:
    sound = [("Authorization", f"Bearer {node.key('warehouse')}"), ("Content-Type", "application/json")]
    prefer = [("Prefer", "respond-async"), ("Prefer", "wait=20"), ("Prefer", "wait=20")]
    answer = await posted(node, [*sound, *prefer, ("Idempotency-Key", "k")])
    assert answer.status_code == 200 and answer.headers["preference-applied"] == "wait=20"


async def test_a_body_that_its_headers_call_something_else_is_415_and_nothing_is_queued(node: Running) -> None:
    sound = {"Authorization": f"Bearer {node.key('warehouse')}", "Idempotency-Key": "k"}
    cases: list[tuple[dict[str, str], str]] = [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=utf-16"}, "Content-Type"),
        ({"Content-Type": "application/jsonp"}, "Content-Type"),
        ({}, "Content-Type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Content-Encoding"),
        ({"Content-Type": "application/json", "Content-Encoding": "identity, br"}, "Content-Encoding"),
    ]
    for headers, named in cases:
        answer = await posted(node, list({**sound, **headers}.items()))
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (415, 415, "unsupported_action"), headers
        assert problem["detail"].startswith(f"{named}: ") and problem["hint"]
        assert answer.headers["accept"] == "application/json"
    assert (await node.get("warehouse", "/v1/transactions")).json()["items"] == []
    for kind in ("application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'):
        headers = {**sound, "Content-Type": kind, "Content-Encoding": "Identity"}
        assert (await posted(node, list(headers.items()))).status_code in (200, 202), kind


async def test_an_empty_body_needs_no_type(node: Running) -> None:
    sound = {"Authorization": f"Bearer {node.key('warehouse')}", "Idempotency-Key": "k"}
    answer = await posted(node, list(sound.items()), b"")
    assert (answer.status_code, answer.json()["detail"]) == (400, "slot_id: is missing")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"quantity_g": 9007199254740992}', "quantity_g: 9007199254740992 is an integer beyond 2^53"),
        (b'{"quantity_g": -9007199254740992}', "quantity_g: -9007199254740992 is an integer beyond 2^53"),
        (b'{"a": 1, "quantity_g": 1.5}', "quantity_g: 1.5 is not written as an integer"),
        (b'{"quantity_g": 1.0, "b": 2.5}', "quantity_g: 1.0 is not written as an integer"),
        (b'{"quantity_g": 1e3}', "quantity_g: 1e3 is not written as an integer"),
        (b'{"quantity_g": NaN}', "quantity_g: NaN is not written as an integer"),
        (b'{"insurance": {"amount_minor": 0.1}}', "insurance.amount_minor: 0.1 is not"),
        (b'{"goods": [1, {"loss_bp": 1.1}]}', "goods[1].loss_bp: 1.1 is not"),
        (b"1.5", "the body: 1.5 is not"),
        (b'{"quantity_g": ' + b"9" * 5000 + b"}", "quantity_g: " + "9" * 64 + "… is an integer beyond 2^53"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_number_that_not_every_reader_keeps_is_named_by_its_field(body: bytes, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        require_sound(body)
    assert refused.value.code == "malformed" and refused.value.detail.startswith(detail)
    assert "9007199254740991" in refused.value.hint and "text" not in refused.value.hint
