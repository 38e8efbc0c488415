"""Liens and prices: attested once as members read them alike, repeated while they stand, not where they differ."""

from __future__ import annotations

from dataclasses import replace

from oracle.sources.values import SourceValues
from tests.oracle.trio import (
    NAMES,
    T0_S,
    Trio,
    values,
)
from wuxin_evidence.attestation import (
    LIEN,
    OK,
    PRICE,
)
from wuxin_evidence.log.tree import EMPTY_ROOT


class TestStanding:
    LIEN_READ = SourceValues(
        LIEN, "pledge", "p-1", {"lien_active": 1, "receipt_status": 1, "receipt_quantity_g": 80_000_000}
    )
    PRICE_READ = SourceValues(
        PRICE, "commodity", "copper-cathode", {"price_minor_per_t": 957_000}, since_s=T0_S - 86_400
    )

    def test_a_lien_that_all_read_alike_is_attested_once(self, trio: Trio):
        for name in NAMES:
            trio.reads[name] = [self.LIEN_READ]
        trio.look()
        trio.settle()
        for name in NAMES:
            signed = trio.attested(name, LIEN)
            assert len(signed) == 1
            assert values(signed[0])["lien_active"] == (1, OK)
            assert signed[0].attestation.pack_root == EMPTY_ROOT
            assert signed[0].attestation.window_start == signed[0].attestation.window_end

    def test_a_changed_lien_is_attested_under_the_next_number(self, trio: Trio):
        self.test_a_lien_that_all_read_alike_is_attested_once(trio)
        gone = replace(self.LIEN_READ, values={**self.LIEN_READ.values, "lien_active": 0}, standing=False)
        for name in NAMES:
            trio.reads[name] = [gone]
        trio.look()
        trio.settle()
        first, second = trio.attested("bank", LIEN)
        assert values(second)["lien_active"] == (0, OK)
        assert second.attestation.sequence > first.attestation.sequence

    def test_the_heartbeat_repeats_what_stands(self, trio: Trio):
        for name in NAMES:
            trio.reads[name] = [self.PRICE_READ]
        trio.look()
        trio.settle()
        trio.pass_to(901)
        assert len(trio.attested("bank", PRICE)) == 2
        assert trio.attested("bank", PRICE)[0].attestation.window_start == T0_S - 86_400

    def test_a_price_of_a_clock_that_runs_fast_waits_for_its_moment_and_is_not_dated_anew(self, trio: Trio):
        for name in NAMES:
            trio.reads[name] = [replace(self.PRICE_READ, since_s=T0_S + 5)]
        trio.pass_to(0)
        trio.look()
        trio.settle()
        assert all(trio.attested(name, PRICE) == [] for name in NAMES)
        trio.pass_to(6)
        assert trio.attested("bank", PRICE)[0].attestation.window_start == T0_S + 5

    def test_a_peers_price_from_before_the_price_was_made_is_not_signed(self, trio: Trio):
        """A peer that dates a price of the future as of now gets no second signature."""
        trio.pass_to(0)
        trio.reads["bank"] = [replace(self.PRICE_READ, since_s=T0_S)]
        trio.look("bank")
        trio.settle(1)
        for name in ("insurer", "inspector"):
            trio.reads[name] = [replace(self.PRICE_READ, since_s=T0_S + 5)]
            trio.look(name)
        trio.settle()
        assert all(trio.attested(name, PRICE) == [] for name in NAMES)

    def test_a_member_that_reads_another_price_does_not_sign_and_two_others_are_enough(self, trio: Trio):
        trio.reads["bank"] = [replace(self.PRICE_READ, values={"price_minor_per_t": 1})]
        trio.reads["insurer"] = trio.reads["inspector"] = [self.PRICE_READ]
        trio.look()
        trio.settle()
        signed = trio.attested("inspector", PRICE)[0]
        assert {each.organisation for each in signed.signatures} == {"insurer", "inspector"}
        assert values(signed)["price_minor_per_t"] == (957_000, OK)

    def test_three_different_prices_are_no_price(self, trio: Trio):
        for price, name in enumerate(NAMES, 1):
            trio.reads[name] = [replace(self.PRICE_READ, values={"price_minor_per_t": price})]
        trio.look()
        trio.settle(15)
        assert all(trio.attested(name, PRICE) == [] for name in NAMES)

    def test_a_peer_that_sees_the_change_later_signs_then(self, trio: Trio):
        trio.down.add("inspector")
        trio.reads["bank"] = [self.LIEN_READ]
        trio.look("bank")
        trio.settle(1)
        assert trio.attested("bank", LIEN) == []
        trio.reads["insurer"] = [self.LIEN_READ]
        trio.look("insurer")
        trio.settle(1)
        assert len(trio.attested("bank", LIEN)) == 1
