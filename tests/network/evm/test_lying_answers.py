"""An endpoint that answers in another form, or about something else, is named; no lie ends a program or passes."""

import asyncio

import pytest

from network.obligations.jsonrpc import sending
from network.obligations.jsonrpc.requests import Refused, Requests, reading, to_bytes, to_int
from network.ports import Unavailable
from tests.network.evm.faulty_endpoint import FaultyEndpoint, over
from tests.network.evm_counter import ABI, BYTECODE, CHAIN_ID, LIMIT, chain_over, deployed_counter

pytestmark = pytest.mark.usefixtures("hurried")


class Lying(FaultyEndpoint):
    """Answers one method with what `change` makes of the true result, once it is told to lie."""

    def __init__(self, node, method, change):
        super().__init__(node)
        self.method, self.change = method, change
        self.lies = True

    async def make_request(self, method, params):
        answer = await super().make_request(method, params)
        if self.lies and method == self.method and answer.get("result") is not None:
            return {**answer, "result": self.change(answer["result"])}
        return answer


class Says:
    """Gives the same answer to everything."""

    def __init__(self, answer):
        self.answer = answer

    async def make_request(self, method, params):
        return self.answer


async def counter(node, endpoint):
    deployed = await deployed_counter(node)
    return chain_over(endpoint, deployed._contracts["Counter"].address)


def without(*names):
    return lambda result: {name: value for name, value in result.items() if name not in names}


def having(**fields):
    return lambda result: {**result, **fields}


@pytest.mark.parametrize("text", ["10", "0x", "", "0xg", "-0x1", "0x-1", " 0x1", "0x1_0", None, 16, True, ["0x1"]])
def test_a_number_is_hex_with_0x_and_nothing_else(text):
    with pytest.raises(ValueError, match="not a number in hex with 0x"):
        to_int(text)


@pytest.mark.parametrize("text", ["00ff", "0xf", "0xgg", "", "0x0 0f", b"\x00", None, 7])
def test_bytes_are_hex_with_0x_and_lose_nothing(text):
    with pytest.raises(ValueError, match="not bytes in hex with 0x"):
        to_bytes(text)


def test_hex_of_either_case_is_read():
    assert (to_int("0xFf"), to_bytes("0xFf00"), to_bytes("0x")) == (255, b"\xff\x00", b"")


def test_what_cannot_be_read_says_of_what_and_stays_short():
    with pytest.raises(Unavailable) as refused, reading("block 7"):
        {}["x" * 10_000]  # type: ignore[index]
    assert refused.value.detail.startswith("what the endpoint tells of block 7 cannot be read: KeyError")
    assert len(refused.value.detail) <= 300


@pytest.mark.parametrize("answer", [None, [], "0x1", 7, b"{}"])
async def test_what_is_no_object_is_no_answer(answer):
    with pytest.raises(Unavailable, match="not JSON-RPC"):
        await Requests(Says(answer)).ask("eth_blockNumber")


async def test_an_answer_with_neither_result_nor_error_is_not_taken_for_nothing():
    with pytest.raises(Unavailable, match="neither result nor error"):
        await Requests(Says({"jsonrpc": "2.0", "id": 1})).ask("eth_getTransactionReceipt", "0x00")
    assert await Requests(Says({"result": None})).ask("eth_getTransactionReceipt", "0x00") is None


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ("no", 0, "no"),
        ({}, 0, ""),
        ({"code": "many", "message": ["a"]}, 0, "['a']"),
        ({"code": -32000, "message": None, "data": {"data": 7}}, -32000, ""),
    ],
)
async def test_an_error_in_any_form_is_a_refusal(error, code, message):
    with pytest.raises(Refused) as refused:
        await Requests(Says({"error": error})).ask("eth_call")
    assert (refused.value.code, refused.value.message, refused.value.data) == (code, message, b"")


@pytest.mark.parametrize("height", ["16", 16, "0x", "latest", [], {}, "-0x1"])
async def test_a_height_that_is_no_number_is_named(node, height):
    chain = await counter(node, Lying(node, "eth_blockNumber", lambda _: height))
    with pytest.raises(Unavailable, match="of its height cannot be read"):
        await chain.height()


@pytest.mark.parametrize("height", ["16", {}, "0xzz"])
async def test_an_endpoint_whose_height_cannot_be_read_is_put_aside(node, height):
    endpoints = over(Lying(node, "eth_blockNumber", lambda _: height), FaultyEndpoint(node), timeout_s=5)
    assert (await endpoints.make_request("eth_blockNumber", []))["result"] == "0x0"
    assert "is not a number in hex with 0x" in endpoints.troubles()["a"]
    await endpoints.aclose()


