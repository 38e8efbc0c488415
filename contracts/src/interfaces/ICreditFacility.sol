// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProblems} from "./IProblems.sol";

/// @title The credit facilities: lending against what is attested
/// @notice A facility goes proposed → active → closing → closed (or proposed → closed when withdrawn). Its limit is
/// min(line, advance rate × min(attested quantity, pledged receipt, terms) × price), rounded down; it is computed when
/// asked, never stored. Amounts are minor units of the deposit token, times are seconds.
/// @dev Invariants: no debt grows by a draw while any reason stands, or without fresh quantity, lien and price, or
/// above the limit; interest that accrued is paid or still owed, never dropped; while there is debt a repayment by a
/// solvent payer, the lender apart, succeeds in every state; a reason leaves only by the way that fits how it came.
/// Each action: parse, require, compute, write, emit; deposits move last.
interface ICreditFacility is IProblems {
    /// @notice Where a facility is in its life; None: no such facility.
    enum State {
        None,
        Proposed,
        Active,
        Closing,
        Closed
    }

    /// @notice What lender and borrower agreed. Fixed, but for the line.
    /// @param lender Proposes, funds and is repaid; must hold the bank role and be the proposer.
    /// @param borrower The only one who draws: its first draw is its consent.
    /// @param insurer Approves and freezes as insurer; zero: none.
    /// @param borrowerOrganisation keccak256 of the name; its oracle signatures do not count for quantity and lien.
    /// @param storingOrganisation keccak256 of the name of who keeps the goods; likewise.
    /// @param quantitySubject Kind `slot`. Read from scheduled attestations.
    /// @param lienSubject Kind `pledge`; one open facility per lien. Indicators `lien_active`, `receipt_quantity_g`.
    /// @param priceSubject Kind `commodity`.
    /// @param quantityIndicator E.g. keccak256(`quantity_g`).
    /// @param priceIndicator E.g. keccak256(`price_minor_per_t`).
    /// @param quantityPerPriceUnit Quantity units in one priced unit: 1000000 for grams priced by the tonne.
    /// @param receiptQuantity Most that is lent against, in quantity units, whatever is attested.
    /// @param minQualityBp A quantity of lower quality counts as stale.
    /// @param advanceRateBp 1 to 10000.
    /// @param rateBp Simple interest per year of 360 days, at most 10000.
    /// @param dayOffsetS Seconds added to UTC before business days are cut.
    /// @param lineMinor Most that may be owed after a draw.
    /// @param drawFeeMinor Fee added to the debt with each draw.
    /// @param quantityMaxAgeS Age from which a quantity is stale.
    /// @param lienMaxAgeS Age from which an attested lien no longer stands.
    /// @param priceMaxAgeS Age from which a price is stale.
    /// @param maturityS No draw at or after it.
    /// @param rulePack SHA-256 of the rule pack's canonical JSON.
    struct Terms {
        address lender;
        address borrower;
        address insurer;
        bytes32 borrowerOrganisation;
        bytes32 storingOrganisation;
        bytes32 quantitySubject;
        bytes32 lienSubject;
        bytes32 priceSubject;
        bytes32 quantityIndicator;
        bytes32 priceIndicator;
        uint64 quantityPerPriceUnit;
        uint96 receiptQuantity;
        uint16 minQualityBp;
        uint16 advanceRateBp;
        uint16 rateBp;
        uint32 dayOffsetS;
        uint128 lineMinor;
        uint128 drawFeeMinor;
        uint32 quantityMaxAgeS;
        uint32 lienMaxAgeS;
        uint32 priceMaxAgeS;
        uint64 maturityS;
        bytes32 rulePack;
    }

    /// @notice A facility as it is stored.
    /// @param state Where it is in its life.
    /// @param since When the present state began.
    /// @param terms What was agreed.
    struct Facility {
        State state;
        uint64 since;
        Terms terms;
    }

    /// @notice Where a facility stands, with interest up to now.
    /// @param principalMinor Drawn and not repaid.
    /// @param interestMinor Booked interest, in whole minor units.
    /// @param feesMinor Fees of draws that are not paid.
    /// @param debtMinor fees + interest + principal, a fraction of a minor unit rounded up.
    /// @param interestFraction Remainder carried, in 1/3600000 minor units.
    /// @param accruedDay Business day up to which interest is in these figures.
    /// @param limitMinor Zero unless quantity, lien and price are fresh.
    /// @param headroomMinor The largest draw allowed now, its fee already taken off; zero when anything blocks.
    /// @param standingReasons Number of freeze reasons; zero: not frozen.
    struct Position {
        uint256 principalMinor;
        uint256 interestMinor;
        uint256 feesMinor;
        uint256 interestFraction;
        uint256 debtMinor;
        uint64 accruedDay;
        uint256 limitMinor;
        uint256 headroomMinor;
        uint256 standingReasons;
    }

