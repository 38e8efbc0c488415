"""The port over the embedded chain: transactions, refusals, events, proofs."""

import asyncio
import time

import pytest

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.node import NodeUnavailable, open_node
from network.obligations.embedded.types import TransactionRefused
from network.obligations.jsonrpc.abi import snake_case
from network.obligations.jsonrpc.signing import Unsigned
from network.ports import Rejected, Unavailable
from tests.network.evm_counter import (
    ANNA,
    BERT,
    CHAIN_ID,
    LIMIT,
    SEALER,
    START_S,
    HandClock,
    chain_over,
    counter_node,
    deployed_counter,
)
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.evm.proof import ReceiptProof, decode_header, sealed_by, verify_receipt


@pytest.fixture
def node(tmp_path):
    opened = counter_node(tmp_path)
    yield opened
    opened.close()


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def take(logs, count):
    found = []
    async for log in logs:
        found.append(log)
        if len(found) == count:
            break
    await logs.aclose()
    return found


async def test_a_transaction_comes_back_with_its_block_and_its_events(node):
    chain = await deployed_counter(node)
    result = await chain.transact("Counter", "add", [5])
    assert (result.status, result.block, result.code) == (1, 2, None)
    (log,) = result.logs
    assert log.event == "Added"
    assert log.args == {"who": "0x" + ANNA.address.hex(), "amount": 5, "total": 5}
    assert log.timestamp_s == START_S
    assert await chain.call("Counter", "total", []) == 5


async def test_a_revert_is_mined_and_named_by_its_custom_error(node):
    chain = await deployed_counter(node)
    result = await chain.transact("Counter", "add", [LIMIT + 1])
    assert (result.status, result.code) == (0, "limit_exceeded")
    assert result.detail == f"amount_minor {LIMIT + 1}, headroom_minor {LIMIT}"
    assert result.block == await chain.height()


async def test_an_engine_that_keeps_no_revert_data_is_asked_again(node):
    class Forgetful(EmbeddedEndpoint):
        def make_request(self, method, params):
            answer = super().make_request(method, ["latest" if p == "0x1" else p for p in params])
            if method == "eth_getTransactionReceipt" and answer.get("result"):
                answer["result"].pop("revertReason", None)
            return answer

    deployed = await deployed_counter(node)
    chain = chain_over(Forgetful(node), deployed._contracts["Counter"].address)
    result = await chain.transact("Counter", "add", [LIMIT + 1])
    assert (result.status, result.code) == (0, "limit_exceeded")


async def test_a_view_that_reverts_is_rejected_with_its_reason(node):
    chain = await deployed_counter(node)
    with pytest.raises(Rejected) as refused:
        await chain.call("Counter", "scrap", ["no such slot"])
    assert (refused.value.code, refused.value.detail) == ("reverted", "no such slot")


@pytest.mark.parametrize("args", [[], [1, 2], ["many"], [-1], [2**256]])
async def test_arguments_that_do_not_fit_are_malformed_and_nothing_is_sent(node, args):
    chain = await deployed_counter(node)
    with pytest.raises(Rejected) as refused:
        await chain.transact("Counter", "add", args)
    assert refused.value.code == "malformed"
    assert await chain.height() == 1


async def test_structs_go_in_and_come_out_by_field(node):
    chain = await deployed_counter(node)
    step = {"id": "0x" + "02" * 32, "amount": 3}
    answer = await chain.call("Counter", "echo", [step, ANNA.address])
    assert answer == {"again": step, "caller": "0x" + ANNA.address.hex()}
    result = await chain.transact("Counter", "walk", [bytes(32), [step, (b"\x03" * 32, 4)]])
    assert [each["amount"] for each in result.logs[0].args["steps"]] == [3, 4]


async def test_following_resumes_exactly_after_any_event(node):
    chain = await deployed_counter(node)
    for amount in range(1, 8):
        await chain.transact("Counter", "add", [amount])
    everything = await take(chain.logs((-1, 0)), 7)
    assert [log.args["amount"] for log in everything] == list(range(1, 8))
    for place, log in enumerate(everything[:-1]):
        rest = await take(chain.logs((log.block, log.log_index)), 6 - place)
        assert rest == everything[place + 1 :]


async def test_following_sees_what_is_mined_later(node):
    chain = await deployed_counter(node)
    following = asyncio.create_task(take(chain.logs((-1, 0)), 1))
    await chain.transact("Counter", "add", [4])
    assert (await asyncio.wait_for(following, 5))[0].args["amount"] == 4


