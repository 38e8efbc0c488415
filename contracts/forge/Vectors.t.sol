// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Collateral} from "../src/Collateral.sol";
import {CreditFacility} from "../src/CreditFacility.sol";
import {Interest} from "../src/Interest.sol";
import {Roles} from "../src/Roles.sol";
import {RuleBook} from "../src/RuleBook.sol";
import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "../src/interfaces/ICreditFacility.sol";
import {IDepositToken} from "../src/interfaces/IDepositToken.sol";
import {IProblems} from "../src/interfaces/IProblems.sol";
import {IRuleBook} from "../src/interfaces/IRuleBook.sol";
import {StubFeed, StubRuleBook, StubToken} from "./Stubs.sol";
import {VectorFile} from "./VectorFile.sol";
import {vm} from "./Vm.sol";

/// @title The Solidity beside its mirror in Python: the same inputs give the same outputs
abstract contract VectorTest {
    using VectorFile for VectorFile.Rows;

    uint256 internal constant T0 = 1_641_081_600;
    bytes32 internal constant SLOT = keccak256("wuxin/1/slot/s1");
    bytes32 internal constant COMMODITY = keccak256("wuxin/1/commodity/copper");
    bytes32 internal constant QUANTITY = keccak256("quantity_g");
    bytes32 internal constant PRICE = keccak256("price_minor_per_t");
    bytes32 internal constant LIEN_ACTIVE = keccak256("lien_active");
    bytes32 internal constant LIEN_QUANTITY = keccak256("receipt_quantity_g");
    address internal constant BANK = address(0xBA);
    address internal constant BORROWER = address(0xB0);
    address internal constant INSURER = address(0x15);
    address internal constant REGULATOR = address(0x9E);

    StubFeed internal feed = new StubFeed();
    uint256 private _commands;

    function command() internal returns (bytes32) {
        return bytes32(++_commands);
    }

    function setValued(ICreditFacility.Terms memory t, VectorFile.Rows memory rows) internal pure {
        t.quantityPerPriceUnit = uint64(rows.next());
        t.receiptQuantity = uint96(rows.next());
        t.minQualityBp = uint16(rows.next());
        t.advanceRateBp = uint16(rows.next());
        t.lineMinor = uint128(rows.next());
        t.quantityMaxAgeS = uint32(rows.next());
        t.lienMaxAgeS = uint32(rows.next());
        t.priceMaxAgeS = uint32(rows.next());
    }

    function setWords(bytes32 lienSubject, VectorFile.Rows memory rows) internal {
        feed.set(SLOT, 0, QUANTITY, word(rows));
        feed.set(lienSubject, 2, LIEN_ACTIVE, word(rows));
        feed.set(lienSubject, 2, LIEN_QUANTITY, word(rows));
        feed.set(COMMODITY, 3, PRICE, word(rows));
    }

    function word(VectorFile.Rows memory rows) private pure returns (IAttestationFeed.Latest memory latest) {
        latest.value = int128(int256(rows.next()));
        latest.qualityBp = uint16(rows.next());
        latest.status = uint8(rows.next());
        latest.observedAt = uint64(rows.next());
    }

    function terms(bytes32 lienSubject) internal pure returns (ICreditFacility.Terms memory t) {
        t.lender = BANK;
        t.borrower = BORROWER;
        t.borrowerOrganisation = keccak256("manufacturer");
        t.storingOrganisation = keccak256("warehouse");
        t.quantitySubject = SLOT;
        t.lienSubject = lienSubject;
        t.priceSubject = COMMODITY;
        t.quantityIndicator = QUANTITY;
        t.priceIndicator = PRICE;
        t.quantityPerPriceUnit = 1_000_000;
        t.receiptQuantity = 100_000_000;
        t.advanceRateBp = 7000;
        t.lineMinor = 450_000_000;
        t.quantityMaxAgeS = 3600;
        t.lienMaxAgeS = 7200;
        t.priceMaxAgeS = 86_400;
        t.maturityS = uint64(T0 + 180 days);
    }
}

