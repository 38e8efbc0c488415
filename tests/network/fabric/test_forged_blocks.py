"""Blocks that another organisation's peer invents, and transactions that borrow another's id."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from network.clock import SystemClock
from network.facts.fabric import retry
from network.facts.fabric.block_signers import BlockSigners
from network.facts.fabric.deliver import CommittedBlock
from network.facts.fabric.ledger import FabricLedger, open_ledger
from network.membership.seats import Seat
from network.membership.trust_file import TRUST_FILE
from network.ports import Unavailable
from tests.network.fabric.fake_peers import FakeNetwork
from tests.network.ledger_contract import take
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import COMMON, block_header, parse, parse_block, serialize

GOLDEN = Path(__file__).parents[2] / "evidence" / "golden"


@pytest.fixture
def bank(home: Path, network: FakeNetwork, seats: dict[str, Seat]) -> FabricLedger:
    trusted = Trust.parse((home / TRUST_FILE).read_bytes()).facts
    signers = BlockSigners(trusted.block_signers, trusted.block_quorum)
    opened = open_ledger(network.facts.consortium, seats["bank"], SystemClock(), network.connection, signers)
    assert isinstance(opened, FabricLedger)
    return opened


def forged(block: bytes) -> bytes:
    """The block with its last transaction twice, and a header to match; only the signatures do not."""
    message = parse(COMMON.Block, block)
    message.data.data.append(message.data.data[-1])
    message.metadata.metadata[COMMON.TRANSACTIONS_FILTER] += b"\0"
    header = block_header(message.header.number, message.header.previous_hash, tuple(message.data.data))
    message.header.data_hash = header.data_hash
    return serialize(message)


async def test_a_forged_block_of_anothers_peer_is_not_handed_on(network: FakeNetwork, bank: FabricLedger) -> None:
    for n in range(3):
        await bank.submit("claim", {"key": f"slot/{n}"})
    good = await take(bank, 4)
    await network.peers["bank"].stop()
    network.peers["insurer"].mangle = lambda number, block: [forged(block) if number == 3 else block]
    async with asyncio.timeout(20):
        assert await take(bank, 4) == good
    await network.peers["bank"].start()
    await bank.aclose()


async def test_with_forged_blocks_only_there_are_none(
    network: FakeNetwork, bank: FabricLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "GIVE_UP_S", 0.5)
    await bank.submit("claim", {"key": "a"})
    await network.peers["bank"].stop()
    for peer in network.peers.values():
        peer.mangle = lambda number, block: [forged(block) if number else block]
    with pytest.raises(Unavailable) as refused:
        async with asyncio.timeout(20):
            await take(bank, 2)
    assert "block 1" in refused.value.detail
    await network.peers["bank"].start()
    await bank.aclose()


async def test_a_commit_is_not_believed_from_a_forged_block(network: FakeNetwork, bank: FabricLedger) -> None:
    commit = await bank.submit("claim", {"key": "a"})
    raw = (await take(bank, 2))[1]
    own, other = bank._gateway.links()[:2]
    assert bank._blocks._signed(forged(raw), own)
    with pytest.raises(Exception, match="did not sign"):
        bank._blocks._signed(forged(raw), other)
    assert (await bank.status(commit.tx_id)) == commit
    await bank.aclose()


def borrowed(envelope: bytes, tx_id: str) -> bytes:
    """A transaction of somebody else that bears this id."""
    outer = parse(COMMON.Envelope, envelope)
    payload = parse(COMMON.Payload, outer.payload)
    header = parse(COMMON.ChannelHeader, payload.header.channel_header)
    signer = parse(COMMON.SignatureHeader, payload.header.signature_header)
    header.tx_id, signer.nonce = tx_id, b"another nonce of 24 byte"
    payload.header.channel_header, payload.header.signature_header = serialize(header), serialize(signer)
    return serialize(COMMON.Envelope(payload=serialize(payload), signature=outer.signature))


@pytest.mark.parametrize("what", ["borrowed", "unreadable"])
async def test_what_a_member_puts_before_a_transaction_does_not_hide_it(
    network: FakeNetwork, bank: FabricLedger, what: str
) -> None:
    commit = await bank.submit("claim", {"key": "a"})
    block = parse_block((await take(bank, 2))[1])
    edits: dict[str, Callable[[], bytes]] = {
        "borrowed": lambda: borrowed(block.envelopes[0], commit.tx_id),
        "unreadable": lambda: b"\xff\xff",
    }
    found = CommittedBlock(1, (edits[what](), *block.envelopes), bytes([255, 0]))
    view = found.transaction(commit.tx_id)
    assert view is not None and (view.index, view.validation_code) == (1, 0)
    await bank.aclose()


@pytest.mark.parametrize("path", sorted((GOLDEN / "fabric").glob("*.pb")), ids=lambda path: path.stem)
def test_what_the_bft_orderers_of_a_real_network_signed_is_taken_and_a_forgery_of_it_is_not(path: Path) -> None:
    trusted = Trust.parse((GOLDEN / "trust.json").read_bytes()).facts
    signers = BlockSigners(trusted.block_signers, trusted.block_quorum)
    signers.require_signed(path.read_bytes())
    if parse_block(path.read_bytes()).number:
        with pytest.raises(EvidenceError) as refused:
            signers.require_signed(forged(path.read_bytes()))
        assert refused.value.code == "quorum_not_met"


def test_a_first_block_with_a_transaction_in_it_is_not_taken() -> None:
    first, *_, last = sorted((GOLDEN / "fabric").glob("*.pb"))
    message = parse(COMMON.Block, first.read_bytes())
    message.data.data.append(parse_block(last.read_bytes()).envelopes[0])
    message.metadata.metadata[COMMON.TRANSACTIONS_FILTER] += b"\0"
    with pytest.raises(EvidenceError):
        BlockSigners((), 1).require_signed(serialize(message))
