"""One member, one digest: locks over a kill, notes played again, and signatures that are not the sender's."""

from __future__ import annotations

import pytest

from oracle.agreement.notes import NoteWriter, notes_topic, read_note
from oracle.sources.session import Message
from tests.oracle.trio import (
    AFTER_GRACE_S,
    CONSORTIUM,
    SLOT,
    T0_S,
    WINDOW,
    Trio,
    a_visit,
)
from wuxin_evidence.attestation import (
    SCHEDULED,
    SCHEDULED_N,
    MemberSignature,
    sequence_of,
)
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.ids import subject


class TestLocks:
    def test_killed_between_lock_and_signature_a_member_never_signs_a_second_digest(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        bank = trio.members["bank"]
        other = bank.context.statement(
            SCHEDULED, ("slot", SLOT), sequence_of(WINDOW, SCHEDULED_N), (T0_S, T0_S + 900), ()
        )
        bank.context.locks.take(subject("slot", SLOT), SCHEDULED, sequence_of(WINDOW, SCHEDULED_N), b"\x01" * 32)
        bank.close()
        trio.start("bank")
        assert not trio.members["bank"].collector.sign(other)
        trio.pass_to(AFTER_GRACE_S)
        signed = trio.attested("insurer", SCHEDULED)[0]
        assert "bank" not in {each.organisation for each in signed.signatures}

    def test_killed_after_the_lock_on_its_own_digest_it_signs_that_digest(self, trio: Trio):
        a_visit(trio, 100, 80_000, 79_700)
        trio.down |= {"insurer", "inspector"}
        trio.pass_to(AFTER_GRACE_S)
        trio.down.clear()
        trio.settle(4)
        assert len(trio.attested("bank", SCHEDULED)) == 1


def test_a_note_of_a_stranger_or_played_again_is_not_heard(trio: Trio):
    trio.down.add("inspector")
    a_visit(trio, 100, 80_000, 79_700)
    trio.pass_to(AFTER_GRACE_S)
    stranger = NoteWriter(CONSORTIUM, "bank", SigningKey.generate("sm2-sm3"), 1)
    with pytest.raises(EvidenceError) as refused:
        read_note(stranger.write("have", {}), notes_topic(CONSORTIUM, "bank"), CONSORTIUM, [trio.committee])
    assert refused.value.code == "bad_signature"
    played = next(raw for sender, raw in trio.said if sender == "bank")
    message = Message(notes_topic(CONSORTIUM, "bank"), played)
    assert trio.members["insurer"]._read_notes([message]) == []


def test_a_member_that_signs_two_digests_for_one_sequence_is_heard_once(trio: Trio):
    bank, insurer = trio.members["bank"], trio.members["insurer"]
    statements = [
        bank.context.statement(SCHEDULED, ("slot", SLOT), sequence_of(WINDOW, SCHEDULED_N), (T0_S, T0_S + n), ())
        for n in (1, 2)
    ]

    def signed(statement):
        digest = statement.attestation.digest()
        return MemberSignature("bank", bank.context.keys.sm2.sign(digest), bank.context.keys.evm.sign_digest(digest))

    insurer.collector.add("bank", statements[0], signed(statements[0]))
    with pytest.raises(EvidenceError) as refused:
        insurer.collector.add("bank", statements[1], signed(statements[1]))
    assert refused.value.code == "equivocation"
    assert trio.attested("insurer", SCHEDULED) == []


def test_a_signature_of_another_member_does_not_count(trio: Trio):
    bank, insurer = trio.members["bank"], trio.members["insurer"]
    statement = bank.context.statement(SCHEDULED, ("slot", SLOT), 1, (T0_S, T0_S), ())
    digest = statement.attestation.digest()
    copied = MemberSignature("inspector", bank.context.keys.sm2.sign(digest), bank.context.keys.evm.sign_digest(digest))
    with pytest.raises(EvidenceError) as refused:
        insurer.collector.add("inspector", statement, copied)
    assert refused.value.code == "quorum_not_met"
