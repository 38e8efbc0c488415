"""What a user of fabric-sdk-py writes: run by its own interpreter, it knows nothing of our code.

    python hfc_session.py PROFILE ORGANISATION CHANNEL CHAINCODE SLOT…

Registers the slots, one with enough endorsers while listening for its event, one with too few; the last line that it
prints is a JSON object of what it saw.
"""

import asyncio
import json
import logging
import sys

from hfc.fabric import Client


async def main(profile, organisation, channel, chaincode, slot, refused_slot):
    logging.disable(logging.CRITICAL)  # it logs every proposal, arguments included
    client = Client(net_profile=profile)
    client.new_channel(channel)
    user = client.get_user(organisation, "client")
    peers = sorted(client.peers)
    seen = {"peers": peers}

    async def ask(function, argument):
        return await client.chaincode_query(user, channel, peers[:1], [argument], chaincode, fcn=function)

    async def invoke(endorsers, slot_id):
        argument = json.dumps({"slot_id": slot_id}, separators=(",", ":"))
        return await client.chaincode_invoke(
            user, channel, endorsers, [argument], chaincode, fcn="register_slot", wait_for_event=True
        )

    async def invoke_and_listen(slot_id):
        """The answer to an invocation, and the event of that very transaction, payload included."""
        arrived = asyncio.Queue()

        def take(event, block, tx_id, status):
            arrived.put_nowait({**event, "block": block, "tx_id": tx_id, "status": status})

        hub = client.get_channel(channel).newChannelEventHub(client.get_peer(peers[0]), user)
        hub.registerChaincodeEvent(chaincode, ".*", onEvent=take)
        listening = asyncio.ensure_future(hub.connect(filtered=False))
        try:
            answer = json.loads(await invoke(peers, slot_id))
            while True:
                event = await asyncio.wait_for(arrived.get(), 30)
                if event["tx_id"] == answer["updated_tx"]:
                    return answer, event
        finally:
            hub.disconnect()  # a task that is only cancelled leaves a thread waiting, and the program never ends
            await asyncio.gather(listening, return_exceptions=True)

    seen["committee"] = json.loads(await ask("committee", "{}"))
    seen["registered"], seen["event"] = await invoke_and_listen(slot)
    seen["found"] = json.loads(await ask("get", json.dumps({"id": slot, "kind": "slot"}, separators=(",", ":"))))
    try:
        seen["too_few"] = await invoke(peers[:2], refused_slot)
    except Exception as error:  # noqa: BLE001 — the client raises nothing more precise
        seen["too_few"] = f"{type(error).__name__}: {error}"
    seen["refused"] = await invoke(peers, slot)
    block = await client.query_block(user, channel, peers[:1], str(seen["event"]["block"]))
    seen["transactions"] = [each["payload"]["header"]["channel_header"]["tx_id"] for each in block["data"]["data"]]
    transaction = await client.query_transaction(user, channel, peers[:1], seen["event"]["tx_id"])
    seen["validation_code"] = transaction["validation_code"]
    seen["height"] = (await client.query_info(user, channel, peers[:1])).height
    await client.close_grpc_channels()
    print(json.dumps(seen, default=str))


asyncio.run(main(*sys.argv[1:]))
