"""A consensus RPC that answers in another form is named, and its lies become no reason and no proof."""

import base64

import pytest

from network.obligations.jsonrpc import comet
from network.obligations.jsonrpc.comet import _ANSWER, _ANSWERS, Answer, CometConsensus
from network.ports import Unavailable
from wuxin_evidence.encoding.protobuf import write

TX = "0x" + "ab" * 32
HEADER = {"header": {"proposer_address": "00" * 20}}


class Consensus:
    """Answers each method with what the test gives it."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def make_request(self, method, params):
        self.asked.append((method, params))
        told = self.answers.get(method, {"error": {"code": -32603, "message": "height is not available"}})
        return told if isinstance(told, dict) and "error" in told else {"result": told}


def answered(tx_hash=TX, returned=b"", vm_error=""):
    """A result as the EVM module of the chain writes it, in base64."""
    answer = {"hash": tx_hash, "logs": [], "returned": returned, "vm_error": vm_error, "gas_used": 21_000}
    response = {"type": "/cosmos.evm.vm.v1.MsgEthereumTxResponse", "value": write(_ANSWER, answer)}
    return {"data": base64.b64encode(write(_ANSWERS, {"responses": [response]})).decode()}


def over(**answers):
    return CometConsensus(Consensus(**answers), 7001)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(comet, "BLOCK_WAIT_S", 0.05)
    monkeypatch.setattr(comet, "BLOCK_POLL_S", 0.01)


async def test_what_a_transaction_answered_is_found_by_its_hash():
    results = [answered("0x" + "cd" * 32, b"other"), answered(TX, b"mine", "execution reverted")]
    assert await over(block_results={"txs_results": results}).answer(TX, 5) == Answer(b"mine", "execution reverted")


@pytest.mark.parametrize(
    "results", [None, [], [{}], [{"data": ""}], [{"data": "!"}], [{"data": "AAAA"}], [answered("0x00")]]
)
async def test_results_that_do_not_name_the_transaction_give_no_reason(results):
    assert await over(block_results={"txs_results": results}).answer(TX, 5) is None


@pytest.mark.parametrize(
    "told", [{}, [], "none", {"txs_results": 7}, {"txs_results": ["x"]}, {"txs_results": [{"data": 7}]}]
)
async def test_results_in_another_form_are_named(told):
    with pytest.raises(Unavailable, match="of the results of block 5 cannot be read"):
        await over(block_results=told).answer(TX, 5)


async def test_a_block_that_does_not_come_is_given_up_with_the_engines_words():
    with pytest.raises(Unavailable, match="block_results of block 5 did not come: height is not available"):
        await over().answer(TX, 5)


async def test_a_block_that_comes_late_is_waited_for():
    consensus = Consensus()
    reader = CometConsensus(consensus, 7001)

    class Later(dict):
        def get(self, method, default=None):
            return default if len(consensus.asked) < 3 else super().get(method, default)

    consensus.answers = Later(block_results={"txs_results": [answered()]})
    assert await reader.answer(TX, 5) == Answer(b"", "")
    assert consensus.asked == [("block_results", {"height": "5"})] * 3


async def test_an_account_that_may_not_send_is_told_from_a_contract_that_refuses():
    kept_out = Answer(b"", "the sender does not have permission to perform the call")
    assert kept_out.forbidden
    assert not Answer(b"\x01\x02\x03\x04", kept_out.error).forbidden
    assert not Answer(b"", "out of gas").forbidden


class TestACall:
    async def test_gives_the_data_of_its_refusal(self):
        value = base64.b64encode(
            write(_ANSWER, {"hash": "", "logs": [], "returned": b"\x08\xc3", "vm_error": "reverted", "gas_used": 1})
        ).decode()
        consensus = Consensus(header=HEADER, abci_query={"response": {"code": 0, "value": value}})
        assert await CometConsensus(consensus, 7001).call({"to": "0x00"}) == Answer(b"\x08\xc3", "reverted")
        assert [method for method, _ in consensus.asked] == ["header", "abci_query"]

    @pytest.mark.parametrize(
        "header", [{}, {"header": {}}, {"header": {"proposer_address": "zz"}}, {"header": None}, []]
    )
    async def test_needs_a_header_that_can_be_read(self, header):
        with pytest.raises(Unavailable, match="of the newest header cannot be read"):
            await over(header=header).call({})

    @pytest.mark.parametrize(
        "told", [{}, {"response": None}, {"response": {"value": "!"}}, {"response": {"value": 7}}, []]
    )
    async def test_that_is_answered_in_another_form_is_named(self, told):
        with pytest.raises(Unavailable, match="of a call cannot be read"):
            await over(header=HEADER, abci_query=told).call({})

    async def test_that_the_consensus_refuses_says_why(self):
        told = {"response": {"code": 18, "log": "invalid request"}}
        with pytest.raises(Unavailable, match="refused the call: invalid request"):
            await over(header=HEADER, abci_query=told).call({})

    async def test_whose_answer_is_another_message_is_refused(self):
        told = {"response": {"code": 0, "value": base64.b64encode(b"\xff\xff\xff").decode()}}
        with pytest.raises(Unavailable, match="answered something else"):
            await over(header=HEADER, abci_query=told).call({})

    async def test_whose_method_is_closed_is_named(self):
        with pytest.raises(Unavailable, match="header was refused: height is not available"):
            await over().call({})


@pytest.mark.parametrize("told", [{}, {"block": None}, [], {"block": {"header": {"height": "five"}}}])
async def test_a_block_in_another_form_proves_nothing_and_is_named(told):
    with pytest.raises(Unavailable, match=r"cannot be read|proves nothing"):
        await over(commit=told, block=told, block_results=told).evidence(TX, 5)


@pytest.mark.parametrize("lacking", ["commit", "block", "block_results"])
async def test_each_part_of_a_proof_is_needed(lacking):
    parts = {name: {} for name in ("commit", "block", "block_results") if name != lacking}
    with pytest.raises(Unavailable, match=f"{lacking} of block"):
        await over(**parts).evidence(TX, 5)