async def test_a_range_that_the_endpoint_finds_too_large_is_halved(node):
    class Narrow(EmbeddedEndpoint):
        def make_request(self, method, params):
            if method == "eth_getLogs" and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) > 1:
                return {"error": {"code": -32005, "message": "range too large"}}
            return super().make_request(method, params)

    deployed = await deployed_counter(node)
    for amount in range(1, 6):
        await deployed.transact("Counter", "add", [amount])
    chain = chain_over(Narrow(node), deployed._contracts["Counter"].address)
    assert [log.args["amount"] for log in await take(chain.logs((-1, 0)), 5)] == [1, 2, 3, 4, 5]


async def test_a_header_is_sealed_by_the_sealer_and_chained_to_its_parent(node):
    chain = await deployed_counter(node)
    await chain.transact("Counter", "add", [1])
    headers = [await chain.header(number) for number in range(3)]
    assert {sealed_by(raw) for raw in headers} == {SEALER.address}
    decoded = [decode_header(raw) for raw in headers]
    assert [each.parent_hash for each in decoded[1:]] == [each.hash() for each in decoded[:-1]]
    assert [len(each.extra_data) for each in decoded] == [97, 97, 97]
    assert all(each.state_root == bytes(32) for each in decoded)


async def test_an_altered_header_is_no_longer_the_sealers(node):
    chain = await deployed_counter(node)
    altered = decode_header(await chain.header(1))
    raw = type(altered)(**{**altered.__dict__, "timestamp": altered.timestamp + 1}).rlp()
    try:
        signer = sealed_by(raw)
    except EvidenceError:
        signer = None
    assert signer != SEALER.address


async def test_a_receipt_is_proved_for_a_success_and_for_a_refusal(node):
    chain = await deployed_counter(node)
    for amount, status in ((5, 1), (LIMIT + 1, 0)):
        mined = await chain.transact("Counter", "add", [amount])
        proof = await chain.receipt_proof(mined.tx_hash)
        shown = ReceiptProof.from_json(proof["proof"])
        receipt = verify_receipt(decode_header(proof["header_rlp"]), proof["receipt_rlp"], shown)
        assert receipt.status == status
        assert "0x" + shown.tx_hash.hex() == mined.tx_hash


async def test_a_receipt_is_proved_in_a_block_of_many(node):
    chain = await deployed_counter(node)
    address = chain._contracts["Counter"].address
    add = chain._contracts["Counter"].abi.encode_call("add", [1])
    raws = [Unsigned(CHAIN_ID, nonce, 100_000, address, add).signed(BERT)[0] for nonce in range(20)]
    with node._turn:
        sending = [asyncio.create_task(asyncio.to_thread(node.send, raw)) for raw in raws[:4]]
        await asyncio.to_thread(wait_until, lambda: len(node._pending) == 4)
    hashes = ["0x" + (await each).hex() for each in sending]
    block = await chain._block(2, full=True)
    assert sorted(each["hash"] for each in block["transactions"]) == sorted(hashes)
    for tx_hash in hashes:
        proof = await chain.receipt_proof(tx_hash)
        shown = ReceiptProof.from_json(proof["proof"])
        assert verify_receipt(decode_header(proof["header_rlp"]), proof["receipt_rlp"], shown).status == 1


async def test_an_endpoint_that_alters_a_receipt_is_found_out(node):
    class Lying(EmbeddedEndpoint):
        def make_request(self, method, params):
            answer = super().make_request(method, params)
            if method == "eth_getBlockReceipts":
                answer["result"][0]["status"] = "0x0"
            return answer

    chain = await deployed_counter(node)
    mined = await chain.transact("Counter", "add", [5])
    with pytest.raises(Unavailable, match="does not hash to its roots"):
        await chain_over(Lying(node)).receipt_proof(mined.tx_hash)


async def test_an_unknown_transaction_has_no_proof(node):
    with pytest.raises(Rejected) as refused:
        await chain_over(EmbeddedEndpoint(node)).receipt_proof("0x" + "00" * 32)
    assert refused.value.code == "not_found"


async def test_another_process_with_the_same_account_costs_no_transaction(node):
    chain = await deployed_counter(node)
    twin = chain_over(EmbeddedEndpoint(node), chain._contracts["Counter"].address)
    for _ in range(3):
        assert (await chain.transact("Counter", "add", [1])).status == 1
        assert (await twin.transact("Counter", "add", [2])).status == 1
    assert await chain.call("Counter", "total", []) == 9