contract InterestVectors is VectorTest {
    using Interest for Interest.Debt;
    using VectorFile for VectorFile.Rows;

    function test_interest_is_what_the_mirror_computes() external {
        VectorFile.Rows memory rows = VectorFile.read("interest", 20);
        for (uint256 i = 0; i < rows.count(); i++) {
            rows.begin(i);
            Interest.Debt memory debt =
                Interest.Debt(rows.next(), rows.next(), rows.next(), rows.next(), uint64(rows.next()));
            uint64 day = Interest.businessDay(rows.next(), uint32(rows.next()));
            debt = debt.accruedTo(day, uint16(rows.next()));
            (uint256 act, uint256 amount, uint256 fee) = (rows.next(), rows.next(), rows.next());
            uint256[3] memory paid;
            if (act == 1) (debt.principalMinor, debt.feesMinor) = (debt.principalMinor + amount, debt.feesMinor + fee);
            if (act == 2) (paid[0], paid[1], paid[2]) = debt.pay(amount);
            rows.same(debt.principalMinor);
            rows.same(debt.interestMinor);
            rows.same(debt.feesMinor);
            rows.same(debt.fraction);
            rows.same(debt.accruedDay);
            rows.same(debt.owed());
            for (uint256 j = 0; j < 3; j++) rows.same(paid[j]);
            rows.end();
        }
    }
}

contract LimitVectors is VectorTest {
    using VectorFile for VectorFile.Rows;

    bytes32 private constant PLEDGE = keccak256("wuxin/1/pledge/p1");
    ICreditFacility.Terms private _terms;

    function test_freshness_the_lien_and_the_limit_are_what_the_mirror_computes() external {
        VectorFile.Rows memory rows = VectorFile.read("limit", 33);
        ICreditFacility.Terms memory t = terms(PLEDGE);
        IAttestationFeed asked = IAttestationFeed(address(feed));
        for (uint256 i = 0; i < rows.count(); i++) {
            rows.begin(i);
            setValued(t, rows);
            _terms = t;
            setWords(PLEDGE, rows);
            vm.warp(rows.next());
            same(rows, Collateral.quantity(asked, _terms));
            same(rows, Collateral.lien(asked, _terms));
            same(rows, Collateral.price(asked, _terms));
            rows.same(Collateral.released(asked, PLEDGE) ? 1 : 0);
            rows.same(Collateral.limit(asked, _terms));
            rows.end();
        }
    }

    function same(VectorFile.Rows memory rows, Collateral.Reading memory reading) private pure {
        rows.same(reading.fresh ? 1 : 0);
        rows.same(reading.value);
    }
}

contract FacilityVectors is VectorTest {
    using VectorFile for VectorFile.Rows;

    StubToken private _token = new StubToken();
    CreditFacility private _facility;
    mapping(bytes32 hashOfCode => uint256) private _digitOf;

    function setUp() external {
        AccessManager manager = new AccessManager(address(this));
        manager.grantRole(Roles.BANK, BANK, 0);
        _facility = new CreditFacility(
            address(manager),
            IAttestationFeed(address(feed)),
            IRuleBook(address(new StubRuleBook())),
            IDepositToken(address(_token))
        );
        string[9] memory codes = [
            "facility_not_active", "facility_matured", "facility_frozen", "attestation_stale", "lien_missing",
            "price_stale", "limit_exceeded", "insufficient_funds", "forbidden"
        ];
        for (uint256 i = 0; i < 9; i++) _digitOf[keccak256(bytes(codes[i]))] = i + 1;
    }

    function test_position_and_blockers_are_what_the_mirror_computes() external {
        VectorFile.Rows memory rows = VectorFile.read("facilities", 46);
        for (uint256 i = 0; i < rows.count(); i++) {
            rows.begin(i);
            bytes32 id = keccak256(abi.encode("facility", i));
            lead(id, rows);
            _token.set(rows.next(), rows.next());
            _token.list(BANK, rows.next() == 1);
            _token.list(BORROWER, rows.next() == 1);
            setWords(id, rows);
            vm.warp(rows.next());
            compare(id, rows);
            rows.end();
        }
    }

    /// @dev Through its life: proposed at T0, activated, drawn over all that the terms allow, frozen, closing, closed.
    function lead(bytes32 id, VectorFile.Rows memory rows) private {
        vm.warp(T0);
        ICreditFacility.Terms memory t = terms(id);
        setValued(t, rows);
        t.rateBp = uint16(rows.next());
        t.dayOffsetS = uint32(rows.next());
        t.drawFeeMinor = uint128(rows.next());
        t.maturityS = uint64(rows.next());
        (uint256 drawn, uint256 reasons, uint256 state) = (rows.next(), rows.next(), rows.next());
        attestAll(id, 1);
        vm.prank(BANK);
        _facility.propose(command(), id, t);
        if (state > 1) {
            vm.prank(BANK);
            _facility.activate(command(), id);
        }
        if (drawn > 0) {
            vm.prank(BORROWER);
            _facility.draw(command(), id, drawn);
        }
        for (uint256 i = 1; i <= reasons; i++) {
            vm.prank(BANK);
            _facility.freeze(command(), id, bytes32(i));
        }
        if (state > 2) {
            vm.prank(BANK);
            _facility.startClosing(command(), id);
        }
        if (state > 3) {
            attestAll(id, 0);
            vm.prank(BANK);
            _facility.close(command(), id);
        }
    }

    function attestAll(bytes32 lienSubject, int128 active) private {
        IAttestationFeed.Latest memory most = IAttestationFeed.Latest(type(int128).max, 10_000, 0, uint64(T0), 1);
        feed.set(SLOT, 0, QUANTITY, most);
        feed.set(lienSubject, 2, LIEN_ACTIVE, IAttestationFeed.Latest(active, 10_000, 0, uint64(T0), 1));
        feed.set(lienSubject, 2, LIEN_QUANTITY, most);
        feed.set(COMMODITY, 3, PRICE, most);
    }

    function compare(bytes32 id, VectorFile.Rows memory rows) private view {
        string[] memory codes = _facility.blockers(id);
        uint256 digits;
        for (uint256 i = 0; i < codes.length; i++) digits = digits * 16 + _digitOf[keccak256(bytes(codes[i]))];
        rows.same(digits);
        ICreditFacility.Position memory p = _facility.position(id);
        rows.same(p.principalMinor);
        rows.same(p.interestMinor);
        rows.same(p.feesMinor);
        rows.same(p.interestFraction);
        rows.same(p.accruedDay);
        rows.same(p.debtMinor);
        rows.same(p.limitMinor);
        rows.same(p.headroomMinor);
        rows.same(p.standingReasons);
    }
}

