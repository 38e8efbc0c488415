"""The port over Fabric's protocol."""

from network.fabric.ledger import FabricLedger


async def test_a_submit_returns_where_it_stands_and_what_the_chaincode_said(bank: FabricLedger) -> None:
    commit = await bank.submit("claim", {"key": "slot/a"})
    assert (commit.block, commit.index, commit.result) == (1, 0, {"claimed": "slot/a"})
    assert await bank.height() == 2
    assert await bank.status(commit.tx_id) == commit
