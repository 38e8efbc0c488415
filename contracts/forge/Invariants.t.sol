// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "../src/interfaces/ICreditFacility.sol";
import {Circle} from "./Circle.sol";
import {vm} from "./Vm.sol";

/// @title A story of one facility, told at random
/// @notice Holds its own small model of what was attested and what is owed, in another shape than the contracts do,
/// and notes every step at which the contracts disagree with it.
contract Story is Circle {
    uint256 private constant FRACTIONS = 3_600_000;

    struct Word {
        uint256 value;
        uint256 at;
    }

    bool public drewAgainstTheRules;
    bool public refusedARepayment;
    bool public movedByTooFew;
    bool public clearedAgainstTheRules;
    uint256 public draws;
    uint256 public repayments;
    uint256 public freezes;
    uint256 public unfreezes;

    uint256 public exactInterest; // in fractions, since the beginning
    uint256 public paidInterest;
    uint256 public paidFees;
    uint256 public paidPrincipal;
    uint256 public chargedFees;
    uint256 public drawnPrincipal;
    uint256 private principal;
    uint256 private day;

    Word private quantity;
    Word private pledged;
    Word private perTonne;
    bool private suspect;
    bool private ruleFroze;
    uint256 private handsFroze;
    uint256 private cleanWindows;
    uint256 private soiledWindow;
    uint256 private lastWindow;
    uint256 private bankApproved; // clean windows when given, zero: none that counts
    uint256 private insurerApproved;
    uint64 private opening;

    constructor() {
        setUp();
        fund(STRANGER, 1e15);
        quantity = Word(uint128(TONNES_100), block.timestamp);
        pledged = Word(uint128(TONNES_100), T0);
        perTonne = Word(uint128(CNY_70000), T0);
        lastWindow = windowIndex(block.timestamp) - 1;
        cleanWindows = 1;
        day = today();
    }

    function positionNow() external view returns (ICreditFacility.Position memory) {
        return facility.position(ID);
    }

    function supply() external view returns (uint256 total, uint256 held) {
        total = token.totalSupply();
        held = token.balanceOf(BANK) + token.balanceOf(BORROWER) + token.balanceOf(STRANGER);
    }

    function passTime(uint256 seed) external {
        vm.warp(block.timestamp + 1 + seed % (seed % 5 == 0 ? 3 days : 20 minutes));
    }

    function tellWindow(uint256 grams, uint256 loss, uint8 how) external {
        uint256 index = windowIndex(block.timestamp) - 1;
        if (index <= lastWindow) vm.warp(block.timestamp + WINDOW_S);
        index = windowIndex(block.timestamp) - 1;
        grams %= 120_000_000;
        bool breach = how % 4 == 0;
        loss = breach ? uint128(LOSS_LIMIT_G) + 1 + loss % 1e6 : loss % (uint128(LOSS_LIMIT_G) + 1);
        uint8 status = how % 16 < 12 ? OK : how % 16 < 14 ? MISSING : SUSPECT;
        submit(window(int128(uint128(grams)), status, int128(uint128(loss)), status), 7);

        if (index > lastWindow + 1 || status != OK) soil(soiledWindow);
        lastWindow = index;
        if (status != MISSING) suspect = status == SUSPECT;
        if (status != OK) return;
        quantity = Word(grams, (index + 1) * WINDOW_S - DAY_OFFSET_S);
        if (breach) breached(index, (uint64(index) << 16) + 65_535);
        else if (index > soiledWindow) cleanWindows++;
    }

    function tellAlarm(uint256 loss) external {
        loss %= 2 * uint128(LOSS_LIMIT_G);
        IAttestationFeed.Attestation memory a = alarm(int128(uint128(loss)));
        submit(a, 7);
        if (loss > uint128(LOSS_LIMIT_G)) breached(a.sequence >> 16, a.sequence);
    }

    function tellLien(uint256 grams, uint8 active) external {
        grams %= 120_000_000;
        bool stands = active % 4 != 0;
        attestLien(stands ? int128(1) : int128(0), int128(uint128(grams)));
        pledged = Word(stands ? grams : 0, block.timestamp);
    }

    function tellPrice(uint256 minor) external {
        minor %= 20_000_000;
        attestPrice(int128(uint128(minor)));
        perTonne = Word(minor, block.timestamp);
    }

    /// @dev One of three members, with whatever it likes to say.
    function lie(uint256 member, int128 grams) external {
        IAttestationFeed.Attestation memory a = window(grams, OK, 0, OK);
        bytes32 before = keccak256(abi.encode(feed.head(SLOT, SCHEDULED), feed.latest(SLOT, SCHEDULED, QUANTITY_G)));
        bytes32 standing = feed.head(SLOT, SCHEDULED).digest;
        bytes[] memory signatures = sign(feed.digestOf(a), 1 << (member % 3));
        try feed.submit(a, signatures) returns (bool stored) {
            if (stored || standing != feed.digestOf(a)) movedByTooFew = true;
        } catch {}
        bytes32 afterwards = keccak256(abi.encode(feed.head(SLOT, SCHEDULED), feed.latest(SLOT, SCHEDULED, QUANTITY_G)));
        if (before != afterwards) movedByTooFew = true;
    }

    function drawSome(uint256 amount) external {
        accrueModel();
        uint256 owed = owedModel();
        uint256 limit = limitModel();
        amount = 1 + amount % (amount % 3 == 0 ? 1e9 : limit / 4 + 1);
        bool allowed = !ruleFroze && handsFroze == 0 && amount + 100 + owed <= limit
            && block.timestamp < facility.facility(ID).terms.maturityS;
        bytes32 c = command();
        vm.prank(BORROWER);
        try facility.draw(c, ID, amount) {
            if (!allowed) drewAgainstTheRules = true;
            principal += amount;
            drawnPrincipal += amount;
            chargedFees += 100;
            draws++;
        } catch {
            if (allowed) drewAgainstTheRules = true;
        }
    }

    function repaySome(uint256 amount, bool all) external {
        accrueModel();
        ICreditFacility.Position memory before = facility.position(ID);
        if (before.debtMinor == 0) return;
        amount = all ? type(uint256).max : 1 + amount % (2 * before.debtMinor);
        bytes32 c = command();
        vm.prank(STRANGER);
        try facility.repay(c, ID, amount) returns (uint256 taken) {
            if (taken != (amount < before.debtMinor ? amount : before.debtMinor)) refusedARepayment = true;
            book(before, taken);
        } catch {
            refusedARepayment = true;
        }
    }

    function accrueNow() external {
        facility.accrue(ID);
    }

    function freezeByHand(uint8 cause) external {
        bytes32 c = command();
        vm.prank(REGULATOR);
        try facility.freeze(c, ID, bytes32(uint256(cause % 3) + 1)) {
            handsFroze++;
        } catch {}
    }

    function liftByHand(uint8 cause, bool stranger) external {
        bytes32 c = command();
        vm.prank(stranger ? BANK : REGULATOR);
        try facility.lift(c, ID, keccak256(abi.encode(uint8(3), bytes32(uint256(cause % 3) + 1)))) {
            if (stranger) clearedAgainstTheRules = true;
            handsFroze--;
        } catch {}
    }

    function approveIt(bool insurer, bool earlier) external {
        bytes32 c = command();
        vm.prank(insurer ? INSURER : BANK);
        try facility.approveUnfreeze(c, ID, ruleKey(), earlier ? opening ^ 1 : opening) {
            if (earlier || cleanWindows < 3) clearedAgainstTheRules = true;
            if (insurer) insurerApproved = cleanWindows;
            else bankApproved = cleanWindows;
        } catch {}
    }

    function unfreezeIt() external {
        bool due = ruleFroze && cleanWindows >= 3 && bankApproved > 0 && insurerApproved > 0 && !suspect
            && block.timestamp < quantity.at + 3600;
        bytes32 c = command();
        vm.prank(BORROWER);
        try facility.unfreeze(c, ID, ruleKey()) {
            if (!due) clearedAgainstTheRules = true;
            ruleFroze = false;
            (bankApproved, insurerApproved) = (0, 0);
            unfreezes++;
        } catch {
            if (due) clearedAgainstTheRules = true;
        }
    }

    /// @dev The whole way back from a freeze, which chance alone seldom finds.
    function cure() external {
        for (uint256 i = 0; i < 5; i++) {
            vm.warp(block.timestamp + WINDOW_S);
            this.tellWindow(100_000_000, 0, 1);
        }
        if (!ruleFroze) return;
        this.approveIt(true, false);
        this.approveIt(false, false);
        this.unfreezeIt();
        this.tellLien(100_000_000, 1);
        this.tellPrice(7_000_000);
    }

    function agrees() external view returns (bool) {
        return (facility.reasons(ID).length > 0) == (ruleFroze || handsFroze > 0);
    }

    function breached(uint256 index, uint64 sequence) private {
        soil(index);
        ruleFroze = true;
        opening = sequence;
        freezes++;
    }

    function soil(uint256 index) private {
        cleanWindows = 0;
        (bankApproved, insurerApproved) = (0, 0);
        if (index > soiledWindow) soiledWindow = index;
    }

    function book(ICreditFacility.Position memory before, uint256 taken) private {
        ICreditFacility.Position memory p = facility.position(ID);
        uint256 fees = before.feesMinor - p.feesMinor;
        uint256 principalPaid = before.principalMinor - p.principalMinor;
        paidFees += fees;
        paidPrincipal += principalPaid;
        paidInterest += taken - fees - principalPaid;
        principal -= principalPaid;
        repayments++;
        // Fees first, then interest, then principal.
        if (p.feesMinor > 0 && taken > fees) refusedARepayment = true;
        if (p.interestMinor > 0 && principalPaid > 0) refusedARepayment = true;
    }

    function accrueModel() private {
        exactInterest += principal * 435 * (today() - day);
        day = today();
    }

    function owedModel() private view returns (uint256) {
        ICreditFacility.Position memory p = facility.position(ID);
        return p.principalMinor + p.feesMinor + p.interestMinor + (p.interestFraction > 0 ? 1 : 0);
    }

    function limitModel() private view returns (uint256) {
        bool fresh = !suspect && block.timestamp < quantity.at + 3600 && block.timestamp < pledged.at + 7200
            && block.timestamp < perTonne.at + 86_400;
        if (!fresh) return 0;
        uint256 grams = quantity.value;
        if (grams > pledged.value) grams = pledged.value;
        if (grams > 100_000_000) grams = 100_000_000;
        uint256 value = grams * perTonne.value * 7 / 10_000_000;
        return value < 450_000_000 ? value : 450_000_000;
    }

    function settle() external {
        accrueModel();
    }

    function today() private view returns (uint256) {
        return (block.timestamp + DAY_OFFSET_S) / 1 days;
    }
}

contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Story private story;

    function setUp() public {
        story = new Story();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(story);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[14] memory acts = [
            Story.passTime.selector,
            Story.tellWindow.selector,
            Story.tellAlarm.selector,
            Story.tellLien.selector,
            Story.tellPrice.selector,
            Story.lie.selector,
            Story.drawSome.selector,
            Story.repaySome.selector,
            Story.accrueNow.selector,
            Story.freezeByHand.selector,
            Story.liftByHand.selector,
            Story.approveIt.selector,
            Story.unfreezeIt.selector,
            Story.cure.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(story);
        targets[0].selectors = new bytes4[](acts.length);
        for (uint256 i = 0; i < acts.length; i++) targets[0].selectors[i] = acts[i];
    }

    function invariant_no_draw_while_frozen_stale_without_lien_or_above_the_limit() public view {
        assert(!story.drewAgainstTheRules());
    }

    function invariant_a_repayment_is_never_refused_and_pays_in_order() public view {
        assert(!story.refusedARepayment());
    }

    function invariant_too_few_signers_move_nothing() public view {
        assert(!story.movedByTooFew());
    }

    function invariant_a_reason_leaves_only_the_way_that_fits_how_it_came() public view {
        assert(!story.clearedAgainstTheRules());
        assert(story.agrees());
    }

    function invariant_interest_is_paid_or_owed_and_never_lost() public {
        story.settle();
        ICreditFacility.Position memory p = story.positionNow();
        uint256 charged = (story.paidInterest() + p.interestMinor) * 3_600_000 + p.interestFraction;
        assert(charged >= story.exactInterest());
        assert(charged - story.exactInterest() <= story.repayments() * 3_600_000);
    }

    function invariant_what_was_lent_is_paid_back_or_owed() public view {
        ICreditFacility.Position memory p = story.positionNow();
        assert(story.drawnPrincipal() == story.paidPrincipal() + p.principalMinor);
        assert(story.chargedFees() == story.paidFees() + p.feesMinor);
        (uint256 total, uint256 held) = story.supply();
        assert(total == held);
    }

    /// @dev A story in which nothing happens would prove nothing.
    function test_the_story_draws_freezes_cures_and_repays() public {
        story.drawSome(1000);
        story.tellAlarm(5_000_000);
        assert(!story.drewAgainstTheRules() && story.freezes() == 1);
        story.cure();
        assert(story.unfreezes() == 1);
        story.drawSome(2000);
        story.passTime(10 days);
        story.repaySome(0, true);
        assert(story.draws() == 2 && story.repayments() == 1 && story.agrees());
        assert(!story.drewAgainstTheRules() && !story.refusedARepayment() && !story.clearedAgainstTheRules());
    }
}