contract ReversalVectors is VectorTest {
    using VectorFile for VectorFile.Rows;

    uint256 private constant NO_HISTORY = type(uint256).max;
    bytes32 private constant RULE = keccak256("rule");
    bytes32 private constant FIRST = keccak256("first_count");
    bytes32 private constant SECOND = keccak256("second_count");

    CreditFacility private _facility;
    RuleBook private _ruleBook;
    bytes32 private _id;

    function setUp() external {
        AccessManager manager = new AccessManager(address(this));
        manager.grantRole(Roles.BANK, BANK, 0);
        manager.grantRole(Roles.INSURER, INSURER, 0);
        manager.grantRole(Roles.REGULATOR, REGULATOR, 0);
        _ruleBook = new RuleBook(address(manager));
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = RuleBook.loadPack.selector;
        manager.setTargetFunctionRole(address(_ruleBook), selectors, Roles.BANK);
        _facility = new CreditFacility(
            address(manager), IAttestationFeed(address(feed)), _ruleBook, IDepositToken(address(new StubToken()))
        );
        _ruleBook.connect(address(feed), address(_facility));
    }

    function test_windows_and_approvals_are_what_the_mirror_computes() external {
        VectorFile.Rows memory rows = VectorFile.read("reversals", 33);
        uint256 current = NO_HISTORY;
        for (uint256 i = 0; i < rows.count(); i++) {
            rows.begin(i);
            uint256 history = rows.next();
            IRuleBook.Rule[] memory rules = rule(rows);
            if (history != current) begin(history, rules);
            current = history;
            (uint256 act, uint64 sequence) = (rows.next(), uint64(rows.next()));
            IAttestationFeed.Indicator[] memory indicators = heard(rows);
            setQuantity(rows.next() == 1);
            if (act < 2) {
                hear(uint8(act), sequence, indicators);
                rows.same(0);
            } else {
                rows.same(refusal(act));
            }
            compare(rows);
            rows.end();
        }
    }

    function subject() private view returns (bytes32) {
        return keccak256(abi.encode("slot", _id));
    }

    function key() private view returns (bytes32) {
        return keccak256(abi.encode(RULE, uint32(1), subject()));
    }

    function begin(uint256 history, IRuleBook.Rule[] memory rules) private {
        vm.warp(T0);
        _id = keccak256(abi.encode("facility", history));
        vm.prank(BANK);
        _ruleBook.loadPack(command(), _id, rules);
        ICreditFacility.Terms memory t = terms(_id);
        t.quantitySubject = subject();
        t.insurer = INSURER;
        t.rulePack = _id;
        vm.prank(BANK);
        _facility.propose(command(), _id, t);
        feed.set(_id, 2, LIEN_ACTIVE, IAttestationFeed.Latest(1, 10_000, 0, uint64(T0), 1));
        feed.set(_id, 2, LIEN_QUANTITY, IAttestationFeed.Latest(1, 10_000, 0, uint64(T0), 1));
        vm.prank(BANK);
        _facility.activate(command(), _id);
    }

    function rule(VectorFile.Rows memory rows) private pure returns (IRuleBook.Rule[] memory rules) {
        rules = new IRuleBook.Rule[](1);
        rules[0].id = RULE;
        rules[0].version = 1;
        rules[0].windows = uint16(rows.next());
        rules[0].onMissing = uint8(rows.next());
        rules[0].cureWindows = uint16(rows.next());
        rules[0].approverRoles = rows.next();
        rules[0].matchAny = rows.next() == 1;
        rules[0].conditions = new IRuleBook.Condition[](2);
        for (uint256 i = 0; i < 2; i++) {
            rules[0].conditions[i].indicator = i == 0 ? FIRST : SECOND;
            rules[0].conditions[i].comparator = uint8(rows.next());
            rules[0].conditions[i].threshold = int128(int256(rows.next()));
            rules[0].conditions[i].minQualityBp = uint16(rows.next());
        }
        rules[0].actions = new IRuleBook.Action[](1);
        rules[0].actions[0].action = 5;
    }

    function heard(VectorFile.Rows memory rows) private pure returns (IAttestationFeed.Indicator[] memory indicators) {
        IAttestationFeed.Indicator[2] memory both;
        bool[2] memory present;
        for (uint256 i = 0; i < 2; i++) {
            present[i] = rows.next() == 1;
            both[i] = IAttestationFeed.Indicator(
                i == 0 ? FIRST : SECOND, int128(int256(rows.next())), uint16(rows.next()), uint8(rows.next())
            );
        }
        indicators = new IAttestationFeed.Indicator[]((present[0] ? 1 : 0) + (present[1] ? 1 : 0));
        uint256 n;
        for (uint256 i = 0; i < 2; i++) if (present[i]) indicators[n++] = both[i];
    }

    function hear(uint8 kind, uint64 sequence, IAttestationFeed.Indicator[] memory indicators) private {
        IAttestationFeed.Attestation memory a;
        (a.subject, a.kind, a.sequence, a.indicators) = (subject(), kind, sequence, indicators);
        feed.hand(_ruleBook, a);
    }

    function setQuantity(bool fresh) private {
        feed.set(subject(), 0, QUANTITY, IAttestationFeed.Latest(1, 10_000, fresh ? 0 : 2, uint64(T0), 1));
    }

    /// @dev 0 done, 1 not found, 2 forbidden, 3 not clean, 4 attestation stale, 5 approval missing.
    function refusal(uint256 act) private returns (uint256) {
        ICreditFacility.Reason[] memory standing = _facility.reasons(_id);
        uint64 opening = standing.length > 0 ? standing[0].openingSequence : 0;
        vm.prank(act == 2 || act == 5 ? BANK : act == 3 ? INSURER : REGULATOR);
        if (act == 5) {
            try _facility.unfreeze(command(), _id, key()) {
                return 0;
            } catch (bytes memory data) {
                return codeOf(data);
            }
        }
        try _facility.approveUnfreeze(command(), _id, key(), opening) {
            return 0;
        } catch (bytes memory data) {
            return codeOf(data);
        }
    }

    function codeOf(bytes memory data) private pure returns (uint256) {
        bytes4 selector = bytes4(data);
        if (selector == IProblems.NotFound.selector) return 1;
        if (selector == IProblems.Forbidden.selector) return 2;
        if (selector == IProblems.NotClean.selector) return 3;
        if (selector == IProblems.AttestationStale.selector) return 4;
        if (selector == IProblems.ApprovalMissing.selector) return 5;
        return 6;
    }

    function compare(VectorFile.Rows memory rows) private view {
        IRuleBook.RuleState memory state = _ruleBook.ruleState(_id, RULE);
        rows.same(state.started ? 1 : 0);
        rows.same(state.lastWindow);
        rows.same(state.lastBreachWindow);
        rows.same(state.count);
        rows.same(state.clean);
        rows.same(state.cleanSinceSequence);
        ICreditFacility.Reason[] memory standing = _facility.reasons(_id);
        rows.same(standing.length);
        rows.same(standing.length > 0 ? standing[0].openingSequence : 0);
        rows.same(standing.length > 0 ? _facility.reversal(_id, key()).approvedRoles : 0);
    }
}