    /// @notice One cause of a freeze.
    /// @param key Rule: keccak256(abi.encode(ruleId, version, subject)). Manual: keccak256(abi.encode(role, cause)).
    /// @param manual False: opened by a rule; true: by hand.
    /// @param cause Rule id, or the code that was given by hand.
    /// @param version Rule version; zero by hand.
    /// @param subject Quantity subject; zero by hand.
    /// @param openingSequence Sequence of the attestation of the last breach; by hand a running number.
    /// @param role Role that froze by hand: 1 bank, 2 insurer, 3 regulator; zero for a rule.
    /// @param since When the reason began to stand; a reopening leaves it.
    /// @param openedAt When the present opening happened.
    struct Reason {
        bytes32 key;
        bool manual;
        bytes32 cause;
        uint32 version;
        bytes32 subject;
        uint64 openingSequence;
        uint8 role;
        uint64 since;
        uint64 openedAt;
    }

    /// @notice How far the undoing of a rule's reason is.
    /// @param openingSequence The opening that stands.
    /// @param cleanWindows Clean scheduled windows in a row since.
    /// @param cureWindows The number that the rule asks for.
    /// @param approvedRoles Bits (1 << role) of the approvals that count for the present opening and clean run.
    /// @param requiredRoles Bits that the rule names.
    /// @param fresh Whether the quantity is fresh.
    struct Reversal {
        uint64 openingSequence;
        uint32 cleanWindows;
        uint32 cureWindows;
        uint256 approvedRoles;
        uint256 requiredRoles;
        bool fresh;
    }

    /// @notice A lender proposed a facility over a lien; its terms are read by `facility`.
    event FacilityProposed(
        bytes32 indexed facilityId, address indexed lender, address indexed borrower, bytes32 lienSubject, uint128 lineMinor
    );
    /// @notice A proposal was withdrawn: the facility is closed.
    event FacilityWithdrawn(bytes32 indexed facilityId);
    /// @notice The borrower may draw from now on.
    event FacilityActivated(bytes32 indexed facilityId);
    /// @notice The lender lowered or raised the line.
    event LineChanged(bytes32 indexed facilityId, uint128 fromMinor, uint128 toMinor);
    /// @notice The borrower drew; `debtMinor` is all that is owed then, the fee of the draw in it.
    event Drawn(bytes32 indexed facilityId, uint256 amountMinor, uint256 feeMinor, uint256 debtMinor);
    /// @notice Interest up to a business day was booked: so many whole minor units; the fraction is carried.
    event InterestAccrued(bytes32 indexed facilityId, uint256 interestMinor, uint64 throughDay);
    /// @notice A payment was taken and split; `debtMinor` is all that is still owed.
    event Repaid(
        bytes32 indexed facilityId,
        address indexed payer,
        uint256 feesMinor,
        uint256 interestMinor,
        uint256 principalMinor,
        uint256 debtMinor
    );
    /// @notice A reason began to stand. `role` zero: by a rule.
    event FreezeOpened(
        bytes32 indexed facilityId,
        bytes32 indexed key,
        bytes32 cause,
        uint32 version,
        bytes32 subject,
        uint64 openingSequence,
        uint8 role
    );
    /// @notice A standing reason was breached again: earlier approvals are void.
    event FreezeReopened(bytes32 indexed facilityId, bytes32 indexed key, uint64 openingSequence);
    /// @notice A role approved the clearing of a reason, for one opening and the present run of clean windows.
    event UnfreezeApproved(bytes32 indexed facilityId, bytes32 indexed key, uint64 openingSequence, uint8 role);
    /// @notice A reason no longer stands. The facility is unfrozen when `remaining` is zero.
    event FreezeCleared(bytes32 indexed facilityId, bytes32 indexed key, uint64 openingSequence, uint256 remaining);
    /// @notice Nothing is owed and nothing is drawn any more; the pledge is to be released.
    event ClosingStarted(bytes32 indexed facilityId);
    /// @notice The release of the pledge is attested: the facility has ended.
    event FacilityClosed(bytes32 indexed facilityId);

    /// @notice The lender proposes. Its subjects become conflicted for the organisations that the terms name.
    /// @dev Reverts: Forbidden (no bank role, or not terms.lender), CommandRepeated, Conflict (id used), Malformed
    /// (a term), NotFound (rule pack), Conflict too when the named organisations would leave the latest committee
    /// with fewer members than its threshold whose signatures count for the quantity or the lien.
    /// @param facilityId keccak256 of `wuxin/1/facility/<id>`.
    function propose(bytes32 commandId, bytes32 facilityId, Terms calldata terms) external;

    /// @notice The lender withdraws a proposal. Reverts: NotFound, Forbidden, CommandRepeated, Conflict.
    function withdraw(bytes32 commandId, bytes32 facilityId) external;

    /// @notice The lender activates a proposal over an attested lien.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, Conflict (not proposed; lien backs another facility),
    /// FacilityMatured, LienMissing, TooLarge (subject backs 8 facilities).
    function activate(bytes32 commandId, bytes32 facilityId) external;

