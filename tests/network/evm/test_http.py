"""JSON-RPC over HTTP: what is no answer to the request is refused by name, and no answer costs more than its bound."""

import asyncio
import gzip
import json
import time
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest

from network.obligations.jsonrpc import endpoints as endpoints_module
from network.obligations.jsonrpc import http
from network.obligations.jsonrpc.endpoints import Endpoints, JsonRpcProbe, NoEndpoint
from network.obligations.jsonrpc.http import AnswerError, HttpEndpoint
from network.obligations.jsonrpc.requests import Requests
from network.ports import Unavailable

CHAIN_ID = 7001
TRUTH = {"eth_chainId": hex(CHAIN_ID), "eth_blockNumber": "0x10"}
Answer = Callable[[dict], bytes | None]


def response(body: bytes, status="200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def honest(request: dict) -> bytes:
    return response(
        json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": TRUTH.get(request["method"])}).encode()
    )


class Server:
    """Answers each request with what `answer` makes of it; None: it says nothing."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[dict] = []
        self.headers: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                self.requests.append(request)
                self.headers.append(head)
                told = self.answer(request)
                if told is None:
                    await asyncio.sleep(60)
                else:
                    writer.write(told)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer):
    """A server and an endpoint that asks it."""
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    endpoint = HttpEndpoint(url)
    try:
        yield server, endpoint, url
    finally:
        await endpoint.disconnect()
        listener.close()


async def refusal(answer: Answer, method="eth_blockNumber") -> str:
    async with serving(answer) as (_, endpoint, _url):
        with pytest.raises(AnswerError) as refused:
            await endpoint.make_request(method, [])
        return str(refused.value)


async def test_a_request_and_its_answer_belong_together():
    async with serving(honest) as (server, endpoint, _):
        answers = await asyncio.gather(*(endpoint.make_request("eth_chainId", [n]) for n in range(20)))
        assert {answer["result"] for answer in answers} == {hex(CHAIN_ID)}
        assert len({request["id"] for request in server.requests}) == 20
        assert all(request["jsonrpc"] == "2.0" for request in server.requests)


@pytest.mark.parametrize("other", [7, "1", None, -1])
async def test_the_answer_to_another_request_is_refused(other):
    said = await refusal(lambda request: response(json.dumps({"id": other, "result": "0x1"}).encode()))
    assert said == f"an answer to request {other}, not to 1"


async def test_an_error_without_an_id_is_an_answer():
    error = {"code": -32700, "message": "parse error"}
    async with serving(lambda _: response(json.dumps({"id": None, "error": error}).encode())) as (_, endpoint, _url):
        assert (await endpoint.make_request("eth_chainId", []))["error"] == error


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error", "503 Busy", "301 Elsewhere"])
async def test_a_status_that_is_no_success_is_named_whatever_its_body_says(status):
    def answer(request: dict) -> bytes:
        body = json.dumps({"id": request["id"], "result": "0x10"}).encode()
        return response(body, status, "Location: http://127.0.0.1:1/", "Retry-After: 1")

    assert await refusal(answer) == f"HTTP status {status[:3]}"


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\xff", b"[" * 200_000, b'{"id": 1, "result": 0x10}'])
async def test_what_is_no_json_is_refused(body):
    assert (await refusal(lambda _: response(body))).startswith("no JSON: ")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"0x10"', b'[{"id": 1, "result": "0x10"}]'])
async def test_what_is_no_object_is_refused(body):
    assert (await refusal(lambda _: response(body))).startswith("no object: ")


async def test_an_answer_beyond_the_bound_is_left_before_it_is_whole(monkeypatch):
    monkeypatch.setattr(http, "ANSWER_BYTES_MAX", 100_000)

    def endless(request: dict) -> bytes:  # it says that a terabyte comes, and sends a little of it
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
        return head + b"0" * 200_000

    said = await asyncio.wait_for(refusal(endless), 5)
    assert said == "an answer of more than 100000 bytes"


async def test_an_answer_at_the_bound_is_read(monkeypatch):
    async with serving(honest) as (_, endpoint, _url):
        body = honest({"id": 1, "method": "eth_chainId"}).partition(b"\r\n\r\n")[2]
        monkeypatch.setattr(http, "ANSWER_BYTES_MAX", len(body))
        assert (await endpoint.make_request("eth_chainId", []))["result"] == hex(CHAIN_ID)


async def test_an_answer_is_not_unpacked():
    """Nothing compressed is asked for; a bomb of zeros that comes all the same is no JSON, and stays small."""
    bomb = gzip.compress(b"0" * 10_000_000)
    async with serving(lambda _: response(bomb, "200 OK", "Content-Encoding: gzip")) as (server, endpoint, _url):
        with pytest.raises(AnswerError, match="no JSON"):
            await endpoint.make_request("eth_chainId", [])
        assert b"accept-encoding: identity\r\n" in server.headers[0].lower()


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(honest) as (_, endpoint, _url):
        assert (await endpoint.make_request("eth_chainId", []))["result"] == hex(CHAIN_ID)


async def test_connections_are_used_again():
    async with serving(honest) as (server, endpoint, _):
        for _ in range(5):
            await endpoint.make_request("eth_chainId", [])
        assert (server.connections, len(server.requests)) == (1, 5)


class TestAmongOthers:
    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch):
        monkeypatch.setattr(endpoints_module, "EXAMINE_EVERY_S", 0.2)
        monkeypatch.setattr(endpoints_module, "EXAMINE_TIMEOUT_S", 10.0)

    async def test_one_that_is_asked_too_much_is_left_in_peace_for_a_while_and_the_next_answers(self):
        def tired(_: dict) -> bytes:
            return response(b"slow down", "429 Too Many Requests")

        async with serving(tired) as (server, _, url), serving(honest) as (_, _unused, second):
            both, begin = Endpoints([url, second], JsonRpcProbe(CHAIN_ID)), time.monotonic()
            for _ in range(20):
                assert (await both.make_request("eth_blockNumber", []))["result"] == "0x10"
            assert both.troubles() == {url: "does not answer: HTTP status 429"}
            assert len(server.requests) <= 2 + (time.monotonic() - begin) / 0.2
            await both.aclose()

    async def test_one_that_answers_another_request_is_put_aside_and_named(self):
        def shifted(request: dict) -> bytes:
            return honest({**request, "id": request["id"] - 1})

        async with serving(shifted) as (_, _unused, url):
            alone = Endpoints([url], JsonRpcProbe(CHAIN_ID))
            with pytest.raises(NoEndpoint, match="does not answer: an answer to request 0, not to 1"):
                await alone.make_request("eth_blockNumber", [])
            await alone.aclose()

    async def test_one_that_says_nothing_is_unavailable_after_its_deadline(self):
        async with serving(lambda _: None) as (_, _unused, url):
            alone = Endpoints([url], JsonRpcProbe(CHAIN_ID), timeout_s=0.1)
            with pytest.raises(Unavailable, match="gave no answer within"):
                await Requests(alone).ask("eth_blockNumber")
            await alone.aclose()

    async def test_one_that_came_back_after_an_error_of_its_server_takes_its_place_again(self):
        well = False

        def recovering(request: dict) -> bytes:
            return honest(request) if well else response(b"", "502 Bad Gateway")

        async with serving(recovering) as (_, _unused, url), serving(honest) as (_, _other, second):
            both = Endpoints([url, second], JsonRpcProbe(CHAIN_ID))
            await both.make_request("eth_blockNumber", [])
            assert list(both.troubles()) == [url]
            well = True
            deadline = time.monotonic() + 10
            while both.troubles():
                assert time.monotonic() < deadline, both.troubles()
                await asyncio.sleep(0.02)
            await both.aclose()
