// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CreditFacility} from "../src/CreditFacility.sol";
import {Roles} from "../src/Roles.sol";
import {ICreditFacility} from "../src/interfaces/ICreditFacility.sol";
import {IProblems} from "../src/interfaces/IProblems.sol";
import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {Circle} from "./Circle.sol";
import {vm} from "./Vm.sol";

contract CreditFacilityTest is Circle {
    uint256 private constant LINE = 450_000_000;
    address private constant OTHER_BANK = address(0xBB);

    function test_a_draw_moves_deposits_and_is_owed_with_its_fee() public {
        draw(1000);
        ICreditFacility.Position memory p = facility.position(ID);
        assert(token.balanceOf(BORROWER) == 1000);
        assert(p.debtMinor == 1100 && p.feesMinor == 100 && p.principalMinor == 1000);
        assert(p.limitMinor == LINE && p.headroomMinor == LINE - 1200);
    }

    function testFuzz_the_limit_is_the_smallest_of_all_bounds_rounded_down(uint64 g, uint64 pledgedG, uint64 perT)
        public
    {
        nextWindow();
        attestWindow(int128(uint128(g)), 0);
        attestLien(1, int128(uint128(pledgedG)));
        attestPrice(int128(uint128(perT)));
        uint256 counted = g < pledgedG ? g : pledgedG;
        if (counted > 100_000_000) counted = 100_000_000;
        uint256 value = counted * perT * 7000 / 10_000 / 1_000_000;
        assert(facility.position(ID).limitMinor == (value < LINE ? value : LINE));
    }

    function testFuzz_no_draw_above_the_headroom(uint256 amount) public {
        vm.assume(amount > LINE - 100);
        vm.expectPartialRevert(IProblems.LimitExceeded.selector);
        this.drawOutside(amount);
        draw(LINE - 100);
        assert(facility.position(ID).headroomMinor == 0);
    }

    function test_a_stranger_can_do_nothing_but_repay() public {
        bytes4 forbidden = IProblems.Forbidden.selector;
        draw(1000);
        bytes32 c = command();
        ICreditFacility.Terms memory t = terms();
        vm.expectPartialRevert(forbidden);
        facility.propose(c, keccak256("x"), t);
        vm.expectPartialRevert(forbidden);
        facility.activate(c, ID);
        vm.expectPartialRevert(forbidden);
        facility.withdraw(c, ID);
        vm.expectPartialRevert(forbidden);
        facility.lowerLine(c, ID, 1);
        vm.expectPartialRevert(forbidden);
        facility.raiseLine(c, ID, type(uint128).max);
        vm.expectPartialRevert(forbidden);
        facility.draw(c, ID, 1);
        vm.expectPartialRevert(forbidden);
        facility.freeze(c, ID, "x");
        vm.expectPartialRevert(forbidden);
        facility.lift(c, ID, "x");
        vm.expectPartialRevert(forbidden);
        facility.approveUnfreeze(c, ID, "x", 1);
        vm.expectPartialRevert(forbidden);
        facility.unfreeze(c, ID, "x");
        vm.expectPartialRevert(forbidden);
        facility.startClosing(c, ID);
        vm.expectPartialRevert(forbidden);
        facility.close(c, ID);
        vm.expectPartialRevert(forbidden);
        facility.openReason(ID, RULE, 1, SLOT, 1);
        vm.expectPartialRevert(forbidden);
        token.collect(BORROWER, BANK, 1);
        vm.expectPartialRevert(forbidden);
        token.mint(c, address(this), 1);
        vm.expectPartialRevert(forbidden);
        feed.declareConflict(SLOT, "x");
        vm.expectPartialRevert(forbidden);
        ruleBook.unbind(ID);
        fund(STRANGER, 100);
        assert(repay(STRANGER, 100) == 100);
    }

    function test_a_bank_cannot_propose_for_another_lender() public {
        ICreditFacility.Terms memory t = terms();
        t.lender = STRANGER;
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        this.proposeOutside(t);
    }

    function test_a_command_is_accepted_once_per_caller() public {
        bytes32 c = keccak256("command");
        vm.prank(BORROWER);
        facility.draw(c, ID, 1000);
        vm.expectPartialRevert(IProblems.CommandRepeated.selector);
        vm.prank(BORROWER);
        facility.draw(c, ID, 1000);
        vm.prank(BANK);
        facility.freeze(c, ID, "x");
        assert(token.balanceOf(BORROWER) == 1000);
    }

    function test_no_draw_when_the_quantity_the_lien_or_the_price_is_old() public {
        vm.warp(block.timestamp + 3600);
        expectNoDraw(IProblems.AttestationStale.selector, "attestation_stale");
        vm.warp(block.timestamp + 3600);
        attestWindow(TONNES_100, 0);
        expectNoDraw(IProblems.LienMissing.selector, "lien_missing");
        vm.warp(block.timestamp + 1 days);
        attestWindow(TONNES_100, 0);
        attestLien(1, TONNES_100);
        expectNoDraw(IProblems.PriceStale.selector, "price_stale");
        attestPrice(CNY_70000);
        draw(1000);
    }

    function test_no_draw_without_a_lien_or_past_maturity() public {
        attestLien(0, TONNES_100);
        expectNoDraw(IProblems.LienMissing.selector, "lien_missing");
        attestLien(1, 0);
        expectNoDraw(IProblems.LienMissing.selector, "lien_missing");
        attestLien(1, TONNES_100);
        vm.warp(facility.facility(ID).terms.maturityS);
        expectNoDraw(IProblems.FacilityMatured.selector, "facility_matured");
    }

    function test_a_suspect_quantity_blocks_and_a_missing_one_ages() public {
        nextWindow();
        attestMissingWindow();
        draw(1000);
        nextWindow();
        submit(window(TONNES_100, SUSPECT, 0, OK), 7);
        expectNoDraw(IProblems.AttestationStale.selector, "attestation_stale");
        nextWindow();
        attestMissingWindow(); // silence does not answer the doubt
        expectNoDraw(IProblems.AttestationStale.selector, "attestation_stale");
        nextWindow();
        attestWindow(TONNES_100, 0);
        draw(1000);
    }

    function test_lender_without_funds_or_allowance_is_named() public {
        vm.prank(BANK);
        token.approve(address(facility), 10);
        vm.expectRevert(abi.encodeWithSelector(IProblems.InsufficientFunds.selector, BANK, 10, 1000));
        this.drawOutside(1000);
    }

    function test_activation_needs_the_lien_and_a_lien_backs_one_facility() public {
        bytes32 second = keccak256("wuxin/1/facility/f2");
        propose(second, terms());
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(BANK);
        facility.activate(c, second);

        bytes32 third = keccak256("wuxin/1/facility/f3");
        ICreditFacility.Terms memory t = terms();
        t.lienSubject = keccak256("wuxin/1/pledge/p3");
        propose(third, t);
        vm.expectPartialRevert(IProblems.LienMissing.selector);
        vm.prank(BANK);
        facility.activate(c, third);
        vm.prank(BANK);
        facility.withdraw(c, third);
        assert(facility.facility(third).state == ICreditFacility.State.Closed);
    }

    function test_interest_is_simple_by_business_day_and_its_remainder_is_carried() public {
        draw(1_000_000);
        vm.warp(block.timestamp + 10 days);
        // 1000000 * 435 * 10 / 3600000 = 1208.33
        ICreditFacility.Position memory p = facility.position(ID);
        assert(p.interestMinor == 1208 && p.debtMinor == 1_000_000 + 100 + 1209);
        fund(STRANGER, 4000);
        repay(STRANGER, 600);
        p = facility.position(ID);
        assert(p.feesMinor == 0 && p.interestMinor == 708 && p.principalMinor == 1_000_000);
        vm.warp(block.timestamp + 20 days);
        p = facility.position(ID);
        assert(p.interestMinor == 708 + 2417 && p.interestFraction == 0); // .33 carried and .67 make one
        repay(STRANGER, 708 + 2417 + 5);
        assert(facility.position(ID).principalMinor == 999_995);
    }

    function test_interest_of_a_day_starts_at_its_business_midnight() public {
        vm.warp(T0 + 16 hours - 1 + 1 days); // 23:59:59 at +08:00
        freshen();
        draw(1_000_000);
        assert(facility.position(ID).interestFraction == 0);
        vm.warp(block.timestamp + 1);
        assert(facility.position(ID).interestMinor == 120);
    }

    function testFuzz_splitting_the_accrual_changes_nothing(uint96 principal, uint8 splits) public {
        uint256 amount = uint256(principal) % (LINE - 100) + 1;
        draw(amount);
        uint256 start = block.timestamp;
        for (uint256 i = 1; i <= uint256(splits) % 30; i++) {
            vm.warp(start + i * 31 hours);
            facility.accrue(ID);
        }
        vm.warp(start + 60 days);
        ICreditFacility.Position memory p = facility.position(ID);
        uint256 exact = amount * 435 * 60;
        assert(p.interestMinor * 3_600_000 + p.interestFraction == exact);
    }

    function testFuzz_repayment_takes_at_most_the_debt_in_every_state(uint96 amount, uint8 how) public {
        vm.assume(amount > 0);
        draw(1_000_000);
        if (how & 1 == 1) attestAlarm(LOSS_LIMIT_G + 1);
        if (how & 2 == 2) attestLien(0, 0);
        if (how & 4 == 4) vm.warp(block.timestamp + 400 days);
        fund(STRANGER, type(uint96).max);
        if (how & 8 == 8) {
            vm.prank(BANK);
            token.list(command(), STRANGER, false);
        }
        if (how & 16 == 16) {
            vm.prank(BANK);
            token.list(command(), BANK, false);
        }
        uint256 debt = facility.position(ID).debtMinor;
        uint256 before = token.balanceOf(BANK);
        uint256 taken = repay(STRANGER, amount);
        assert(taken == (amount < debt ? amount : debt));
        assert(token.balanceOf(BANK) == before + taken);
        assert(facility.position(ID).debtMinor == debt - taken);
    }

    function test_the_admin_cannot_stop_a_repayment() public {
        draw(1000);
        manager.setTargetClosed(address(facility), true);
        manager.setTargetClosed(address(token), true);
        manager.revokeRole(1, BANK);
        assert(repay(BORROWER, 500) == 500);
    }

    function test_a_payer_without_funds_pays_nothing() public {
        draw(1000);
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.InsufficientFunds.selector);
        vm.prank(STRANGER);
        facility.repay(c, ID, 1);
    }

    function test_closing_ends_drawing_and_waits_for_the_release() public {
        draw(1000);
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(BANK);
        facility.startClosing(c, ID);
        fund(BORROWER, 100);
        repay(BORROWER, 5000);
        vm.prank(BORROWER);
        facility.startClosing(c, ID);
        expectNoDraw(IProblems.FacilityNotActive.selector, "facility_not_active");
        vm.expectPartialRevert(IProblems.ClosingUnreleased.selector);
        vm.prank(BANK);
        facility.close(c, ID);
        nextWindow();
        attestLien(0, 0);
        vm.prank(BANK);
        facility.close(c, ID);
        assert(facility.facility(ID).state == ICreditFacility.State.Closed);
        assert(feed.conflicted(SLOT).length == 0 && ruleBook.boundFacilities(SLOT).length == 0);
        assert(facility.facilityOfLien(PLEDGE) == 0);
    }

    function test_a_release_attested_before_closing_began_lets_it_close() public {
        attestLien(0, TONNES_100); // an ended lien is attested once, and never again
        vm.warp(block.timestamp + 1);
        vm.prank(BANK);
        facility.startClosing(command(), ID);
        vm.warp(block.timestamp + 365 days);
        vm.prank(BANK);
        facility.close(command(), ID);
        assert(facility.facility(ID).state == ICreditFacility.State.Closed);
    }

    function test_only_the_lender_of_a_facility_raises_its_line() public {
        admitOtherBank();
        bytes32 c = command();
        bytes memory raise = abi.encodeCall(CreditFacility.raiseLine, (c, ID, type(uint128).max));
        vm.prank(OTHER_BANK);
        manager.schedule(address(facility), raise, 0);
        vm.warp(block.timestamp + 1 days);
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        vm.prank(OTHER_BANK);
        facility.raiseLine(c, ID, type(uint128).max);
        assert(facility.facility(ID).terms.lineMinor == LINE);
    }

    function test_a_lender_cannot_repay_itself() public {
        draw(1000);
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        vm.prank(BANK);
        facility.repay(c, ID, 5000);
        assert(facility.position(ID).debtMinor == 1100);
    }

    function test_an_account_that_is_not_listed_is_among_the_blockers() public {
        assert(facility.blockers(ID).length == 0);
        vm.prank(BANK);
        token.list(command(), BORROWER, false);
        expectNoDraw(IProblems.Forbidden.selector, "forbidden");
    }

    function test_a_proposal_that_leaves_no_quorum_without_an_interest_is_refused() public {
        admitOtherBank();
        ICreditFacility.Terms memory t = terms();
        t.lender = OTHER_BANK;
        t.borrowerOrganisation = oracleOrgs[1];
        t.storingOrganisation = oracleOrgs[2];
        t.lienSubject = keccak256("nothing at all");
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(OTHER_BANK);
        facility.propose(c, keccak256("other"), t);
        nextWindow();
        attestAlarm(LOSS_LIMIT_G + 1);
        assert(feed.conflicted(SLOT).length == 0 && facility.reasons(ID).length == 1);
    }

    function test_proposals_that_name_made_up_organisations_keep_nobody_from_proposing() public {
        admitOtherBank();
        ICreditFacility.Terms memory t = terms();
        t.lender = OTHER_BANK;
        for (uint256 i = 1; i <= 5; i++) {
            (t.borrowerOrganisation, t.storingOrganisation) = (bytes32(2 * i), bytes32(2 * i + 1));
            vm.prank(OTHER_BANK);
            facility.propose(command(), bytes32(i), t);
        }
        this.proposeOutside(terms());
    }

    function test_a_line_falls_at_once_and_rises_after_its_delay() public {
        vm.prank(BANK);
        facility.lowerLine(command(), ID, 1000);
        assert(facility.position(ID).limitMinor == 1000);
        bytes memory raise = abi.encodeCall(CreditFacility.raiseLine, (command(), ID, 2000));
        vm.prank(BANK);
        (bool early,) = address(facility).call(raise);
        assert(!early);
        vm.prank(BANK);
        manager.schedule(address(facility), raise, 0);
        vm.prank(BANK);
        (early,) = address(facility).call(raise);
        assert(!early);
        vm.warp(block.timestamp + 1 days);
        vm.prank(BANK);
        (bool done,) = address(facility).call(raise);
        assert(done && facility.facility(ID).terms.lineMinor == 2000);
    }

    function testFuzz_terms_out_of_bounds_are_refused(uint8 field) public {
        ICreditFacility.Terms memory t = terms();
        uint8 which = field % 19;
        if (which == 0) t.borrower = BANK;
        if (which == 1) t.insurer = BANK;
        if (which == 2) t.insurer = STRANGER;
        if (which == 3) t.borrowerOrganisation = 0;
        if (which == 4) t.storingOrganisation = 0;
        if (which == 5) t.quantitySubject = 0;
        if (which == 6) t.lienSubject = 0;
        if (which == 7) t.priceSubject = 0;
        if (which == 8) t.quantityIndicator = 0;
        if (which == 9) t.quantityPerPriceUnit = 0;
        if (which == 10) t.receiptQuantity = 0;
        if (which == 11) t.advanceRateBp = 10_001;
        if (which == 12) t.rateBp = 10_001;
        if (which == 13) t.dayOffsetS = 86_400;
        if (which == 14) t.lineMinor = 0;
        if (which == 15) t.lienMaxAgeS = 0;
        if (which == 16) t.maturityS = uint64(block.timestamp);
        if (which == 17) t.insurer = address(0);
        if (which == 18) t.minQualityBp = 10_001;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.proposeOutside(t);
    }

    function drawOutside(uint256 amount) external {
        draw(amount);
    }

    function proposeOutside(ICreditFacility.Terms calldata t) external {
        propose(keccak256("other"), t);
    }

    function admitOtherBank() private {
        manager.grantRole(Roles.BANK, OTHER_BANK, 0);
        manager.grantRole(Roles.LINE_RAISER, OTHER_BANK, 1 days);
    }

    function freshen() private {
        attestWindow(TONNES_100, 0);
        attestLien(1, TONNES_100);
        attestPrice(CNY_70000);
    }

    function expectNoDraw(bytes4 problem, string memory code) private {
        string[] memory blockers = facility.blockers(ID);
        bool named;
        for (uint256 i = 0; i < blockers.length; i++) {
            if (keccak256(bytes(blockers[i])) == keccak256(bytes(code))) named = true;
        }
        assert(named);
        bytes32 c = command();
        vm.expectPartialRevert(problem);
        vm.prank(BORROWER);
        facility.draw(c, ID, 1);
    }
}
