"""A member whose evidence log was altered behind its back: it signs nothing false, and the others name it."""

from __future__ import annotations

from tests.oracle.trio import (
    AFTER_GRACE_S,
    CONSORTIUM,
    SLOT,
    WINDOW,
    Trio,
    digest_of,
    mass,
)
from wuxin_evidence.attestation import (
    ALARM,
    SCHEDULED,
    sequence_of,
)
from wuxin_evidence.ids import subject
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading


class TestAlteredStore:
    def test_a_member_whose_packs_were_altered_does_not_sign_and_names_the_indicator(self, trio: Trio):
        trio.send(mass(80_000, 100))
        envelope = trio.send(mass(79_900, 200))
        alter(trio, envelope, mass(95_000, 200))
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        differs = trio.members["insurer"].differs[0]
        assert differs["organisation"] == "bank"
        assert {row["name"]: (row["mine"], row["theirs"]) for row in differs["indicators"]}["quantity_g"] == (
            95_000_000,
            79_900_000,
        )
        assert differs["altered"] == [digest_of(envelope)]

    def test_bytes_that_no_longer_open_are_noticed_too(self, trio: Trio):
        trio.send(mass(80_000, 100))
        store = trio.members["bank"].store
        store._db.execute("UPDATE packs SET envelope = zeroblob(200)")
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        assert trio.members["insurer"].differs[0]["altered"] != []

    def test_an_alarm_on_altered_packs_is_not_signed(self, trio: Trio):
        envelope = trio.send(mass(80_000, 100))
        alter(trio, envelope, mass(95_000, 100))
        trio.members["bank"].close()
        bank = trio.start("bank")
        trio.send(mass(79_900, 200))
        assert bank.context.locks.holder(subject("slot", SLOT), ALARM, sequence_of(WINDOW, 1)) is None


def alter(trio: Trio, envelope: bytes, reading: Reading) -> None:
    """Somebody with the bank's storage key and the device's key changes one stored pack."""
    digest, place = digest_of(envelope), parse_pack(envelope, CONSORTIUM)
    store = trio.members["bank"].store
    other = sign_pack(trio.device.key, CONSORTIUM, place.device_id, place.boot, place.seq, [reading])
    sealed = store._cipher.seal(other, digest)
    store._db.execute("UPDATE packs SET envelope = ? WHERE digest = ?", (sealed, digest))
