"""Members compute for themselves: one whose stored packs were changed does not sign, and says which indicator differs.

Whoever does it here holds the bank's storage key and the device's key, and changes one pack in the bank's evidence log
while the bank's member is down.
"""

import sqlite3
from contextlib import closing

from node.demo.stock import Stock
from node.demo.story import FIRST_WINDOW_S
from oracle.process import Installation
from oracle.storage.cipher import StorageCipher
from tests.plays import Play, until
from wuxin_evidence.attestation import Attestation
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.ids import indicator_id
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading

TRUE_KG, TOLD_KG = 60_000, 95_000


def test_an_altered_member_is_outvoted_and_names_the_difference(play: Play) -> None:
    stock = Stock("A", receipt_t=60, draw_minor=1)
    play.organisations.enrol(stock)
    play.pass_time_until(90)
    envelope = play.world.device(stock).publish((Reading("mass_kg", TRUE_KG, "kg", play.now_ms),))
    until(lambda: stored_at(play, "bank", envelope), "the pack in the bank's log")
    play.kill_member("bank")
    alter(play, stock, envelope)
    play.start_member("bank")

    play.pass_time_until(FIRST_WINDOW_S)
    play.wait_attested(stock, 1)
    record = play.records(stock)[0]
    assert {each["organisation"] for each in record["signatures"]} == {"insurer", "inspector"}
    said = Attestation.from_json(record["attestation"])
    quantity = {each.id: each.value for each in said.indicators}[indicator_id("quantity_g")]
    assert quantity == TRUE_KG * 1_000
    for peer in ("insurer", "inspector"):
        until(lambda peer=peer: named_by(play, peer), f"the difference in the log of {peer}")


def stored_at(play: Play, member: str, envelope: bytes) -> bool:
    digest = parse_pack(envelope, play.world.consortium.consortium_id).digest
    with closing(sqlite3.connect(play.world.home / "orgs" / member / "oracle" / "evidence.db")) as database:
        return database.execute("SELECT 1 FROM packs WHERE digest = ?", (digest,)).fetchone() is not None


def alter(play: Play, stock: Stock, envelope: bytes) -> None:
    world = play.world
    pack = parse_pack(envelope, world.consortium.consortium_id)
    key = SigningKey.from_pem((world.home / "devices" / f"{stock.device_id}.pem").read_bytes())
    reading = Reading("mass_kg", TOLD_KG, "kg", pack.readings[0].time_ms)
    other = sign_pack(key, world.consortium.consortium_id, stock.device_id, pack.boot, pack.seq, [reading])
    sealed = StorageCipher(Installation.open(world.home, "bank").identity.storage_key).seal(other, pack.digest)
    with closing(sqlite3.connect(world.home / "orgs" / "bank" / "oracle" / "evidence.db")) as database:
        changed = database.execute("UPDATE packs SET envelope = ? WHERE digest = ?", (sealed, pack.digest)).rowcount
        database.commit()
    assert changed == 1


def named_by(play: Play, peer: str) -> bool:
    """The peer's log tells who differs, in which indicator, and both values."""
    log = (play.world.home / "run" / f"oracle-{peer}.log").read_text("utf-8")
    told = [line for line in log.splitlines() if "bank differs" in line]
    return any("quantity_g" in line and str(TOLD_KG * 1_000) in line and str(TRUE_KG * 1_000) in line for line in told)