async def test_an_endpoint_of_another_chain_is_not_taken_for_one_whose_id_begins_alike(node):
    endpoints = over(Lying(node, "eth_chainId", lambda told: told + "0"), FaultyEndpoint(node), timeout_s=5)
    await endpoints.make_request("eth_blockNumber", [])
    assert endpoints.troubles() == {"a": f"is of chain {CHAIN_ID * 16}, not {CHAIN_ID}"}
    await endpoints.aclose()


class TestReceipts:
    @pytest.mark.parametrize(
        "change",
        [
            lambda _: "0x01",
            lambda _: ["0x01"],
            having(blockNumber="7"),
            having(blockNumber=7),
            having(transactionHash="0x" + "ab" * 32),
            having(transactionHash=None),
            without("transactionHash"),
        ],
    )
    async def test_that_are_none_or_anothers_are_not_taken(self, node, monkeypatch, change):
        monkeypatch.setattr(sending, "RECEIPT_WAIT_S_MAX", 0.2)
        chain = await counter(node, Lying(node, "eth_getTransactionReceipt", change))
        with pytest.raises(Unavailable) as unknown:
            await chain.transact("Counter", "add", [5])
        assert "cannot be read" in unknown.value.detail
        assert unknown.value.tx_id  # it was sent: whoever repeats asks for this one first

    @pytest.mark.parametrize("change", [without("status"), having(status="1"), having(status=1), without("logs")])
    async def test_that_do_not_say_what_became_of_it_name_the_transaction(self, node, change):
        chain = await counter(node, Lying(node, "eth_getTransactionReceipt", change))
        with pytest.raises(Unavailable) as unknown:
            await chain.transact("Counter", "add", [5])
        assert unknown.value.tx_id and unknown.value.tx_id in unknown.value.detail

    async def test_that_tell_of_a_mined_transaction_that_it_is_not_there_are_asked_again(self, node, monkeypatch):
        monkeypatch.setattr(sending, "LOOK_AFTER_S", 60.0)  # only a look would send anything again
        endpoint = Lying(node, "eth_getTransactionReceipt", lambda _: None)
        chain = await counter(node, endpoint)
        sent = asyncio.create_task(chain.transact("Counter", "add", [5]))
        await asyncio.sleep(0.2)
        assert not sent.done()
        endpoint.lies = False
        assert (await sent).status == 1
        assert await chain.call("Counter", "total", []) == 5

    async def test_of_a_creation_without_an_address_are_refused(self, node):
        chain = chain_over(Lying(node, "eth_getTransactionReceipt", having(contractAddress=None)))
        with pytest.raises(Unavailable, match="cannot be read"):
            await chain.create(BYTECODE, ABI, [LIMIT])

    async def test_whose_logs_another_contract_wrote_show_none_of_them(self, node):
        def foreign(receipt):
            return {**receipt, "logs": [{**log, "address": "0x" + "11" * 20} for log in receipt["logs"]]}

        chain = await counter(node, Lying(node, "eth_getTransactionReceipt", foreign))
        assert (await chain.transact("Counter", "add", [5])).logs == ()


