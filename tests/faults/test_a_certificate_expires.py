"""A certificate runs out while everything runs: a client's, and what a peer or an orderer shows on its connections.

The organisation's own authorities issue them for the keys that are in use, with a few seconds to live.
"""

import asyncio
import datetime
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from network.bringup import supervisor
from network.bringup.fabric.layout import OrdererPlace, PeerPlace
from network.bringup.supervisor import Program
from network.facts.fabric import query, retry
from network.membership.identities import Authority, FabricSigner, Validity, key_from_pem
from network.membership.published import certificate, certificate_file
from network.membership.seats import Seat, _keystore
from network.ports import PortError, Rejected, Unavailable
from tests.engines import BOTH, FABRIC, FACTS_PAIRS, Ledgers, on
from tests.faults.consortium_health import Findings, caught_up, doctor, sound, through_own_peer
from tests.faults.consortium_load import loaded, register
from tests.faults.consortium_strikes import RECOVERY_S_MAX, network_of
from tests.faults.islands import programs_of
from tests.scenarios.ledger_story import LedgerStory
from wuxin_evidence.fabric import NONCE_BYTES

LIFE_S = 8
"""Time to bring the certificate into use and to see it taken."""
PATIENCE_S = 4.0
"""In place of what a question is waited for when no peer answers it."""
TOLD_WITHIN_S = 20.0
ORGANISATION = "insurer"


@on(*FACTS_PAIRS)
async def test_a_client_whose_certificate_expires_is_refused_from_then_on(ledgers: Ledgers) -> None:
    async with ledgers.everybody() as parties:
        slots = [{"slot_id": LedgerStory(ledgers, parties).slot} for _ in range(3)]
        seat, ends = short_lived(ledgers, ledgers.seat("warehouse"))
        ledger = await asyncio.to_thread(ledgers.ledger, seat, ledgers.clock, "warehouse")
        try:
            commit = await ledger.submit("register_slot", slots[0])
            await past(ends)
            with pytest.raises(Rejected) as command:
                await ledger.submit("register_slot", slots[1])
            with pytest.raises(Rejected) as question:
                await ledger.evaluate("committee", {})
            with pytest.raises(PortError) as repeatable:
                await ledger.submit("register_slot", slots[2], nonce=secrets.token_bytes(NONCE_BYTES))
        finally:
            await ledger.aclose()
        assert await parties["warehouse"].ledger.height() == commit.block + 1
    require_told(command.value, question.value, repeatable.value)


def require_told(command: PortError, question: PortError, repeatable: PortError) -> None:
    """Where a command may have been done earlier and its transaction cannot be asked for, the outcome stays open."""
    assert command.code == question.code == "forbidden"
    assert repeatable.code == "forbidden" or (isinstance(repeatable, Unavailable) and repeatable.tx_id)
    for each in (command, question, repeatable):
        assert "expired" in each.detail or "not valid" in each.detail, each
        assert "authority issue a new" in each.hint, each


