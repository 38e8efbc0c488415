// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {AttestationFeed} from "../src/AttestationFeed.sol";
import {CreditFacility} from "../src/CreditFacility.sol";
import {DepositToken} from "../src/DepositToken.sol";
import {OracleCommittee} from "../src/OracleCommittee.sol";
import {Roles} from "../src/Roles.sol";
import {RuleBook} from "../src/RuleBook.sol";
import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "../src/interfaces/ICreditFacility.sol";
import {IOracleCommittee} from "../src/interfaces/IOracleCommittee.sol";
import {IRuleBook} from "../src/interfaces/IRuleBook.sol";
import {vm} from "./Vm.sol";

/// @title A lending circle, deployed as the loader's docstring says, with a committee whose keys the tests hold
abstract contract Circle {
    uint64 internal constant T0 = 1_641_081_600; // 2022-01-02 00:00 UTC, a window boundary at +08:00
    uint64 internal constant WINDOW_S = 900;
    uint32 internal constant DAY_OFFSET_S = 28_800;
    uint8 internal constant SCHEDULED = 0;
    uint8 internal constant ALARM = 1;
    uint8 internal constant LIEN = 2;
    uint8 internal constant PRICE = 3;
    uint8 internal constant OK = 0;
    uint8 internal constant MISSING = 1;
    uint8 internal constant SUSPECT = 2;

    bytes32 internal constant CONSORTIUM = keccak256("consortium");
    bytes32 internal constant PROFILE = keccak256("profile");
    bytes32 internal constant PACK = keccak256("pack");
    bytes32 internal constant ID = keccak256("wuxin/1/facility/f1");
    bytes32 internal constant SLOT = keccak256("wuxin/1/slot/s1");
    bytes32 internal constant PLEDGE = keccak256("wuxin/1/pledge/p1");
    bytes32 internal constant COMMODITY = keccak256("wuxin/1/commodity/copper-cathode");
    bytes32 internal constant QUANTITY_G = keccak256("quantity_g");
    bytes32 internal constant LOSS_G = keccak256("unexplained_loss_g");
    bytes32 internal constant PRICE_PER_T = keccak256("price_minor_per_t");
    bytes32 internal constant LIEN_ACTIVE = keccak256("lien_active");
    bytes32 internal constant RECEIPT_G = keccak256("receipt_quantity_g");
    bytes32 internal constant RULE = keccak256("unexplained-loss");

    int128 internal constant TONNES_100 = 100_000_000;
    int128 internal constant CNY_70000 = 7_000_000;
    int128 internal constant LOSS_LIMIT_G = 3_000_000;

    address internal constant BANK = address(0xBA);
    address internal constant INSURER = address(0x15);
    address internal constant REGULATOR = address(0x9E);
    address internal constant BORROWER = address(0xB0);
    address internal constant STRANGER = address(0x57);
    bytes32 internal constant BORROWER_ORG = keccak256("manufacturer");
    bytes32 internal constant STORING_ORG = keccak256("warehouse");

    AccessManager internal manager;
    OracleCommittee internal committee;
    AttestationFeed internal feed;
    RuleBook internal ruleBook;
    DepositToken internal token;
    CreditFacility internal facility;

    uint64 internal epoch = 1;
    uint256[] internal oracleKeys; // ascending by address
    bytes32[3] internal oracleOrgs = [keccak256("bank"), keccak256("insurer"), keccak256("inspector")];
    uint256 private _commands;
    uint16 private _changes;

    function setUp() public virtual {
        deployCircle();
        openFacility();
    }

    function deployCircle() internal {
        vm.warp(T0);
        manager = new AccessManager(address(this));
        committee = new OracleCommittee(address(manager), CONSORTIUM);
        feed = new AttestationFeed(address(manager), committee);
        ruleBook = new RuleBook(address(manager));
        token = new DepositToken(address(manager), "Deposit CNY", "DCNY");
        facility = new CreditFacility(address(manager), feed, ruleBook, token);
        feed.connect(address(ruleBook), address(facility));
        ruleBook.connect(address(feed), address(facility));
        token.connect(address(facility));

        open(address(committee), Roles.REGULATOR, OracleCommittee.appoint.selector);
        open(address(feed), Roles.REGULATOR, AttestationFeed.registerProfile.selector);
        open(address(ruleBook), Roles.BANK, RuleBook.loadPack.selector);
        open(address(token), Roles.BANK, DepositToken.list.selector);
        open(address(token), Roles.BANK, DepositToken.mint.selector);
        open(address(facility), Roles.LINE_RAISER, CreditFacility.raiseLine.selector);
        manager.grantRole(Roles.BANK, BANK, 0);
        manager.grantRole(Roles.INSURER, INSURER, 0);
        manager.grantRole(Roles.REGULATOR, REGULATOR, 0);
        manager.grantRole(Roles.LINE_RAISER, BANK, 1 days);

        appointThree();
        vm.prank(REGULATOR);
        feed.registerProfile(command(), PROFILE, 15, uint32(WINDOW_S), DAY_OFFSET_S);
        vm.prank(BANK);
        ruleBook.loadPack(command(), PACK, lossRules(1, 1));
        fund(BANK, 1e15);
        list(BORROWER);
        vm.prank(BANK);
        token.approve(address(facility), type(uint256).max);
    }

    /// @dev Proposed, lien and price attested, active, one clean window attested.
    function openFacility() internal {
        propose(ID, terms());
        attestLien(1, TONNES_100);
        attestPrice(CNY_70000);
        vm.prank(BANK);
        facility.activate(command(), ID);
        nextWindow();
        attestWindow(TONNES_100, 0);
    }

    function terms() internal view returns (ICreditFacility.Terms memory t) {
        t.lender = BANK;
        t.borrower = BORROWER;
        t.insurer = INSURER;
        t.borrowerOrganisation = BORROWER_ORG;
        t.storingOrganisation = STORING_ORG;
        t.quantitySubject = SLOT;
        t.lienSubject = PLEDGE;
        t.priceSubject = COMMODITY;
        t.quantityIndicator = QUANTITY_G;
        t.priceIndicator = PRICE_PER_T;
        t.quantityPerPriceUnit = 1_000_000;
        t.receiptQuantity = uint96(uint128(TONNES_100));
        t.advanceRateBp = 7000;
        t.rateBp = 435;
        t.dayOffsetS = DAY_OFFSET_S;
        t.lineMinor = 450_000_000;
        t.drawFeeMinor = 100;
        t.quantityMaxAgeS = 3600;
        t.lienMaxAgeS = 7200;
        t.priceMaxAgeS = 86_400;
        t.maturityS = uint64(block.timestamp + 180 days);
        t.rulePack = PACK;
    }

    function lossRules(uint16 windows, uint8 onMissing) internal pure returns (IRuleBook.Rule[] memory rules) {
        rules = new IRuleBook.Rule[](1);
        rules[0].id = RULE;
        rules[0].version = 1;
        rules[0].windows = windows;
        rules[0].onMissing = onMissing;
        rules[0].cureWindows = 3;
        rules[0].approverRoles = (1 << Roles.BANK) | (1 << Roles.INSURER);
        rules[0].conditions = new IRuleBook.Condition[](1);
        rules[0].conditions[0] = IRuleBook.Condition(LOSS_G, 2, LOSS_LIMIT_G, 0);
        rules[0].actions = new IRuleBook.Action[](1);
        rules[0].actions[0].action = 5;
    }

    function ruleKey() internal pure returns (bytes32) {
        return keccak256(abi.encode(RULE, uint32(1), SLOT));
    }

    function command() internal returns (bytes32) {
        return bytes32(++_commands);
    }

    function list(address account) internal {
        vm.prank(BANK);
        token.list(command(), account, true);
    }

    function fund(address account, uint256 amountMinor) internal {
        list(account);
        vm.prank(BANK);
        token.mint(command(), account, amountMinor);
    }

    function propose(bytes32 id, ICreditFacility.Terms memory t) internal {
        vm.prank(BANK);
        facility.propose(command(), id, t);
    }

    function draw(uint256 amountMinor) internal {
        vm.prank(BORROWER);
        facility.draw(command(), ID, amountMinor);
    }

    function repay(address payer, uint256 amountMinor) internal returns (uint256) {
        vm.prank(payer);
        return facility.repay(command(), ID, amountMinor);
    }

    function approve(address approver, uint64 opening) internal {
        vm.prank(approver);
        facility.approveUnfreeze(command(), ID, ruleKey(), opening);
    }

    function unfreeze(address party) internal {
        vm.prank(party);
        facility.unfreeze(command(), ID, ruleKey());
    }

    function nextWindow() internal {
        vm.warp(block.timestamp + WINDOW_S);
    }

    /// @dev Attests the window that ended last, at its end.
    function attestWindow(int128 quantityG, int128 lossG) internal {
        submit(window(quantityG, OK, lossG, OK), 7);
    }

    function attestMissingWindow() internal {
        submit(window(0, MISSING, 0, MISSING), 7);
    }

    function attestAlarm(int128 lossG) internal returns (uint64 sequence) {
        IAttestationFeed.Attestation memory a = alarm(lossG);
        submit(a, 7);
        return a.sequence;
    }

    function attestLien(int128 active, int128 quantityG) internal {
        submit(lien(active, quantityG), 7);
    }

    function attestPrice(int128 priceMinor) internal {
        submit(price(priceMinor), 7);
    }

    /// @dev `signers` is a bitmap over the committee.
    function submit(IAttestationFeed.Attestation memory a, uint256 signers) internal returns (bool) {
        bytes[] memory signatures = sign(feed.digestOf(a), signers);
        return feed.submit(a, signatures);
    }

    function window(int128 quantityG, uint8 quantityStatus, int128 lossG, uint8 lossStatus)
        internal
        view
        returns (IAttestationFeed.Attestation memory a)
    {
        a = blank(SLOT, SCHEDULED);
        a.windowEnd = uint64((block.timestamp + DAY_OFFSET_S) / WINDOW_S * WINDOW_S - DAY_OFFSET_S);
        a.windowStart = a.windowEnd - WINDOW_S;
        a.sequence = (windowIndex(a.windowStart) << 16) + 65_535;
        a.indicators = pair(
            IAttestationFeed.Indicator(QUANTITY_G, quantityG, 10_000, quantityStatus),
            IAttestationFeed.Indicator(LOSS_G, lossG, 10_000, lossStatus)
        );
    }

    function alarm(int128 lossG) internal returns (IAttestationFeed.Attestation memory a) {
        a = change(SLOT, ALARM);
        a.indicators = new IAttestationFeed.Indicator[](1);
        a.indicators[0] = IAttestationFeed.Indicator(LOSS_G, lossG, 10_000, OK);
    }

    function lien(int128 active, int128 quantityG) internal returns (IAttestationFeed.Attestation memory a) {
        a = change(PLEDGE, LIEN);
        a.indicators = pair(
            IAttestationFeed.Indicator(LIEN_ACTIVE, active, 10_000, OK),
            IAttestationFeed.Indicator(RECEIPT_G, quantityG, 10_000, OK)
        );
    }

    function price(int128 priceMinor) internal returns (IAttestationFeed.Attestation memory a) {
        a = change(COMMODITY, PRICE);
        a.indicators = new IAttestationFeed.Indicator[](1);
        a.indicators[0] = IAttestationFeed.Indicator(PRICE_PER_T, priceMinor, 10_000, OK);
    }

    function windowIndex(uint256 t) internal pure returns (uint64) {
        return uint64((t + DAY_OFFSET_S) / WINDOW_S);
    }

    function blank(bytes32 subject, uint8 kind) internal view returns (IAttestationFeed.Attestation memory a) {
        a.consortiumId = CONSORTIUM;
        a.epoch = epoch;
        a.subject = subject;
        a.kind = kind;
        a.profile = PROFILE;
        a.packRoot = keccak256("packs");
        a.packCount = 1;
    }

    function sign(bytes32 digest, uint256 signers) internal returns (bytes[] memory signatures) {
        uint256 n;
        for (uint256 i = 0; i < oracleKeys.length; i++) n += (signers >> i) & 1;
        signatures = new bytes[](n);
        n = 0;
        for (uint256 i = 0; i < oracleKeys.length; i++) {
            if ((signers >> i) & 1 == 1) signatures[n++] = signature(oracleKeys[i], digest);
        }
    }

    function signature(uint256 key, bytes32 digest) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function appointThree() internal {
        oracleKeys = [uint256(11), 12, 13];
        for (uint256 i = 0; i < 2; i++) {
            for (uint256 j = 0; j < 2 - i; j++) {
                if (vm.addr(oracleKeys[j]) < vm.addr(oracleKeys[j + 1])) continue;
                (oracleKeys[j], oracleKeys[j + 1]) = (oracleKeys[j + 1], oracleKeys[j]);
            }
        }
        IOracleCommittee.Member[] memory members = new IOracleCommittee.Member[](3);
        for (uint256 i = 0; i < 3; i++) {
            members[i] = IOracleCommittee.Member(vm.addr(oracleKeys[i]), oracleOrgs[i]);
        }
        vm.prank(REGULATOR);
        committee.appoint(command(), 1, 2, 0, members);
    }

    function open(address target, uint64 role, bytes4 selector) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        manager.setTargetFunctionRole(target, selectors, role);
    }

    function change(bytes32 subject, uint8 kind) private returns (IAttestationFeed.Attestation memory a) {
        a = blank(subject, kind);
        a.windowStart = uint64(block.timestamp);
        a.windowEnd = uint64(block.timestamp);
        a.sequence = (windowIndex(block.timestamp) << 16) + ++_changes;
    }

    function pair(IAttestationFeed.Indicator memory a, IAttestationFeed.Indicator memory b)
        internal
        pure
        returns (IAttestationFeed.Indicator[] memory both)
    {
        both = new IAttestationFeed.Indicator[](2);
        (both[0], both[1]) = a.id < b.id ? (a, b) : (b, a);
    }
}