class TestBlocks:
    @pytest.mark.parametrize(
        "change", [having(number="0x63"), without("number"), lambda _: "a block", having(number=1)]
    )
    async def test_that_are_anothers_are_not_taken(self, node, change):
        chain = await counter(node, Lying(node, "eth_getBlockByNumber", change))
        with pytest.raises(Unavailable, match="of block 1 cannot be read"):
            await chain.header(1)

    @pytest.mark.parametrize("field", ["stateRoot", "gasLimit", "hash", "extraData", "logsBloom"])
    async def test_without_a_field_have_no_header(self, node, field):
        chain = await counter(node, Lying(node, "eth_getBlockByNumber", without(field)))
        with pytest.raises(Unavailable, match="of block 1 cannot be read"):
            await chain.header(1)

    @pytest.mark.parametrize(
        "change", [having(gasUsed="0x1"), having(timestamp="0x1"), having(hash="0x" + "00" * 32), having(nonce="0x01")]
    )
    async def test_whose_content_is_another_than_its_hash_prove_nothing(self, node, change):
        chain = await counter(node, Lying(node, "eth_getBlockByNumber", change))
        with pytest.raises(Unavailable, match="does not have the hash of its header"):
            await chain.header(1)

    async def test_that_are_not_there_yet_are_waited_for_by_whoever_asks(self, node):
        chain = await counter(node, FaultyEndpoint(node))
        with pytest.raises(Unavailable, match="no block 99 on e1 yet"):
            await chain.header(99)

    @pytest.mark.parametrize(
        ("method", "change"),
        [
            ("eth_getBlockReceipts", lambda receipts: [{**receipts[0], "status": "0x0"}]),
            ("eth_getBlockReceipts", lambda receipts: [{**receipts[0], "cumulativeGasUsed": "0x1"}]),
            ("eth_getBlockReceipts", lambda receipts: [*receipts, receipts[0]]),
            ("eth_getBlockReceipts", lambda _: []),
            ("eth_getBlockReceipts", lambda _: None),
            ("eth_getBlockByNumber", having(transactions=[])),
        ],
    )
    async def test_that_lie_of_what_happened_in_them_prove_nothing(self, node, method, change):
        endpoint = Lying(node, method, change)
        chain = await counter(node, endpoint)
        sent = await chain.transact("Counter", "add", [5])
        with pytest.raises(Unavailable, match=r"does not hash to its roots|cannot be read"):
            await chain.receipt_proof(sent.tx_hash)
        endpoint.lies = False
        assert (await chain.receipt_proof(sent.tx_hash))["kind"] == "receipt"

    @pytest.mark.parametrize("field", ["nonce", "input", "r", "value"])
    async def test_whose_transactions_were_changed_prove_nothing(self, node, field):
        def changed(block):
            return {**block, "transactions": [{**each, field: "0x2a"} for each in block["transactions"]]}

        endpoint = Lying(node, "eth_getBlockByNumber", lambda block: block)
        chain = await counter(node, endpoint)
        sent = await chain.transact("Counter", "add", [5])
        endpoint.change = changed
        with pytest.raises(Unavailable, match="does not have the hash of its content"):
            await chain.receipt_proof(sent.tx_hash)


class TestLogs:
    @pytest.mark.parametrize(
        "changed",
        [
            {"topics": []},
            {"topics": None},
            {"topics": ["0x12"]},
            {"data": "00"},
            {"data": None},
            {"logIndex": "1"},
            {"blockNumber": None},
            {"transactionHash": "ab"},
            {"blockTimestamp": "soon"},
        ],
    )
    async def test_that_cannot_be_read_end_no_follower(self, node, changed):
        """It hears that the endpoint cannot be read, from the same position on; nothing is passed over."""
        endpoint = Lying(node, "eth_getLogs", lambda logs: [{**log, **changed} for log in logs])
        chain = await counter(node, endpoint)
        await chain.transact("Counter", "add", [5])
        following = chain.logs((-1, 0))
        if changed == {"topics": []} or changed == {"topics": ["0x12"]}:
            assert (await anext(following)).event == ""  # an event that the ABI does not have
        else:
            with pytest.raises(Unavailable, match="cannot be read"):
                await anext(following)
        endpoint.lies = False
        assert (await anext(chain.logs((-1, 0)))).args["amount"] == 5

    @pytest.mark.parametrize("told", [{}, "0x", [None], [7], {"logs": []}])
    async def test_that_are_no_list_are_refused(self, node, told):
        chain = await counter(node, Lying(node, "eth_getLogs", lambda _: told))
        await chain.transact("Counter", "add", [5])
        if told:
            with pytest.raises(Unavailable, match="eth_getLogs"):
                await anext(chain.logs((-1, 0)))


class TestCounts:
    @pytest.mark.parametrize("count", ["1", 1, None, "0xnonce", []])
    async def test_that_are_no_number_send_nothing(self, node, count):
        chain = await counter(node, Lying(node, "eth_getTransactionCount", lambda _: count))
        before = node.height()
        with pytest.raises(Unavailable) as refused:
            await chain.transact("Counter", "add", [5])
        assert "account's count cannot be read" in refused.value.detail
        assert not refused.value.tx_id
        assert node.height() == before

    async def test_that_are_too_high_are_corrected_by_the_endpoints_own_refusal(self, node):
        chain = await counter(node, Lying(node, "eth_getTransactionCount", lambda _: "0xffff"))
        assert (await chain.transact("Counter", "add", [5])).status == 1

    async def test_that_are_too_low_are_corrected_likewise(self, node):
        chain = await counter(node, Lying(node, "eth_getTransactionCount", lambda _: "0x0"))
        assert (await chain.transact("Counter", "add", [5])).status == 1


class TestViews:
    @pytest.mark.parametrize("output", ["00", "0x", None, "0x01", 7, "0x" + "00" * 31])
    async def test_that_are_no_value_of_the_abi_are_refused(self, node, output):
        chain = await counter(node, Lying(node, "eth_call", lambda _: output))
        with pytest.raises(Unavailable, match="answers something else"):
            await chain.call("Counter", "total", [])