async def test_many_concurrent_actions_of_one_seat_all_count(node):
    chain = await deployed_counter(node)
    results = await asyncio.gather(*(chain.transact("Counter", "add", [1]) for _ in range(20)))
    assert {result.status for result in results} == {1}
    assert await chain.call("Counter", "total", []) == 20


async def test_an_endpoint_without_answer_is_unavailable_with_the_hash(node):
    chain = await deployed_counter(node)

    class Cut(EmbeddedEndpoint):
        def make_request(self, method, params):
            if method == "eth_sendRawTransaction":
                super().make_request(method, params)
                raise ConnectionError("cut")
            return super().make_request(method, params)

    with pytest.raises(Unavailable) as failure:
        await chain_over(Cut(node), chain._contracts["Counter"].address).transact("Counter", "add", [1])
    assert failure.value.tx_id and node.transaction(bytes.fromhex(failure.value.tx_id[2:]))


async def test_sending_a_mined_transaction_again_repeats_nothing(node):
    chain = await deployed_counter(node)
    raw, tx_hash = Unsigned(CHAIN_ID, 0, 100_000, ANNA.address, b"").signed(BERT)
    assert node.send(raw) == tx_hash
    height = await chain.height()
    assert node.send(raw) == tx_hash
    assert await chain.height() == height


async def test_time_never_falls_and_a_call_runs_at_the_time_of_now(tmp_path):
    clock = HandClock()
    node = counter_node(tmp_path, clock)
    chain = await deployed_counter(node)
    clock.ms -= 60_000
    back = await chain.transact("Counter", "add", [1])
    assert decode_header(await chain.header(back.block)).timestamp == START_S
    clock.ms += 960_000
    assert await chain.call("Counter", "nowS", []) == START_S + 900
    node.close()


async def test_a_contract_can_ask_for_earlier_block_hashes(node):
    chain = await deployed_counter(node)
    await chain.transact("Counter", "add", [1])
    await chain.transact("Counter", "add", [1])
    genesis = decode_header(await chain.header(0)).hash()
    assert await chain.call("Counter", "blockHashOf", [0]) == "0x" + genesis.hex()
    assert await chain.call("Counter", "blockHashOf", [99]) == "0x" + bytes(32).hex()


async def test_deep_calls_are_followed(node):
    chain = await deployed_counter(node)
    assert (await chain.transact("Counter", "dive", [250])).status == 1


async def test_a_chain_without_the_sealers_key_reads_and_refuses_to_send(tmp_path):
    sealing = counter_node(tmp_path)
    chain = await deployed_counter(sealing)
    reading = counter_node(tmp_path, sealer=None)
    reader = chain_over(EmbeddedEndpoint(reading), chain._contracts["Counter"].address)
    assert await reader.call("Counter", "total", []) == 0
    with pytest.raises(Unavailable, match="sealer's key"):
        await reader.transact("Counter", "add", [1])
    sealing.close()
    reading.close()


def test_a_file_of_another_chain_is_refused(tmp_path):
    counter_node(tmp_path).close()
    with pytest.raises(ValueError, match="holds chain 7001, not 7002"):
        open_node(tmp_path / "obligations-e1.db", 7002, HandClock(), SEALER)


def test_a_chain_is_not_begun_without_the_sealers_key(tmp_path):
    with pytest.raises(NodeUnavailable):
        counter_node(tmp_path, sealer=None)
    counter_node(tmp_path).close()


async def test_an_oversized_transaction_is_refused(node):
    raw, _ = Unsigned(CHAIN_ID, 0, 16_000_000, ANNA.address, bytes(200_000)).signed(BERT)
    with pytest.raises(TransactionRefused, match="exceeds"):
        node.send(raw)


async def test_a_closed_chain_is_unavailable(tmp_path):
    node = counter_node(tmp_path)
    chain = await deployed_counter(node)
    node.close()
    with pytest.raises(Unavailable):
        await chain.height()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("FacilityFrozen", "facility_frozen"),
        ("NotFound", "not_found"),
        ("ERC20InsufficientBalance", "erc20_insufficient_balance"),
        ("openingSequence", "opening_sequence"),
    ],
)
def test_a_problem_code_is_the_snake_case_of_the_errors_name(name, code):
    assert snake_case(name) == code
