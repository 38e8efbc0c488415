"""The port's contract on a real network: four BFT orderers, five peers, and the toy chaincode behind each."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from network.bringup.fabric.network import status as network_status
from network.clock import SystemClock
from network.facts.fabric import offline
from network.facts.fabric.ledger import FabricLedger, open_ledger
from network.facts.fabric.offline import Draft, Endorsed
from network.facts.fabric.signers import signer_of
from network.facts.fabric.wire import ChaincodeEvent
from network.membership.connections import FactsConnection
from network.membership.consortium import Consortium, Organisation
from network.membership.identities import Authority, Validity, key_from_pem
from network.membership.published import certificate
from network.membership.seats import Seat, _keystore
from network.ports import Commit, Ledger, Unavailable
from tests.engines import FABRIC, Networks
from tests.network.fabric import real_toy
from tests.network.ledger_contract import LedgerContract, LedgerOf, take
from wuxin_evidence.fabric import Identity, parse_block

pytestmark = pytest.mark.engine("fabric")

Toy = tuple[Consortium, FactsConnection]


@pytest.fixture(scope="module")
def toy(networks: Networks) -> Toy:
    """The consortium whose facts are the toy's, and its peers."""
    founded = networks.founded(FABRIC)
    return asyncio.run(real_toy.install(founded.home, founded.consortium))


@pytest.fixture(scope="module")
def seats(networks: Networks) -> dict[str, Seat]:
    founded = networks.founded(FABRIC)
    return {member.name: networks.seat(member.name) for member in founded.consortium.organisations}


@pytest.fixture
async def ledger_of(toy: Toy, seats: dict[str, Seat]) -> AsyncIterator[LedgerOf]:
    opened: list[Ledger] = []

    def open_one(name: str) -> Ledger:
        ledger = open_ledger(toy[0], seats[name], SystemClock(), toy[1])
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        await ledger.aclose()


@pytest.fixture
def bank(ledger_of: LedgerOf) -> Ledger:
    return ledger_of("bank")


class TestRealLedger(LedgerContract):
    """Fabric keeps the port's contract."""


async def test_events_are_resumed_after_a_transaction(ledger_of: LedgerOf) -> None:
    bank = fabric(ledger_of("bank"))
    key = f"events/{secrets.token_hex(6)}/"
    before = await bank.height() - 1
    commits = await asyncio.gather(*(bank.submit("claim", {"key": f"{key}{n}"}) for n in range(6)))
    in_order = [each.tx_id for each in sorted(commits, key=lambda each: (each.block, each.index))]
    async with asyncio.timeout(20):
        seen = await first_of(bank.events(before), 6)
        assert [event.tx_id for event in seen] == in_order
        resumed = await first_of(bank.events(seen[2].block, seen[2].tx_id), 3)
    assert resumed == seen[3:]


async def test_a_key_that_is_elsewhere_signs(toy: Toy, seats: dict[str, Seat], ledger_of: LedgerOf) -> None:
    signer, node = seats["inspector"].fabric_signer, fabric(ledger_of("bank"))
    key = f"offline/{secrets.token_hex(6)}"
    identity = Identity(signer.msp_id, signer.certificate_pem)
    draft = Draft.of(toy[0].facts, identity, "claim", {"key": key}, now_ms=SystemClock().now_ms())
    endorsed = await offline.endorse(node, Draft.unpack(draft.pack()), signer.sign(draft.message))
    commit = await offline.submit(node, Endorsed.unpack(endorsed.pack()), signer.sign(endorsed.message))
    assert (commit.tx_id, commit.result) == (draft.tx_id, {"claimed": key})


async def test_an_ed25519_identity_is_taken(toy: Toy, networks: Networks) -> None:
    home = networks.founded(FABRIC).home
    bank = toy[0].organisation("bank")
    key = ed25519.Ed25519PrivateKey.generate()
    pem = authority_of(home, bank).issue("ed25519.bank", "client", key.public_key(), Validity())
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    ledger = FabricLedger(toy[0], signer_of("bank", bank.msp_id, pem, raw), SystemClock(), toy[1])
    commit = await ledger.submit("claim", {"key": f"ed25519/{secrets.token_hex(6)}"})
    assert await ledger.status(commit.tx_id) == commit
    assert await ledger.evaluate("who", {}) == bank.msp_id
    await ledger.aclose()


async def test_nothing_is_lost_or_repeated_while_the_own_peer_dies(networks: Networks, ledger_of: LedgerOf) -> None:
    """The peer is killed while it is followed and written through; the supervisor brings it back."""
    home, bank = networks.founded(FABRIC).home, ledger_of("bank")
    first = await bank.height()
    key = f"killed/{secrets.token_hex(6)}/"

    async def write(n: int) -> Commit:
        nonce = secrets.token_bytes(24)
        while True:
            try:
                return await bank.submit("claim", {"key": f"{key}{n}"}, nonce=nonce)
            except Unavailable:
                await asyncio.sleep(0.2)

    async def kill() -> None:
        await asyncio.sleep(1)
        os.kill(running(home, "peer.bank"), signal.SIGKILL)

    async with asyncio.timeout(60):
        commits, _ = await asyncio.gather(spread(write, 40), kill())
        blocks = [parse_block(raw) for raw in await take(bank, max(each.block for each in commits) + 1)]
    assert [block.number for block in blocks] == list(range(len(blocks)))
    written = [view.args for block in blocks[first:] for view in block.transactions if view.is_valid]
    assert len([args for args in written if key.encode() in args[0]]) == 40
    for each in commits:
        assert blocks[each.block].transactions[each.index].tx_id == each.tx_id


@pytest.mark.parametrize("stopped", ["bank", "warehouse"])
async def test_a_peer_that_hangs_stops_nobody(networks: Networks, ledger_of: LedgerOf, stopped: str) -> None:
    home, bank = networks.founded(FABRIC).home, ledger_of("bank")
    await bank.submit("claim", {"key": f"before/{secrets.token_hex(6)}"})
    pid = running(home, f"peer.{stopped}")
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            commits = [await bank.submit("claim", {"key": f"{stopped}/{secrets.token_hex(6)}"}) for _ in range(4)]
        assert len({each.tx_id for each in commits}) == 4
    finally:
        os.kill(pid, signal.SIGCONT)


async def spread(write: Callable[[int], Awaitable[Commit]], count: int) -> list[Commit]:
    """Start one each 50 ms."""
    tasks: list[asyncio.Future[Commit]] = []
    for n in range(count):
        tasks.append(asyncio.ensure_future(write(n)))
        await asyncio.sleep(0.05)
    return await asyncio.gather(*tasks)


async def first_of(events: AsyncIterator[ChaincodeEvent], count: int) -> list[ChaincodeEvent]:
    return [await anext(events) for _ in range(count)]


def authority_of(home: Path, organisation: Organisation) -> Authority:
    key = key_from_pem(_keystore(home, organisation.name, None).open("authority")["authority"].encode())
    root = x509.load_pem_x509_certificate(certificate(home, organisation.name, "root"))
    return Authority(organisation.msp_id, root, key)


def running(home: Path, name: str) -> int:
    pid = network_status(home)[name].pid
    assert pid is not None
    return pid


def fabric(ledger: Ledger) -> FabricLedger:
    assert isinstance(ledger, FabricLedger)
    return ledger
