// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "./IAttestationFeed.sol";
import {IProblems} from "./IProblems.sol";

/// @title The rule book: what follows from an indicator, as data
/// @notice Rules arrive in packs, and a pack never changes. A facility names the hash of its pack. For every
/// scheduled or alarm attestation of the facility's quantity subject each rule of its pack is evaluated.
/// @dev State per (rule, facility): last window, count, clean. A met window adds one to count and zeroes clean, an
/// unmet one zeroes count and adds one to clean. Windows skipped, or attested as missing or suspect, zero clean and
/// leave count (hold), leave it and tell (alarm), or are added to it (breach). Windows are due
/// from the one in which the facility became active. Count at `windows` acts. An alarm acts at once when `windows` is
/// 1, zeroes clean when met, and never adds to clean or count.
interface IRuleBook is IProblems {
    /// @notice One comparison of an indicator with a constant.
    /// @param indicator Indicator id.
    /// @param comparator 0 <, 1 <=, 2 >, 3 >=, 4 ==, 5 !=.
    /// @param threshold In the unit of the indicator's name.
    /// @param minQualityBp Below this quality an unmet condition counts as missing. A met one counts at any quality,
    /// since every executable action tightens.
    struct Condition {
        bytes32 indicator;
        uint8 comparator;
        int128 threshold;
        uint16 minQualityBp;
    }

    /// @notice What follows when a rule acts.
    /// @param action 1 change_limit, 2 change_rate, 3 change_premium, 4 change_coverage, 5 freeze_limit,
    /// 6 freeze_linked_orders, 7 pause_repayment, 8 waive_fee, 9 suggest_reschedule, 10 release_payable_financing,
    /// 11 release_limit_for_purpose, 12 notify_insurer, 13 open_claim, 14 notify_regulator, 15 manual_review,
    /// 16 maintenance_ticket, 17 block_transfer, 18 revalue, 19 split_loss, 20 trip_circuit_breaker,
    /// 21 reject_payment. Executable: 5. Any other is refused when the pack is loaded.
    /// @param unit 0 none, 1 pp, 2 bp, 3 relative_percent, 4 relative_bp, 5 minor.
    /// @param amount In `unit`; zero with unit none.
    /// @param cap Largest total effect of the stack group, in `unit`; zero with unit none.
    /// @param stackGroup Actions of one group share one cap; zero: none.
    /// @param purpose keccak256 of the purpose; zero: none.
    struct Action {
        uint8 action;
        uint8 unit;
        int128 amount;
        int128 cap;
        bytes32 stackGroup;
        bytes32 purpose;
    }

    /// @notice A rule: when it acts, and what undoes it.
    /// @param id keccak256 of the rule's id text.
    /// @param version From 1.
    /// @param matchAny False: all conditions must hold within a window; true: any.
    /// @param windows Consecutive met windows before it acts, from 1.
    /// @param onMissing 0 hold, 1 alarm, 2 breach.
    /// @param cureWindows Consecutive clean scheduled windows that the reversal needs, from 1.
    /// @param approverRoles Bits 1 << role (1 bank, 2 insurer, 3 regulator) that must approve the reversal.
    /// @param conditions One to four.
    /// @param actions One to four.
    struct Rule {
        bytes32 id;
        uint32 version;
        bool matchAny;
        uint16 windows;
        uint8 onMissing;
        uint16 cureWindows;
        uint256 approverRoles;
        Condition[] conditions;
        Action[] actions;
    }

    /// @notice How far one rule of one facility is.
    /// @param started False until the first scheduled window since the facility became active.
    /// @param lastWindow Index of the last scheduled window.
    /// @param lastBreachWindow Index of the last window that broke the rule; it and earlier ones are never clean.
    /// @param count Consecutive met (and, under breach, missing) windows.
    /// @param clean Consecutive unmet scheduled windows since.
    /// @param cleanSinceSequence Sequence of the first window of the present clean run; zero while clean is zero.
    struct RuleState {
        bool started;
        uint64 lastWindow;
        uint64 lastBreachWindow;
        uint32 count;
        uint32 clean;
        uint64 cleanSinceSequence;
    }

    /// @notice A pack was loaded.
    event PackLoaded(bytes32 indexed packHash, bytes32 rulesDigest, uint256 rules);
    /// @notice A facility's rules now follow its quantity subject.
    event FacilityBound(bytes32 indexed facilityId, bytes32 indexed subject, bytes32 indexed packHash);
    /// @notice A facility's rules no longer follow its subject.
    event FacilityUnbound(bytes32 indexed facilityId, bytes32 indexed subject);
    /// @notice A rule was met often enough and its actions were taken.
    event RuleBreached(
        bytes32 indexed facilityId, bytes32 indexed ruleId, uint32 version, bytes32 subject, uint64 sequence
    );
    /// @notice A rule that tells about missing data (on_missing alarm) met `windows` windows without data.
    event DataMissed(bytes32 indexed facilityId, bytes32 indexed ruleId, uint64 sequence, uint64 windows);
    /// @notice The two contracts that the rule book serves were named, once and for ever.
    event Connected(address feed, address facility);

    /// @notice Loads a pack. Restricted (bank).
    /// @dev The hash cannot be recomputed here (it is over JSON); `rulesDigest` = keccak256(abi.encode(rules)) lets
    /// anyone compare what was loaded with what the JSON says, and a lender compares before naming the hash.
    /// Reverts: Forbidden, CommandRepeated, Conflict (loaded before), Malformed, TooLarge (more than 8 rules, 4
    /// conditions, 4 actions), UnsupportedAction.
    /// @param packHash SHA-256 of the pack's canonical JSON.
    function loadPack(bytes32 commandId, bytes32 packHash, Rule[] calldata rules) external;

    /// @notice Names the feed and the facility. Restricted (admin), once.
    function connect(address feed, address facility) external;

    /// @notice Called by the feed with a verified scheduled or alarm attestation.
    function onAttestation(IAttestationFeed.Attestation calldata attestation) external;

    /// @notice Called by the facility at activation. Reverts: Forbidden, TooLarge (more than 8 facilities on one
    /// subject), NotFound (pack).
    function bind(bytes32 facilityId, bytes32 subject, bytes32 packHash) external;

    /// @notice Called by the facility when it is closed.
    function unbind(bytes32 facilityId) external;

    /// @notice The rules of a pack. Reverts NotFound.
    function rules(bytes32 packHash) external view returns (Rule[] memory);

    /// @notice keccak256(abi.encode(rules)) of a loaded pack; zero if not loaded.
    function rulesDigest(bytes32 packHash) external view returns (bytes32);

    /// @notice Bits of all roles that some rule of a loaded pack wants as approvers. Reverts NotFound.
    function approverRolesOf(bytes32 packHash) external view returns (uint256);

    /// @notice State of one rule for one facility. Zeros if never evaluated.
    function ruleState(bytes32 facilityId, bytes32 ruleId) external view returns (RuleState memory);

    /// @notice What undoing the rule needs, and how far it is. Reverts NotFound.
    /// @return clean Clean scheduled windows since the last breach or gap.
    /// @return cureWindows The number needed.
    /// @return cleanSinceSequence Names the present clean run; zero while there is none.
    /// @return approverRoles Bits of the roles that must approve.
    function reversal(bytes32 facilityId, bytes32 ruleId)
        external
        view
        returns (uint32 clean, uint32 cureWindows, uint64 cleanSinceSequence, uint256 approverRoles);

    /// @notice Facilities whose rules follow this subject.
    function boundFacilities(bytes32 subject) external view returns (bytes32[] memory);
}
