"""Every endorser has an opinion of its own: one with altered code is named, three that are stopped stop the facts."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chaincode import contract
from chaincode.world.stub import Stub
from network.facts.embedded import ledger as local_ledger
from network.facts.embedded.endorser import Endorser
from network.facts.embedded.engine import open_endorser
from network.membership.consortium import Consortium
from network.ports import Unavailable
from node.demo.founding import found
from tests.node.conftest import Running, running
from tests.node.story import QUANTITY_G, RECEIPT, Story
from tests.plays import wuxin

ALTERED = "insurer"


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    await asyncio.to_thread(found, tmp_path / "home")
    return tmp_path / "home"


def more_goods(stub: Stub, args: Sequence[bytes]) -> Any:
    """The real chaincode, but a receipt is for ten times what the warehouse said."""
    if args[0] != b"issue_receipt":
        return contract.invoke(stub, args)
    wanted = json.loads(args[1])
    wanted["quantity_g"] *= 10
    return contract.invoke(stub, [args[0], json.dumps(wanted, sort_keys=True, separators=(",", ":")).encode()])


def one_altered(home: Path, consortium: Consortium) -> tuple[Endorser, ...]:
    return tuple(
        open_endorser(home, consortium, each.name, more_goods if each.name == ALTERED else contract.invoke)
        for each in consortium.endorsers
    )


async def test_one_endorser_with_altered_code_is_named_and_nothing_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_ledger, "open_endorsers", one_altered)
    async with running(home) as node:
        story = Story(node)
        await node.done("warehouse", "/v1/slots", {"slot_id": story.slot})
        height = await node.node.seats["bank"].ledger.height()
        answer = await node.post("warehouse", "/v1/receipts", story.receipt())
        refused = answer.json()["transaction"]
        assert (refused["status"], refused["code"]) == ("failed", "endorsement_mismatch")
        assert ALTERED in refused["detail"] and "warehouse" not in refused["detail"]
        assert await node.node.seats["bank"].ledger.height() == height
        assert (await node.get("bank", f"/v1/receipts/{RECEIPT}")).json()["code"] == "not_found"


async def command(*arguments: str | Path) -> None:
    done = await asyncio.to_thread(wuxin, *arguments)
    assert done.returncode == 0, done.stderr


async def test_two_endorsers_may_be_stopped_and_a_third_stops_the_facts_until_one_is_back(home: Path) -> None:
    async with running(home) as node:
        story = Story(node)
        for organisation in ("insurer", "regulator"):
            await command("endorser", "stop", organisation, "--home", home)
        await node.done("warehouse", "/v1/slots", {"slot_id": story.slot})

        await command("endorser", "stop", "bank", "--home", home)
        ledger = node.node.seats["warehouse"].ledger
        height = await ledger.height()
        with pytest.raises(Unavailable) as refused:
            await ledger.submit("register_slot", {"slot_id": story.slot + "-X"})
        assert refused.value.code == "unavailable"
        assert all(name in refused.value.detail for name in ("bank", "insurer", "regulator")), refused.value.detail
        waiting = await pending(node, story)
        assert await ledger.height() == height

        await command("endorser", "start", "insurer", "--home", home)
        final = (await node.get("warehouse", f"/v1/transactions/{waiting['id']}", wait=30)).json()
        assert final["status"] == "committed", final
        assert (await node.get("bank", f"/v1/receipts/{RECEIPT}")).json()["quantity_g"] == QUANTITY_G


async def pending(node: Running, story: Story) -> dict[str, Any]:
    """A command that cannot be delivered now waits, is not refused, and says who is missing."""
    answer = await node.post("warehouse", "/v1/receipts", story.receipt(), wait=1)
    transaction = answer.json()["transaction"]
    assert (answer.status_code, transaction["status"], transaction["code"]) == (202, "pending", "unavailable")
    assert "regulator" in transaction["detail"]
    return transaction


async def test_only_an_endorsing_organisation_of_the_home_is_stopped(home: Path) -> None:
    for name in ("inspector", "pirate", "../bank"):
        done = await asyncio.to_thread(wuxin, "endorser", "stop", name, "--home", home)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