    /// @notice The lender lowers the line at once. Reverts: NotFound, Forbidden, CommandRepeated, Conflict, Malformed.
    function lowerLine(bytes32 commandId, bytes32 facilityId, uint128 lineMinor) external;

    /// @notice Raises the line. Restricted (line raiser, whose grant carries a delay: schedule it in the
    /// AccessManager first), and only the lender of this facility. Reverts: NotFound, Forbidden, CommandRepeated,
    /// Conflict, Malformed.
    function raiseLine(bytes32 commandId, bytes32 facilityId, uint128 lineMinor) external;

    /// @notice The borrower draws; deposits move from the lender (which gave the facility an allowance).
    /// @dev Reverts in this order: NotFound, Forbidden, CommandRepeated, Malformed (zero), FacilityNotActive,
    /// FacilityMatured, FacilityFrozen, AttestationStale, LienMissing, PriceStale, LimitExceeded, InsufficientFunds,
    /// Forbidden (lender or borrower not listed by the deposit token).
    function draw(bytes32 commandId, bytes32 facilityId, uint256 amountMinor) external;

    /// @notice Anyone but the lender repays with its own deposits: fees, then interest, then principal. More than the
    /// debt takes the debt only. Frozen, stale, without lien, matured or closing: all the same.
    /// @dev Reverts: NotFound, Forbidden (the lender: it would pay itself and only the debt would move),
    /// CommandRepeated, Malformed (zero), Conflict (no debt), InsufficientFunds.
    /// @return takenMinor What was taken.
    function repay(bytes32 commandId, bytes32 facilityId, uint256 amountMinor) external returns (uint256 takenMinor);

    /// @notice Books the interest up to today. Anyone, any time, no effect twice on a day. Reverts: NotFound.
    function accrue(bytes32 facilityId) external;

    /// @notice Freezes by hand: the lender as bank, the named insurer, or any regulator.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, Malformed (zero cause), Conflict (the role froze for this
    /// cause already, or closed), TooLarge (8 manual reasons of the role).
    /// @param cause A code of up to 32 bytes, or the hash of a document.
    function freeze(bytes32 commandId, bytes32 facilityId, bytes32 cause) external;

    /// @notice Lifts a manual reason. Only the role that set it.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, Conflict (a rule's reason).
    function lift(bytes32 commandId, bytes32 facilityId, bytes32 key) external;

    /// @notice Approves the clearing of a rule's reason, for one opening, after enough clean windows.
    /// @dev Void as soon as the rule is breached again or the clean run is broken. Reverts: NotFound, Forbidden (no
    /// role that the rule names), CommandRepeated, Conflict (manual reason, or another opening stands), NotClean.
    /// @param openingSequence The opening that the approver has looked at.
    function approveUnfreeze(bytes32 commandId, bytes32 facilityId, bytes32 key, uint64 openingSequence) external;

    /// @notice Clears a rule's reason. Any party: lender, borrower, insurer, regulator.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, Conflict (manual reason), NotClean, AttestationStale,
    /// ApprovalMissing.
    function unfreeze(bytes32 commandId, bytes32 facilityId, bytes32 key) external;

    /// @notice With no debt, lender or borrower ends all drawing for ever.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, FacilityNotActive, Conflict (debt).
    function startClosing(bytes32 commandId, bytes32 facilityId) external;

    /// @notice Once the release of the pledge is attested, lender or borrower closes.
    /// @dev Reverts: NotFound, Forbidden, CommandRepeated, Conflict (not closing), ClosingUnreleased (the newest lien
    /// attestation is missing, or says that it stands). A release that was attested before the closing began is one.
    function close(bytes32 commandId, bytes32 facilityId) external;

    /// @notice Called by the rule book: opens, or reopens, the reason of a rule.
    function openReason(bytes32 facilityId, bytes32 ruleId, uint32 version, bytes32 subject, uint64 sequence) external;

    /// @notice State and terms. Reverts NotFound.
    function facility(bytes32 facilityId) external view returns (Facility memory);

    /// @notice Debt, limit and headroom as of now. Reverts NotFound.
    function position(bytes32 facilityId) external view returns (Position memory);

    /// @notice The standing reasons. Empty: not frozen.
    function reasons(bytes32 facilityId) external view returns (Reason[] memory);

    /// @notice How far the undoing of a rule's reason is. Reverts: NotFound, Conflict (manual).
    function reversal(bytes32 facilityId, bytes32 key) external view returns (Reversal memory);

    /// @notice Codes of everything that would refuse a draw of one minor unit now, in the order of `draw`. Empty:
    /// drawable. Reverts NotFound.
    function blockers(bytes32 facilityId) external view returns (string[] memory codes);

    /// @notice The facility whose drawing this lien backs; zero if none.
    function facilityOfLien(bytes32 lienSubject) external view returns (bytes32);
}
