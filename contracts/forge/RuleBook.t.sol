// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "../src/interfaces/ICreditFacility.sol";
import {IProblems} from "../src/interfaces/IProblems.sol";
import {IRuleBook} from "../src/interfaces/IRuleBook.sol";
import {Circle} from "./Circle.sol";
import {vm} from "./Vm.sol";

contract RuleBookTest is Circle {
    uint8 private constant HOLD = 0;
    uint8 private constant TELL = 1;
    uint8 private constant BREACH = 2;

    function test_an_alarm_freezes_at_once_and_the_draw_is_refused() public {
        uint64 sequence = attestAlarm(LOSS_LIMIT_G + 1);
        ICreditFacility.Reason[] memory reasons = facility.reasons(ID);
        assert(reasons.length == 1 && reasons[0].key == ruleKey() && reasons[0].openingSequence == sequence);
        vm.expectPartialRevert(IProblems.FacilityFrozen.selector);
        this.drawOutside(1);
    }

    function test_the_threshold_itself_does_not_freeze() public {
        attestAlarm(LOSS_LIMIT_G);
        nextWindow();
        attestWindow(TONNES_100, LOSS_LIMIT_G);
        assert(facility.reasons(ID).length == 0);
    }

    function test_a_frozen_line_is_freed_by_clean_windows_and_then_approvals() public {
        uint64 opening = attestAlarm(LOSS_LIMIT_G + 1);
        nextWindow();
        attestWindow(TONNES_100, 0); // the window of the alarm itself: never clean
        assert(state().clean == 0);
        clean(2);
        vm.expectPartialRevert(IProblems.NotClean.selector);
        this.approveOutside(BANK, opening);
        vm.expectPartialRevert(IProblems.NotClean.selector);
        this.unfreezeOutside(BORROWER);
        clean(1);
        vm.expectPartialRevert(IProblems.ApprovalMissing.selector);
        this.unfreezeOutside(BORROWER);
        approve(BANK, opening);
        approve(BANK, opening);
        vm.expectRevert(abi.encodeWithSelector(IProblems.ApprovalMissing.selector, uint256(1 << 2)));
        this.unfreezeOutside(BORROWER);
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        this.approveOutside(REGULATOR, opening);
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        this.approveOutside(BORROWER, opening);
        approve(INSURER, opening);
        unfreeze(BORROWER);
        assert(facility.reasons(ID).length == 0);
        draw(1);
    }

    function test_a_new_breach_voids_approvals_and_names_another_opening() public {
        uint64 opening = attestAlarm(LOSS_LIMIT_G + 1);
        nextWindow();
        attestWindow(TONNES_100, 0);
        clean(3);
        approve(BANK, opening);
        approve(INSURER, opening);
        uint64 reopening = attestAlarm(LOSS_LIMIT_G + 1);
        nextWindow();
        attestWindow(TONNES_100, 0);
        clean(3);
        vm.expectPartialRevert(IProblems.ApprovalMissing.selector);
        this.unfreezeOutside(BANK);
        vm.expectPartialRevert(IProblems.Conflict.selector);
        this.approveOutside(BANK, opening);
        approve(BANK, reopening);
        approve(INSURER, reopening);
        unfreeze(BANK);
    }

    function test_a_gap_voids_approvals_though_nothing_was_breached() public {
        uint64 opening = attestAlarm(LOSS_LIMIT_G + 1);
        nextWindow();
        attestWindow(TONNES_100, 0);
        clean(3);
        approve(BANK, opening);
        approve(INSURER, opening);
        nextWindow();
        attestMissingWindow();
        vm.expectPartialRevert(IProblems.NotClean.selector);
        this.unfreezeOutside(BANK);
        clean(3);
        vm.expectPartialRevert(IProblems.ApprovalMissing.selector);
        this.unfreezeOutside(BANK);
        assert(facility.reversal(ID, ruleKey()).approvedRoles == 0);
    }

    function test_a_stale_feed_unfreezes_nothing() public {
        uint64 opening = attestAlarm(LOSS_LIMIT_G + 1);
        nextWindow();
        attestWindow(TONNES_100, 0);
        clean(3);
        approve(BANK, opening);
        approve(INSURER, opening);
        vm.warp(block.timestamp + 3600);
        vm.expectPartialRevert(IProblems.AttestationStale.selector);
        this.unfreezeOutside(BANK);
    }

    function test_a_manual_reason_is_lifted_only_by_the_role_that_set_it() public {
        vm.prank(REGULATOR);
        facility.freeze(command(), ID, "inspection");
        attestAlarm(LOSS_LIMIT_G + 1);
        ICreditFacility.Reason[] memory reasons = facility.reasons(ID);
        assert(reasons.length == 2 && reasons[0].manual && reasons[0].role == 3);
        bytes32 key = reasons[0].key;
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        vm.prank(BANK);
        facility.lift(c, ID, key);
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(BANK);
        facility.lift(c, ID, ruleKey());
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(BANK);
        facility.unfreeze(c, ID, key);
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(REGULATOR);
        facility.freeze(c, ID, "inspection");
        vm.prank(REGULATOR);
        facility.lift(c, ID, key);
        vm.expectPartialRevert(IProblems.CommandRepeated.selector);
        vm.prank(REGULATOR);
        facility.lift(c, ID, key);
        vm.expectPartialRevert(IProblems.FacilityFrozen.selector);
        this.drawOutside(1);
    }

    function test_reasons_by_hand_leave_room_for_those_of_rules() public {
        for (uint256 i = 1; i <= 8; i++) {
            vm.prank(BANK);
            facility.freeze(command(), ID, bytes32(i));
        }
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.TooLarge.selector);
        vm.prank(BANK);
        facility.freeze(c, ID, bytes32(uint256(9)));
        vm.prank(REGULATOR);
        facility.freeze(command(), ID, bytes32(uint256(1))); // a role uses up its own freezes only
        attestAlarm(LOSS_LIMIT_G + 1);
        assert(facility.reasons(ID).length == 10);
    }

    function test_consecutive_windows_count_and_an_unmet_one_starts_over() public {
        rebind(3, HOLD);
        met(2);
        clean(1);
        met(2);
        assert(state().count == 2 && facility.reasons(ID).length == 0);
        met(1);
        assert(facility.reasons(ID).length == 1);
        attestAlarm(LOSS_LIMIT_G + 1);
        assert(state().clean == 0);
    }

    function test_an_alarm_alone_is_no_three_windows() public {
        rebind(3, HOLD);
        clean(1);
        attestAlarm(LOSS_LIMIT_G + 1);
        assert(state().clean == 0 && state().count == 0 && facility.reasons(ID).length == 0);
    }

    function test_missing_and_skipped_windows_hold_the_count() public {
        missing_windows(HOLD, 2, 0);
    }

    function test_missing_and_skipped_windows_are_told_under_alarm() public {
        missing_windows(TELL, 2, 0);
    }

    function test_missing_and_skipped_windows_count_under_breach() public {
        missing_windows(BREACH, 4, 0);
        met(1);
        assert(facility.reasons(ID).length == 1);
    }

    function test_a_gap_can_itself_be_the_breach() public {
        rebind(3, BREACH);
        clean(1);
        vm.warp(block.timestamp + 3 * WINDOW_S);
        clean(1);
        assert(facility.reasons(ID).length == 1 && state().clean == 0 && state().count == 0);
        clean(1);
        assert(state().clean == 1);
    }

    function test_windows_skipped_since_the_activation_are_missing() public {
        rebind(3, BREACH);
        vm.warp(block.timestamp + 3 * WINDOW_S);
        clean(1); // the fourth window
        assert(facility.reasons(ID).length == 1);
        rebind(3, BREACH);
        vm.warp(block.timestamp + 2 * WINDOW_S);
        clean(1);
        assert(facility.reasons(ID).length == 0 && state().clean == 1);
    }

    function test_a_window_that_was_over_at_the_activation_may_arrive_after_it() public {
        rebind(1, BREACH);
        attestWindow(TONNES_100, 0);
        clean(1);
        assert(facility.reasons(ID).length == 0 && state().clean == 2);
    }

    function testFuzz_clean_is_the_run_of_present_unmet_windows(uint256 story) public {
        uint32 expected = 1; // the fixture attested one
        for (uint256 i = 0; i < 12; i++) {
            nextWindow();
            uint256 what = (story >> (2 * i)) & 3;
            if (what == 0) attestWindow(TONNES_100, LOSS_LIMIT_G + 1);
            else if (what == 1) attestMissingWindow();
            else if (what == 2) attestWindow(TONNES_100, 0);
            // 3: the committee is silent
            if (what < 2) expected = 0;
            if (what == 2) expected = i > 0 && (story >> (2 * i - 2)) & 3 == 3 ? 1 : expected + 1;
            if (what != 3) assert(state().clean == expected);
        }
    }

    function test_of_low_quality_only_a_breach_counts() public {
        IRuleBook.Rule[] memory rules = lossRules(1, HOLD);
        rules[0].conditions[0].minQualityBp = 9000;
        rebindTo(rules);
        nextWindow();
        IAttestationFeed.Attestation memory a = window(TONNES_100, OK, 0, OK);
        (a.indicators[0].qualityBp, a.indicators[1].qualityBp) = (8999, 8999);
        submit(a, 7);
        assert(facility.reasons(ID).length == 0 && state().clean == 0);
        clean(1);
        assert(state().clean == 1);
        nextWindow();
        a = window(TONNES_100, OK, LOSS_LIMIT_G + 1, OK);
        (a.indicators[0].qualityBp, a.indicators[1].qualityBp) = (1, 1);
        submit(a, 7);
        assert(facility.reasons(ID).length == 1);
    }

    function test_any_is_one_condition_and_all_is_every_one() public {
        IRuleBook.Rule[] memory rules = lossRules(1, HOLD);
        rules[0].conditions = new IRuleBook.Condition[](2);
        rules[0].conditions[0] = IRuleBook.Condition(LOSS_G, 2, LOSS_LIMIT_G, 0);
        rules[0].conditions[1] = IRuleBook.Condition(QUANTITY_G, 0, 50, 0);
        rebindTo(rules);
        nextWindow();
        attestWindow(40, 0);
        assert(facility.reasons(ID).length == 0);
        nextWindow();
        attestWindow(40, LOSS_LIMIT_G + 1);
        assert(facility.reasons(ID).length == 1);
        rules[0].matchAny = true;
        rebindTo(rules);
        nextWindow();
        attestWindow(40, 0);
        assert(facility.reasons(ID).length == 1);
    }

    function testFuzz_an_action_that_is_not_executable_is_refused(uint8 action) public {
        vm.assume(action != 5);
        IRuleBook.Rule[] memory rules = lossRules(1, HOLD);
        rules[0].actions[0].action = action;
        vm.expectRevert(abi.encodeWithSelector(IProblems.UnsupportedAction.selector, action));
        this.loadOutside(rules);
    }

    function testFuzz_malformed_rules_are_refused(uint8 field) public {
        IRuleBook.Rule[] memory rules = lossRules(1, HOLD);
        uint8 which = field % 11;
        if (which == 0) rules[0].id = 0;
        if (which == 1) rules[0].version = 0;
        if (which == 2) rules[0].windows = 0;
        if (which == 3) rules[0].cureWindows = 0;
        if (which == 4) rules[0].onMissing = 3;
        if (which == 5) rules[0].approverRoles = 1 << 4;
        if (which == 6) rules[0].conditions = new IRuleBook.Condition[](0);
        if (which == 7) rules[0].conditions[0].comparator = 6;
        if (which == 8) rules[0].conditions[0].indicator = 0;
        if (which == 9) rules[0].actions = new IRuleBook.Action[](0);
        if (which == 10) rules[0].conditions[0].minQualityBp = 10_001;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.loadOutside(rules);
    }

    function test_a_pack_never_changes() public {
        IRuleBook.Rule[] memory rules = lossRules(1, TELL);
        assert(ruleBook.rulesDigest(PACK) == keccak256(abi.encode(lossRules(1, 1))));
        assert(keccak256(abi.encode(ruleBook.rules(PACK))) == ruleBook.rulesDigest(PACK));
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(BANK);
        ruleBook.loadPack(c, PACK, rules);
    }

    function test_eight_facilities_follow_one_subject_within_one_transaction() public {
        for (uint256 i = 2; i <= 9; i++) {
            ICreditFacility.Terms memory t = terms();
            t.lienSubject = bytes32(i);
            propose(bytes32(i), t);
            IAttestationFeed.Attestation memory a = lien(1, TONNES_100);
            a.subject = bytes32(i);
            submit(a, 7);
            bytes32 c = command();
            if (i == 9) vm.expectPartialRevert(IProblems.TooLarge.selector);
            vm.prank(BANK);
            facility.activate(c, bytes32(i));
        }
        uint256 gas = gasleft();
        attestAlarm(LOSS_LIMIT_G + 1);
        assert(gas - gasleft() < 3_000_000);
        for (uint256 i = 2; i <= 8; i++) assert(facility.reasons(bytes32(i)).length == 1);
    }

    function drawOutside(uint256 amount) external {
        draw(amount);
    }

    function approveOutside(address who, uint64 opening) external {
        approve(who, opening);
    }

    function unfreezeOutside(address who) external {
        unfreeze(who);
    }

    function loadOutside(IRuleBook.Rule[] calldata rules) external {
        vm.prank(BANK);
        ruleBook.loadPack(command(), keccak256("other pack"), rules);
    }

    /// @dev Two met windows, one missing and one skipped, under a rule of five windows.
    function missing_windows(uint8 onMissing, uint32 count, uint32 cleanAfter) private {
        rebind(5, onMissing);
        clean(1);
        met(2);
        nextWindow();
        attestMissingWindow();
        nextWindow();
        nextWindow();
        attestMissingWindow();
        IRuleBook.RuleState memory s = state();
        assert(s.clean == cleanAfter);
        assert(s.count == (onMissing == BREACH ? 5 : count));
        assert(facility.reasons(ID).length == (onMissing == BREACH ? 1 : 0));
    }

    function rebind(uint16 windows, uint8 onMissing) private {
        rebindTo(lossRules(windows, onMissing));
    }

    /// @dev A fresh circle whose pack holds these rules.
    function rebindTo(IRuleBook.Rule[] memory rules) private {
        deployCircle();
        bytes32 pack = keccak256(abi.encode(rules));
        vm.prank(BANK);
        ruleBook.loadPack(command(), pack, rules);
        ICreditFacility.Terms memory t = terms();
        t.rulePack = pack;
        propose(ID, t);
        attestLien(1, TONNES_100);
        attestPrice(CNY_70000);
        vm.prank(BANK);
        facility.activate(command(), ID);
    }

    function clean(uint256 windows) private {
        for (uint256 i = 0; i < windows; i++) {
            nextWindow();
            attestWindow(TONNES_100, 0);
        }
    }

    function met(uint256 windows) private {
        for (uint256 i = 0; i < windows; i++) {
            nextWindow();
            attestWindow(TONNES_100, LOSS_LIMIT_G + 1);
        }
    }

    function state() private view returns (IRuleBook.RuleState memory) {
        return ruleBook.ruleState(ID, RULE);
    }
}