@on(FABRIC)
async def test_a_follower_whose_certificate_expires_is_told_why_it_gets_no_blocks(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets what there is until then."""
    monkeypatch.setattr(retry, "GIVE_UP_S", 2.0)
    seat, ends = short_lived(ledgers, ledgers.seat("warehouse"))
    ledger = await asyncio.to_thread(ledgers.ledger, seat, ledgers.clock, "warehouse")
    followed = ledger.blocks(await ledger.height() - 2)
    try:
        await anext(followed)
        await past(ends)
        async with ledgers.everybody() as parties:
            await register(parties["warehouse"].ledger, ledgers.consortium, f"FOLLOWED-{time.time_ns()}")
            with pytest.raises(Unavailable) as told:
                while True:
                    await asyncio.wait_for(anext(followed), TOLD_WITHIN_S)
    finally:
        await ledger.aclose()
    print(told.value.detail)
    assert "its certificate has expired" in told.value.detail and "doctor" in told.value.hint, told.value


@on(FABRIC)
async def test_the_doctor_names_a_client_whose_certificate_has_expired(ledgers: Ledgers) -> None:
    """Also one that has no peer: the inspector."""
    home = ledgers.network_home
    seat, ends = short_lived(ledgers, ledgers.seat("inspector"), life_s=0)
    file = certificate_file(home, "inspector", "client")
    with replaced(file, seat.fabric_signer.certificate_pem):
        await past(ends)
        (finding,) = (await doctor(home))[str(file)]
    assert finding["severity"] == "error" and "CN=client.inspector" in finding["detail"], finding
    assert "expired" in finding["detail"] and "issue a new certificate" in finding["hint"], finding
    await sound(home)


@on(BOTH)
async def test_a_peer_whose_connection_certificate_expires_stops_nobody_and_is_named(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "EVALUATE_S", PATIENCE_S)
    home = ledgers.network_home
    place = next(each for each in network_of(ledgers).peers if each.organisation.name == ORGANISATION)
    async with loaded(ledgers) as load:
        async with expiring(ledgers, place) as ends:
            own = through_own_peer(ledgers, ORGANISATION)
            try:
                await past(ends)
                went_on_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
                with pytest.raises(Unavailable) as told:
                    await own.height()
                named(await doctor(home), place)
            finally:
                await own.aclose()
        caught_up_s = await caught_up(ledgers, ORGANISATION, await load.warehouse.ledger.height())
        print(f"expired: acknowledged after {went_on_s:.1f} s; renewed: every block after {caught_up_s:.1f} s")
    print(told.value.detail)
    assert "certificate has expired" in told.value.detail and "doctor" in told.value.hint, told.value
    await sound(home)


@on(BOTH)
async def test_an_orderer_whose_connection_certificate_expires_stops_nobody_and_is_named(ledgers: Ledgers) -> None:
    home = ledgers.network_home
    place = next(each for each in network_of(ledgers).orderers if each.organisation.name == ORGANISATION)
    async with loaded(ledgers) as load:
        async with expiring(ledgers, place) as ends:
            await past(ends)
            went_on_s = await load.acknowledged_after("facts", time.monotonic(), RECOVERY_S_MAX)
            named(await doctor(home), place)
        print(f"expired: acknowledged after {went_on_s:.1f} s; sound {await sound(home):.1f} s after it was renewed")


def named(found: Findings, place: PeerPlace | OrdererPlace) -> None:
    """The program, by what it shows, and the file that it shows."""
    for where in (place.name, str(file_of(place))):
        whose = f"CN={place.name},"
        told = [each for each in found.get(where, ()) if whose in each["detail"] and "expired" in each["detail"]]
        assert told and "issue a new certificate" in told[0]["hint"], found


def file_of(place: PeerPlace | OrdererPlace) -> Path:
    return place.folder / "tls" / "certificate.pem"


@asynccontextmanager
async def expiring(ledgers: Ledgers, place: PeerPlace | OrdererPlace) -> AsyncIterator[datetime.datetime]:
    """The program runs with a connection certificate of its own key and authority that ends soon; gives when. It was
    issued anew and the program restarted when the block has ended."""
    kind, organisation = place.name.split(".")
    before = x509.load_pem_x509_certificate(file_of(place).read_bytes())
    key = before.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=LIFE_S)
    issued = authority(ledgers, organisation, "tls_authority").issue_tls(place.name, key, Validity(not_after=ends))
    programs = programs_of(ledgers.network_home, (kind,), organisation)
    try:
        with replaced(file_of(place), issued):
            await restarted(ledgers.network_home, programs)
            yield ends
    finally:
        await restarted(ledgers.network_home, programs)


async def restarted(home: Path, programs: list[Program]) -> None:
    await asyncio.to_thread(supervisor.stop, home, [each.name for each in programs])
    await asyncio.to_thread(supervisor.start, home, programs)


@contextmanager
def replaced(file: Path, content: bytes) -> Iterator[None]:
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(before)


def short_lived(ledgers: Ledgers, seat: Seat, life_s: int = LIFE_S) -> tuple[Seat, datetime.datetime]:
    """The seat with a certificate for its key that ends soon, and when."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=life_s)
    key = seat.fabric_signer.key
    issuer = authority(ledgers, seat.name, "authority")
    pem = issuer.issue(f"client.{seat.name}", "client", key.public_key(), Validity(not_after=ends))
    return replace(seat, fabric_signer=FabricSigner.of(seat.name, seat.msp_id, pem, key)), ends


def authority(ledgers: Ledgers, organisation: str, entry: str) -> Authority:
    """The organisation's own, for its identities or its connections."""
    root = {"authority": "root", "tls_authority": "tls-root"}[entry]
    return Authority(
        ledgers.consortium.organisation(organisation).msp_id,
        x509.load_pem_x509_certificate(certificate(ledgers.home, organisation, root)),
        key_from_pem(_keystore(ledgers.home, organisation, None).open("authority")[entry].encode()),
    )


async def past(moment: datetime.datetime) -> None:
    """A certificate is good to the end of its last second."""
    left = moment - datetime.datetime.now(datetime.UTC)
    await asyncio.sleep(max(0.0, left.total_seconds()) + 1.0)
