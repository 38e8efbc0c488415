"""web3.py against the embedded chain, in process and over HTTP; and what the HTTP door keeps out."""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from eth_account import Account
from web3 import HTTPProvider
from web3.exceptions import ContractCustomError, Web3RPCError

from network.obligations.embedded.methods import EmbeddedEndpoint
from network.obligations.embedded.provider import EmbeddedProvider, web3_over
from network.obligations.embedded.rpc import serve_rpc
from tests.network.evm_counter import (
    ANNA,
    BYTECODE,
    CHAIN_ID,
    LIMIT,
    RAW_ABI,
    START_S,
    chain_over,
    counter_node,
    deployed_counter,
)


@pytest.fixture
def node(tmp_path):
    opened = counter_node(tmp_path)
    yield opened
    opened.close()


def tell_a_counters_life(w3):
    """Deploy, act, be refused, read back: with nothing but web3's own interface."""
    anna = Account.from_key(ANNA.private_bytes)
    assert w3.eth.chain_id == CHAIN_ID
    factory = w3.eth.contract(abi=RAW_ABI, bytecode=BYTECODE)

    def sent(call):
        fields = call.build_transaction({"from": anna.address, "nonce": w3.eth.get_transaction_count(anna.address)})
        tx_hash = w3.eth.send_raw_transaction(anna.sign_transaction(fields).raw_transaction)
        return w3.eth.wait_for_transaction_receipt(tx_hash, timeout=10, poll_latency=0.01)

    created = sent(factory.constructor(LIMIT))
    counter = w3.eth.contract(created["contractAddress"], abi=RAW_ABI)
    receipt = sent(counter.functions.add(7))
    assert receipt["status"] == 1
    (event,) = counter.events.Added().process_receipt(receipt)
    assert (event["args"]["amount"], event["args"]["total"]) == (7, 7)
    assert counter.functions.total().call() == 7
    with pytest.raises(ContractCustomError) as refused:
        counter.functions.add(LIMIT).call()
    assert str(refused.value.data).endswith(f"{LIMIT:064x}{LIMIT - 7:064x}")
    block = w3.eth.get_block("latest", full_transactions=True)
    assert (block["number"], block["timestamp"], block["baseFeePerGas"]) == (2, START_S, 0)
    assert block["transactions"][0]["type"] == 2
    assert len(w3.eth.get_logs({"fromBlock": 0, "address": counter.address})) == 1
    assert len(w3.eth.get_logs({"fromBlock": 0, "topics": ["0x" + "00" * 32]})) == 0
    assert int.from_bytes(w3.eth.get_storage_at(counter.address, 0), "big") == 7
    assert w3.eth.get_balance(anna.address) == 0
    assert w3.eth.get_code(counter.address)
    assert w3.eth.gas_price == w3.eth.max_priority_fee == 0
    assert w3.eth.fee_history(2, "latest")["baseFeePerGas"] == [0, 0, 0]


def test_web3_in_process(node):
    tell_a_counters_life(web3_over(EmbeddedProvider(node)))


async def test_web3_over_http(node):
    async with serve_rpc(node) as port:
        await asyncio.to_thread(lambda: tell_a_counters_life(web3_over(HTTPProvider(f"http://127.0.0.1:{port}"))))


async def test_the_port_works_over_http_too(node):
    deployed = await deployed_counter(node)
    async with serve_rpc(node) as port:
        chain = chain_over(HTTPProvider(f"http://127.0.0.1:{port}"), deployed._contracts["Counter"].address)
        assert (await chain.transact("Counter", "add", [3])).status == 1
        refused = await chain.transact("Counter", "add", [LIMIT])
        assert (refused.code, (await chain.receipt_proof(refused.tx_hash))["index"]) == ("limit_exceeded", 0)


def post(port, body, **headers):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/", body, {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Host": "evil.example"}, 403),
        (b"{}", {"Host": "localhost.evil.example:80"}, 403),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b" " * (1024 * 1024 + 1), {}, 413),
    ],
)
async def test_the_door_is_for_local_json_of_bounded_size(node, body, headers, status):
    async with serve_rpc(node) as port:
        assert (await asyncio.to_thread(lambda: post(port, body, **headers)))[0] == status


@pytest.mark.parametrize(
    ("request_json", "code"),
    [
        ({"method": "eth_notThere", "params": []}, -32601),
        ({"method": "eth_getBalance", "params": ["0x12"]}, -32602),
        ({"method": "eth_getBalance", "params": ["0x" + "00" * 20, "0x7"]}, -32000),
        ({"method": "eth_getBalance", "params": {}}, -32602),
        ({"method": "eth_chainId", "params": []}, None),
        ({"method": "eth_getBlockByNumber", "params": ["latest", False, 1]}, -32602),
        ({"method": "eth_call", "params": [{"to": "0x" + "00" * 20}, "latest", {"0x00": {}}]}, -32602),
        ({"method": "eth_getLogs", "params": [{"fromBlock": "0x0", "toBlock": "0xffffff"}]}, -32005),
        ({"method": "eth_sendRawTransaction", "params": ["0x00"]}, -32000),
        ({"params": []}, -32600),
        ([], -32600),
        ([{"method": "eth_chainId"}] * 101, -32600),
        (7, -32600),
    ],
)
async def test_a_wrong_request_is_answered_with_its_error(node, request_json, code):
    async with serve_rpc(node) as port:
        status, answer = await asyncio.to_thread(lambda: post(port, json.dumps(request_json).encode()))
    assert status == 200
    assert answer.get("error", {}).get("code") == code


def test_a_gap_in_the_nonces_is_refused_and_says_which_is_next(node):
    anna = Account.from_key(ANNA.private_bytes)
    fields = {"nonce": 5, "chainId": CHAIN_ID, "gas": 21_000, "gasPrice": 0, "to": anna.address, "value": 0}
    raw = anna.sign_transaction(fields).raw_transaction
    with pytest.raises(Web3RPCError, match=r"nonce too high: the next nonce of 0x[0-9a-f]{40} is 0"):
        web3_over(EmbeddedProvider(node)).eth.send_raw_transaction(raw)


def test_state_of_an_older_block_is_refused_not_guessed(node):
    asyncio.run(deployed_counter(node))
    answer = EmbeddedEndpoint(node).make_request("eth_getBalance", ["0x" + "00" * 20, "0x0"])
    assert "not kept" in answer["error"]["message"]


def test_loading_the_engine_leaves_no_recursion_limit_that_deep_json_could_crash() -> None:
    engine = "network.obligations.embedded.machine"
    program = f"import json, {engine}\ntry: json.loads('[' * 500_000)\nexcept RecursionError: print('refused')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "refused\n")
