// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Collateral} from "./Collateral.sol";
import {Commanded} from "./Commanded.sol";
import {Interest} from "./Interest.sol";
import {Roles} from "./Roles.sol";
import {IAttestationFeed} from "./interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "./interfaces/ICreditFacility.sol";
import {IDepositToken} from "./interfaces/IDepositToken.sol";
import {IRuleBook} from "./interfaces/IRuleBook.sol";

/// @title CreditFacility
/// @dev What each function does, and what it refuses, stands in ICreditFacility.
contract CreditFacility is Commanded, ICreditFacility {
    using Interest for Interest.Debt;

    /// @dev Reasons by rules are bounded by the pack; those by hand are bounded per role, so that no role uses up
    /// the freezes of another.
    uint256 internal constant ROLE_REASONS_MAX = 8;
    uint256 internal constant BP = 10_000;
    uint256 internal constant DAY_S = 86_400;

    /// @dev `opening` and `cleanSince` name what the approvers saw; `roles` counts only while both still hold.
    struct Approvals {
        uint64 opening;
        uint64 cleanSince;
        uint256 roles;
    }

    IAttestationFeed public immutable feed;
    IRuleBook public immutable ruleBook;
    IDepositToken public immutable token;

    mapping(bytes32 facilityId => Facility) private _facilities;
    mapping(bytes32 facilityId => Interest.Debt) private _debts;
    mapping(bytes32 facilityId => Reason[]) private _reasons;
    mapping(bytes32 facilityId => uint64) private _manualOpenings;
    mapping(bytes32 facilityId => mapping(bytes32 key => Approvals)) private _approvals;
    mapping(bytes32 lienSubject => bytes32) public facilityOfLien;

    constructor(address manager, IAttestationFeed feed_, IRuleBook ruleBook_, IDepositToken token_)
        Commanded(manager)
    {
        feed = feed_;
        ruleBook = ruleBook_;
        token = token_;
    }

    function propose(bytes32 commandId, bytes32 facilityId, Terms calldata terms) external {
        if (msg.sender != terms.lender || !_holds(Roles.BANK, msg.sender)) revert Forbidden(msg.sender);
        _once(commandId);
        _requireSound(facilityId, terms);
        if (_facilities[facilityId].state != State.None) revert Conflict("facility id is used");

        _facilities[facilityId] = Facility(State.Proposed, uint64(block.timestamp), terms);
        emit FacilityProposed(facilityId, terms.lender, terms.borrower, terms.lienSubject, terms.lineMinor);
        feed.declareConflict(terms.quantitySubject, terms.borrowerOrganisation);
        feed.declareConflict(terms.quantitySubject, terms.storingOrganisation);
        feed.declareConflict(terms.lienSubject, terms.borrowerOrganisation);
        feed.declareConflict(terms.lienSubject, terms.storingOrganisation);
    }

    function withdraw(bytes32 commandId, bytes32 facilityId) external {
        Facility storage f = _known(facilityId);
        _requireLender(f);
        _once(commandId);
        if (f.state != State.Proposed) revert Conflict("not proposed");

        _enter(f, State.Closed);
        emit FacilityWithdrawn(facilityId);
        _endConflicts(f.terms);
    }

    function activate(bytes32 commandId, bytes32 facilityId) external {
        Facility storage f = _known(facilityId);
        _requireLender(f);
        _once(commandId);
        if (f.state != State.Proposed) revert Conflict("not proposed");
        _requireBeforeMaturity(facilityId, f.terms.maturityS);
        if (facilityOfLien[f.terms.lienSubject] != 0) revert Conflict("lien backs another facility");
        _requireLien(f.terms);

        _enter(f, State.Active);
        facilityOfLien[f.terms.lienSubject] = facilityId;
        emit FacilityActivated(facilityId);
        ruleBook.bind(facilityId, f.terms.quantitySubject, f.terms.rulePack);
    }

    function lowerLine(bytes32 commandId, bytes32 facilityId, uint128 lineMinor) external {
        Facility storage f = _known(facilityId);
        _requireLender(f);
        _once(commandId);
        if (lineMinor >= f.terms.lineMinor) revert Malformed("lineMinor");
        _changeLine(facilityId, f, lineMinor);
    }

    function raiseLine(bytes32 commandId, bytes32 facilityId, uint128 lineMinor) external restricted {
        Facility storage f = _known(facilityId);
        _requireLender(f);
        _once(commandId);
        if (lineMinor <= f.terms.lineMinor) revert Malformed("lineMinor");
        _changeLine(facilityId, f, lineMinor);
    }

    function draw(bytes32 commandId, bytes32 facilityId, uint256 amountMinor) external {
        Facility storage f = _known(facilityId);
        if (msg.sender != f.terms.borrower) revert Forbidden(msg.sender);
        _once(commandId);
        if (amountMinor == 0) revert Malformed("amountMinor");
        if (f.state != State.Active) revert FacilityNotActive(facilityId, uint8(f.state));
        _requireBeforeMaturity(facilityId, f.terms.maturityS);
        if (_reasons[facilityId].length > 0) revert FacilityFrozen(facilityId, _reasons[facilityId].length);
        _requireQuantity(f.terms);
        _requireLien(f.terms);
        _requirePrice(f.terms);

        Interest.Debt memory debt = _accrue(facilityId, f.terms);
        uint256 headroom = _headroom(f.terms, debt.owed());
        if (amountMinor > headroom) revert LimitExceeded(amountMinor, headroom);
        debt.principalMinor += amountMinor;
        debt.feesMinor += f.terms.drawFeeMinor;

        _debts[facilityId] = debt;
        emit Drawn(facilityId, amountMinor, f.terms.drawFeeMinor, debt.owed());
        token.transferFrom(f.terms.lender, f.terms.borrower, amountMinor);
    }

    function repay(bytes32 commandId, bytes32 facilityId, uint256 amountMinor) external returns (uint256 takenMinor) {
        Facility storage f = _known(facilityId);
        if (msg.sender == f.terms.lender) revert Forbidden(msg.sender);
        _once(commandId);
        if (amountMinor == 0) revert Malformed("amountMinor");
        Interest.Debt memory debt = _accrue(facilityId, f.terms);
        uint256 owed = debt.owed();
        if (owed == 0) revert Conflict("no debt");

        takenMinor = amountMinor < owed ? amountMinor : owed;
        (uint256 fees, uint256 interest, uint256 principal) = debt.pay(takenMinor);

        _debts[facilityId] = debt;
        emit Repaid(facilityId, msg.sender, fees, interest, principal, debt.owed());
        token.collect(msg.sender, f.terms.lender, takenMinor);
    }

    function accrue(bytes32 facilityId) external {
        Facility storage f = _known(facilityId);
        _debts[facilityId] = _accrue(facilityId, f.terms);
    }

    function freeze(bytes32 commandId, bytes32 facilityId, bytes32 cause) external {
        Facility storage f = _known(facilityId);
        uint8 role = _requireRole(f.terms);
        _once(commandId);
        if (cause == 0) revert Malformed("cause");
        if (f.state == State.Closed) revert Conflict("closed");
        _requireRoomByHand(facilityId, role);
        bytes32 key = keccak256(abi.encode(role, cause));
        (bool stands,) = _find(facilityId, key);
        if (stands) revert Conflict("frozen for this cause");

        uint64 opening = ++_manualOpenings[facilityId];
        uint64 nowS = uint64(block.timestamp);
        _reasons[facilityId].push(
            Reason({
                key: key,
                manual: true,
                cause: cause,
                version: 0,
                subject: 0,
                openingSequence: opening,
                role: role,
                since: nowS,
                openedAt: nowS
            })
        );
        emit FreezeOpened(facilityId, key, cause, 0, 0, opening, role);
    }

    function lift(bytes32 commandId, bytes32 facilityId, bytes32 key) external {
        Facility storage f = _known(facilityId);
        uint8 role = _requireRole(f.terms);
        _once(commandId);
        (uint256 index, Reason storage reason) = _standing(facilityId, key);
        if (!reason.manual) revert Conflict("a rule's reason");
        if (reason.role != role) revert Forbidden(msg.sender);

        _clear(facilityId, index);
    }

    function approveUnfreeze(bytes32 commandId, bytes32 facilityId, bytes32 key, uint64 openingSequence) external {
        Facility storage f = _known(facilityId);
        uint8 role = _requireRole(f.terms);
        _once(commandId);
        (, Reason storage reason) = _standing(facilityId, key);
        (uint32 clean, uint32 cure, uint64 cleanSince, uint256 approvers) = _reversalOf(facilityId, reason);
        if (approvers & (1 << role) == 0) revert Forbidden(msg.sender);
        if (openingSequence != reason.openingSequence) revert Conflict("another opening stands");
        if (clean < cure) revert NotClean(clean, cure);

        Approvals storage approvals = _approvals[facilityId][key];
        if (approvals.opening != openingSequence || approvals.cleanSince != cleanSince) approvals.roles = 0;
        approvals.opening = openingSequence;
        approvals.cleanSince = cleanSince;
        approvals.roles |= 1 << role;
        emit UnfreezeApproved(facilityId, key, openingSequence, role);
    }

    function unfreeze(bytes32 commandId, bytes32 facilityId, bytes32 key) external {
        Facility storage f = _known(facilityId);
        if (msg.sender != f.terms.borrower) _requireRole(f.terms);
        _once(commandId);
        (uint256 index, Reason storage reason) = _standing(facilityId, key);
        (uint32 clean, uint32 cure, uint64 cleanSince, uint256 approvers) = _reversalOf(facilityId, reason);
        if (clean < cure) revert NotClean(clean, cure);
        _requireQuantity(f.terms);
        uint256 missing = approvers & ~_approved(facilityId, reason, cleanSince);
        if (missing != 0) revert ApprovalMissing(missing);

        delete _approvals[facilityId][key];
        _clear(facilityId, index);
    }

    function startClosing(bytes32 commandId, bytes32 facilityId) external {
        Facility storage f = _known(facilityId);
        _requirePrincipalParty(f.terms);
        _once(commandId);
        if (f.state != State.Active) revert FacilityNotActive(facilityId, uint8(f.state));
        if (_accrued(facilityId, f.terms).owed() > 0) revert Conflict("debt");

        _enter(f, State.Closing);
        emit ClosingStarted(facilityId);
    }

    function close(bytes32 commandId, bytes32 facilityId) external {
        Facility storage f = _known(facilityId);
        _requirePrincipalParty(f.terms);
        _once(commandId);
        if (f.state != State.Closing) revert Conflict("not closing");
        if (!Collateral.released(feed, f.terms.lienSubject)) revert ClosingUnreleased(facilityId);

        _enter(f, State.Closed);
        delete facilityOfLien[f.terms.lienSubject];
        emit FacilityClosed(facilityId);
        ruleBook.unbind(facilityId);
        _endConflicts(f.terms);
    }

    function openReason(bytes32 facilityId, bytes32 ruleId, uint32 version, bytes32 subject, uint64 sequence)
        external
    {
        if (msg.sender != address(ruleBook)) revert Forbidden(msg.sender);
        bytes32 key = keccak256(abi.encode(ruleId, version, subject));
        (bool stands, uint256 index) = _find(facilityId, key);
        uint64 nowS = uint64(block.timestamp);
        if (stands) {
            Reason storage reason = _reasons[facilityId][index];
            reason.openingSequence = sequence;
            reason.openedAt = nowS;
            emit FreezeReopened(facilityId, key, sequence);
        } else {
            _reasons[facilityId].push(
                Reason({
                    key: key,
                    manual: false,
                    cause: ruleId,
                    version: version,
                    subject: subject,
                    openingSequence: sequence,
                    role: 0,
                    since: nowS,
                    openedAt: nowS
                })
            );
            emit FreezeOpened(facilityId, key, ruleId, version, subject, sequence, 0);
        }
    }

    function facility(bytes32 facilityId) external view returns (Facility memory) {
        return _known(facilityId);
    }

    function position(bytes32 facilityId) external view returns (Position memory p) {
        Facility storage f = _known(facilityId);
        Interest.Debt memory debt = _accrued(facilityId, f.terms);
        p.principalMinor = debt.principalMinor;
        p.interestMinor = debt.interestMinor;
        p.feesMinor = debt.feesMinor;
        p.interestFraction = debt.fraction;
        p.debtMinor = debt.owed();
        p.accruedDay = debt.accruedDay;
        p.limitMinor = Collateral.limit(feed, f.terms);
        p.standingReasons = _reasons[facilityId].length;
        bool open = f.state == State.Active && block.timestamp < f.terms.maturityS && p.standingReasons == 0;
        p.headroomMinor = open ? _headroom(f.terms, p.debtMinor) : 0;
    }

    function reasons(bytes32 facilityId) external view returns (Reason[] memory) {
        _known(facilityId);
        return _reasons[facilityId];
    }

    function reversal(bytes32 facilityId, bytes32 key) external view returns (Reversal memory r) {
        Facility storage f = _known(facilityId);
        (, Reason storage reason) = _standing(facilityId, key);
        uint64 cleanSince;
        (r.cleanWindows, r.cureWindows, cleanSince, r.requiredRoles) = _reversalOf(facilityId, reason);
        r.openingSequence = reason.openingSequence;
        r.approvedRoles = _approved(facilityId, reason, cleanSince);
        r.fresh = Collateral.quantity(feed, f.terms).fresh;
    }

    function blockers(bytes32 facilityId) external view returns (string[] memory codes) {
        Facility storage f = _known(facilityId);
        Terms storage terms = f.terms;
        bool fresh = Collateral.quantity(feed, terms).fresh;
        bool pledged = Collateral.lien(feed, terms).fresh;
        bool priced = Collateral.price(feed, terms).fresh;
        bool spent = fresh && pledged && priced && _headroom(terms, _accrued(facilityId, terms).owed()) == 0;
        string[9] memory all;
        uint256 n;
        if (f.state != State.Active) all[n++] = "facility_not_active";
        if (block.timestamp >= terms.maturityS) all[n++] = "facility_matured";
        if (_reasons[facilityId].length > 0) all[n++] = "facility_frozen";
        if (!fresh) all[n++] = "attestation_stale";
        if (!pledged) all[n++] = "lien_missing";
        if (!priced) all[n++] = "price_stale";
        if (spent) all[n++] = "limit_exceeded";
        if (_funds(terms.lender) == 0) all[n++] = "insufficient_funds";
        if (!token.isListed(terms.lender) || !token.isListed(terms.borrower)) all[n++] = "forbidden";
        codes = new string[](n);
        for (uint256 i = 0; i < n; i++) codes[i] = all[i];
    }

    function _requireSound(bytes32 facilityId, Terms calldata t) private view {
        if (facilityId == 0) revert Malformed("facilityId");
        if (t.borrower == address(0) || t.borrower == t.lender) revert Malformed("borrower");
        if (t.insurer == t.lender || t.insurer == t.borrower) revert Malformed("insurer");
        if (t.insurer != address(0) && !_holds(Roles.INSURER, t.insurer)) revert Malformed("insurer");
        if (t.borrowerOrganisation == 0 || t.storingOrganisation == 0) revert Malformed("organisation");
        if (t.quantitySubject == 0 || t.lienSubject == 0 || t.priceSubject == 0) revert Malformed("subject");
        if (t.quantityIndicator == 0 || t.priceIndicator == 0) revert Malformed("indicator");
        if (t.quantityPerPriceUnit == 0) revert Malformed("quantityPerPriceUnit");
        if (t.receiptQuantity == 0) revert Malformed("receiptQuantity");
        if (t.minQualityBp > BP) revert Malformed("minQualityBp");
        if (t.advanceRateBp == 0 || t.advanceRateBp > BP) revert Malformed("advanceRateBp");
        if (t.rateBp > BP) revert Malformed("rateBp");
        if (t.dayOffsetS >= DAY_S) revert Malformed("dayOffsetS");
        if (t.lineMinor == 0) revert Malformed("lineMinor");
        if (t.quantityMaxAgeS == 0 || t.lienMaxAgeS == 0 || t.priceMaxAgeS == 0) revert Malformed("maxAgeS");
        if (t.maturityS <= block.timestamp) revert Malformed("maturityS");
        // A freeze that names an approver who does not exist could never be undone.
        bool insurerNeeded = ruleBook.approverRolesOf(t.rulePack) & (1 << Roles.INSURER) != 0;
        if (insurerNeeded && t.insurer == address(0)) revert Malformed("insurer");
    }

    function _requireLender(Facility storage f) private view {
        if (msg.sender != f.terms.lender) revert Forbidden(msg.sender);
    }

    function _requirePrincipalParty(Terms storage terms) private view {
        if (msg.sender != terms.lender && msg.sender != terms.borrower) revert Forbidden(msg.sender);
    }

    /// @dev One address speaks in one role, so it never approves twice.
    function _requireRole(Terms storage terms) private view returns (uint8) {
        if (msg.sender == terms.lender) return uint8(Roles.BANK);
        if (msg.sender == terms.insurer && _holds(Roles.INSURER, msg.sender)) return uint8(Roles.INSURER);
        if (msg.sender != terms.borrower && _holds(Roles.REGULATOR, msg.sender)) return uint8(Roles.REGULATOR);
        revert Forbidden(msg.sender);
    }

    function _requireBeforeMaturity(bytes32 facilityId, uint64 maturityS) private view {
        if (block.timestamp >= maturityS) revert FacilityMatured(facilityId, maturityS);
    }

    function _requireQuantity(Terms storage terms) private view {
        Collateral.Reading memory reading = Collateral.quantity(feed, terms);
        if (!reading.fresh) revert AttestationStale(terms.quantitySubject, reading.observedAt);
    }

    function _requireLien(Terms storage terms) private view {
        Collateral.Reading memory reading = Collateral.lien(feed, terms);
        if (!reading.fresh) revert LienMissing(terms.lienSubject, reading.observedAt);
    }

    function _requirePrice(Terms storage terms) private view {
        Collateral.Reading memory reading = Collateral.price(feed, terms);
        if (!reading.fresh) revert PriceStale(terms.priceSubject, reading.observedAt);
    }

    function _requireRoomByHand(bytes32 facilityId, uint8 role) private view {
        uint256 held;
        for (uint256 i = 0; i < _reasons[facilityId].length; i++) {
            if (_reasons[facilityId][i].role == role) held++;
        }
        if (held == ROLE_REASONS_MAX) revert TooLarge("manual reasons", held + 1, ROLE_REASONS_MAX);
    }

    function _known(bytes32 facilityId) private view returns (Facility storage f) {
        f = _facilities[facilityId];
        if (f.state == State.None) revert NotFound(facilityId);
    }

    function _find(bytes32 facilityId, bytes32 key) private view returns (bool, uint256) {
        Reason[] storage list = _reasons[facilityId];
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i].key == key) return (true, i);
        }
        return (false, 0);
    }

    function _standing(bytes32 facilityId, bytes32 key) private view returns (uint256 index, Reason storage reason) {
        bool stands;
        (stands, index) = _find(facilityId, key);
        if (!stands) revert NotFound(key);
        reason = _reasons[facilityId][index];
    }

    function _reversalOf(bytes32 facilityId, Reason storage reason)
        private
        view
        returns (uint32 clean, uint32 cureWindows, uint64 cleanSince, uint256 approvers)
    {
        if (reason.manual) revert Conflict("set by hand");
        return ruleBook.reversal(facilityId, reason.cause);
    }

    function _approved(bytes32 facilityId, Reason storage reason, uint64 cleanSince) private view returns (uint256) {
        Approvals storage approvals = _approvals[facilityId][reason.key];
        bool counts = approvals.opening == reason.openingSequence && approvals.cleanSince == cleanSince;
        return counts ? approvals.roles : 0;
    }

    function _accrued(bytes32 facilityId, Terms storage terms) private view returns (Interest.Debt memory) {
        uint64 today = Interest.businessDay(block.timestamp, terms.dayOffsetS);
        return _debts[facilityId].accruedTo(today, terms.rateBp);
    }

    function _headroom(Terms storage terms, uint256 owed) private view returns (uint256) {
        uint256 limit = Collateral.limit(feed, terms);
        uint256 taken = owed + terms.drawFeeMinor;
        return limit > taken ? limit - taken : 0;
    }

    function _funds(address lender) private view returns (uint256) {
        uint256 balance = token.balanceOf(lender);
        uint256 allowance = token.allowance(lender, address(this));
        return balance < allowance ? balance : allowance;
    }

    /// @dev The caller writes what is returned, after its own change to it.
    function _accrue(bytes32 facilityId, Terms storage terms) private returns (Interest.Debt memory debt) {
        Interest.Debt storage booked = _debts[facilityId];
        debt = _accrued(facilityId, terms);
        if (debt.principalMinor == 0 || debt.accruedDay == booked.accruedDay) return debt;
        emit InterestAccrued(facilityId, debt.interestMinor - booked.interestMinor, debt.accruedDay);
    }

    function _changeLine(bytes32 facilityId, Facility storage f, uint128 lineMinor) private {
        if (f.state != State.Proposed && f.state != State.Active) revert Conflict("closing or closed");
        uint128 before = f.terms.lineMinor;
        f.terms.lineMinor = lineMinor;
        emit LineChanged(facilityId, before, lineMinor);
    }

    function _enter(Facility storage f, State state) private {
        f.state = state;
        f.since = uint64(block.timestamp);
    }

    function _clear(bytes32 facilityId, uint256 index) private {
        Reason[] storage list = _reasons[facilityId];
        bytes32 key = list[index].key;
        uint64 opening = list[index].openingSequence;
        list[index] = list[list.length - 1];
        list.pop();
        emit FreezeCleared(facilityId, key, opening, list.length);
    }

    function _endConflicts(Terms storage terms) private {
        feed.endConflict(terms.quantitySubject, terms.borrowerOrganisation);
        feed.endConflict(terms.quantitySubject, terms.storingOrganisation);
        feed.endConflict(terms.lienSubject, terms.borrowerOrganisation);
        feed.endConflict(terms.lienSubject, terms.storingOrganisation);
    }
}
