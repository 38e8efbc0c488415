"""After an outage: a member that missed windows, or all of them, goes on; what cannot be agreed on is named."""

from __future__ import annotations

import logging

import pytest

from oracle.agreement.closing import GIVE_UP_S
from oracle.storage.status import Problem, read_status
from tests.oracle.trio import AFTER_GRACE_S, NAMES, SLOT, WINDOW, Trio, W, at, mass, values
from wuxin_evidence.attestation import OK, SCHEDULED, sequence_of
from wuxin_evidence.ids import subject


def end_of(n: int) -> int:
    """Offset at which window WINDOW + n is closed."""
    return n * W.window_s + AFTER_GRACE_S


def restart(trio: Trio, *names: str) -> None:
    """Their processes end and begin again; what was said meanwhile is gone, as with a broker without a session."""
    for name in names:
        trio.queues[name].clear()
        trio.members[name].close()
        trio.start(name)


def windows_of(trio: Trio, name: str) -> list[int]:
    return [(each.attestation.sequence >> 16) - WINDOW for each in trio.attested(name, SCHEDULED)]


class TestOneMember:
    def test_a_member_that_was_killed_attests_the_next_window_again(self, trio: Trio):
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        trio.down.add("bank")
        for n in range(1, 13):
            trio.send(mass(80_000, n * W.window_s + 100), to=("insurer", "inspector"))
            trio.pass_to(end_of(n))
        trio.down.remove("bank")
        restart(trio, "bank")
        trio.send(mass(80_000, 13 * W.window_s + 100))
        trio.pass_to(end_of(13))
        trio.settle(10)
        trio.send(mass(80_000, 14 * W.window_s + 100))
        trio.pass_to(end_of(14))
        assert {13, 14} <= set(windows_of(trio, "bank"))
        newest = [trio.attested(name, SCHEDULED)[-1] for name in NAMES]
        assert len({each.attestation.digest() for each in newest}) == 1

    @pytest.mark.parametrize("away", [2, 20])
    def test_two_members_of_which_one_missed_a_quorum_agree_again_after_both_were_away(self, trio: Trio, away: int):
        """The one that knows the window as settled answers for it out of its log; without that both would call other
        packs late for ever."""
        trio.down.add("inspector")
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        trio.send(mass(80_000, W.window_s + 100))
        trio.down.add("bank")
        trio.down.remove("inspector")
        trio.deliver()
        trio.pass_to(end_of(1))
        assert (windows_of(trio, "insurer"), windows_of(trio, "bank")) == ([0, 1], [0])
        trio.down = {"inspector"}
        restart(trio, "bank", "insurer")
        for n in (away, away + 1):
            trio.send(mass(80_000, n * W.window_s + 300))
            trio.pass_to(end_of(n))
            trio.settle(20)
        assert {0, 1, away, away + 1} <= set(windows_of(trio, "bank"))
        digests = [{each.attestation.digest() for each in trio.attested(n, SCHEDULED)} for n in ("bank", "insurer")]
        assert digests[0] == digests[1]

    def test_a_peer_that_asks_again_and_again_is_answered_with_the_same_digest(self, trio: Trio):
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        digest = trio.attested("bank", SCHEDULED)[0].attestation.digest()
        restart(trio, "bank")
        closing = trio.members["bank"].closings._find(SLOT, WINDOW)
        assert closing is not None and closing.statement is not None
        assert closing.statement.attestation.digest() == digest
        assert trio.members["bank"].closings._find(SLOT, WINDOW) is closing

    def test_a_settled_window_whose_packs_were_altered_is_not_signed_again(self, trio: Trio):
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        restart(trio, "bank")
        store = trio.members["bank"].store
        store._db.execute("UPDATE packs SET envelope = zeroblob(200)")
        closing = trio.members["bank"].closings._find(SLOT, WINDOW)
        assert closing is not None and closing.statement is None and closing.altered

    def test_a_settled_window_of_which_a_pack_is_lacking_is_not_answered(self, trio: Trio):
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        restart(trio, "bank")
        trio.members["bank"].store._db.execute("DELETE FROM packs")
        assert trio.members["bank"].closings._find(SLOT, WINDOW) is None


class TestAllMembers:
    @pytest.mark.parametrize("missed", [3, 12])
    def test_after_an_outage_of_all_the_slot_is_attested_again_and_a_loss_counts_once(self, trio: Trio, missed: int):
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        kept = [trio.device.pack(mass(78_000, n * W.window_s + 100)) for n in range(1, missed)]
        trio.clock.ms = at(missed * W.window_s)
        restart(trio, *NAMES)
        for envelope in kept:
            trio.publish(envelope)
        trio.deliver()
        trio.pass_to(end_of(missed) - 300)
        trio.settle(60)
        trio.send(mass(78_000, missed * W.window_s + 850))
        trio.pass_to(end_of(missed))
        trio.settle(15)
        attested = {name: trio.attested(name, SCHEDULED) for name in NAMES}
        assert windows_of(trio, "bank")[-1] == missed
        assert len({tuple(each.attestation.digest() for each in found) for found in attested.values()}) == 1
        losses = [values(each)["unexplained_loss_g"][0] for each in attested["bank"]]
        assert sum(losses) == 2_000_000
        assert values(attested["bank"][-1])["quantity_g"] == (78_000_000, OK)


class TestStatus:
    def stuck(self, trio: Trio) -> list[Problem]:
        trio.down |= {"insurer", "inspector"}
        trio.send(mass(80_000, 100))
        trio.pass_to(end_of(0))
        trio.settle(GIVE_UP_S + 5)
        return self.of_bank(trio)

    def of_bank(self, trio: Trio) -> list[Problem]:
        """As a doctor reads it, out of an installation's home."""
        member_home = trio.home / "installed" / "orgs" / "bank"
        if not member_home.exists():
            member_home.mkdir(parents=True)
            (member_home / "oracle").symlink_to(trio.home / "bank")
        return read_status(trio.home / "installed", "bank")

    def test_a_window_that_is_not_agreed_on_is_said_once_and_kept_in_the_status_file(
        self, trio: Trio, caplog: pytest.LogCaptureFixture
    ):
        with caplog.at_level(logging.ERROR):
            (problem,) = self.stuck(trio)
        assert (problem.about, problem.code) == (f"slot {SLOT} window {WINDOW}", "quorum_not_met")
        assert "no set from ['insurer', 'inspector']" in problem.detail
        assert problem.since_s == trio.clock.ms // 1000
        assert caplog.text.count(f"window {WINDOW}") == 1

    def test_it_is_gone_when_the_window_is_settled_after_all(self, trio: Trio):
        self.stuck(trio)
        trio.down.clear()
        trio.deliver()
        trio.settle(10)
        assert windows_of(trio, "bank") == [0]
        assert self.of_bank(trio) == []

    def test_a_lock_on_another_digest_is_named_too(self, trio: Trio):
        bank = trio.members["bank"]
        bank.context.locks.take(subject("slot", SLOT), SCHEDULED, sequence_of(WINDOW, 0xFFFF), b"\x01" * 32)
        assert self.stuck(trio) != []
