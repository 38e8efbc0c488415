"""What a user of fabric-sdk-py writes: run by its own interpreter, it knows nothing of our code.

    python hfc_session.py PROFILE ORGANISATION CHANNEL CHAINCODE SLOT…

Registers the slots, one with enough endorsers while listening for its event, one with too few; the last line that it
prints is a JSON object of what it saw.

A transaction goes to one orderer, chosen by chance, and may be lost there. Then it is invoked again, which makes a new
transaction; the chaincode lets one of them register the slot. So what counts afterwards is the record, not the answer.
"""

import asyncio
import json
import logging
import sys

from hfc.fabric import Client

ATTEMPTS_MAX = 3
FINAL_WITHIN_S = 15
"""Usually one second; an orderer that hangs is never given up by the client itself."""
REST_S = 2
"""gRPC dials an orderer that it did not reach again after a second, and says until then that it is not there."""


async def main(profile, organisation, channel, chaincode, slot, refused_slot):
    logging.disable(logging.CRITICAL)  # it logs every proposal, arguments included
    client = Client(net_profile=profile)
    client.new_channel(channel)
    user = client.get_user(organisation, "client")
    peers = sorted(client.peers)
    seen = {"peers": peers, "lost": []}

    async def ask(function, **arguments):
        text = json.dumps(arguments, sort_keys=True, separators=(",", ":"))
        return await client.chaincode_query(user, channel, peers[:1], [text], chaincode, fcn=function)

    async def invoke(endorsers, slot_id):
        """The answer or the error of the first transaction that does not get lost."""
        argument = json.dumps({"slot_id": slot_id}, separators=(",", ":"))
        for _ in range(ATTEMPTS_MAX):
            call = client.chaincode_invoke(
                user, channel, endorsers, [argument], chaincode, fcn="register_slot", wait_for_event=True
            )
            try:
                return await asyncio.wait_for(call, FINAL_WITHIN_S)
            except asyncio.TimeoutError:  # noqa: UP041 — on Python 3.10 it is another class
                lost = f"{slot_id}: not final after {FINAL_WITHIN_S} s"
            except Exception as error:  # noqa: BLE001 — the client raises nothing more precise
                lost = f"{type(error).__name__}: {error}"
                if "UNAVAILABLE" not in lost:
                    return lost
            seen["lost"].append(lost)
            await asyncio.sleep(REST_S)
        raise RuntimeError(f"{ATTEMPTS_MAX} transactions were lost: {seen['lost']}")

    async def register_and_listen():
        """The answer, the record, and the event of the very transaction that made it, payload included."""
        arrived = asyncio.Queue()

        def take(event, block, tx_id, status):
            arrived.put_nowait({**event, "block": block, "tx_id": tx_id, "status": status})

        hub = client.get_channel(channel).newChannelEventHub(client.get_peer(peers[0]), user)
        hub.registerChaincodeEvent(chaincode, ".*", onEvent=take)
        listening = asyncio.ensure_future(hub.connect(filtered=False))
        try:
            seen["answer"] = await invoke(peers, slot)
            seen["found"] = json.loads(await ask("get", id=slot, kind="slot"))
            while "event" not in seen:
                event = await asyncio.wait_for(arrived.get(), 30)
                if event["tx_id"] == seen["found"]["updated_tx"]:
                    seen["event"] = event
        finally:
            hub.disconnect()  # a task that is only cancelled leaves a thread waiting, and the program never ends
            await asyncio.gather(listening, return_exceptions=True)

    seen["committee"] = json.loads(await ask("committee"))
    await register_and_listen()
    seen["too_few"] = await invoke(peers[:2], refused_slot)
    seen["refused"] = await invoke(peers, slot)
    seen["history"] = json.loads(await ask("history", id=slot, kind="slot"))
    block = await client.query_block(user, channel, peers[:1], str(seen["event"]["block"]))
    seen["transactions"] = [each["payload"]["header"]["channel_header"]["tx_id"] for each in block["data"]["data"]]
    transaction = await client.query_transaction(user, channel, peers[:1], seen["event"]["tx_id"])
    seen["validation_code"] = transaction["validation_code"]
    seen["height"] = (await client.query_info(user, channel, peers[:1])).height
    await client.close_grpc_channels()
    print(json.dumps(seen, default=str))


asyncio.run(main(*sys.argv[1:]))
