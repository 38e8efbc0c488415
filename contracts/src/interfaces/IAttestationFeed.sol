// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProblems} from "./IProblems.sol";

/// @title The attestation feed: the latest word of the committee on each subject
/// @notice Anyone relays; authority is in the signatures. What is accepted is stored and, in the same transaction,
/// handed to the rule book: a freeze is on chain the moment its cause is.
/// @dev Invariants: per subject and kind the sequence never falls; a value is only refreshed by an ok indicator of
/// its own kind; an alarm refreshes nothing.
interface IAttestationFeed is IProblems {
    /// @notice One figure that an attestation states.
    /// @param id keccak256 of the indicator's name with its unit suffix, e.g. `quantity_g`.
    /// @param value In the unit of the name; meaningless unless the status is ok.
    /// @param qualityBp 0 to 10000.
    /// @param status 0 ok, 1 missing, 2 suspect.
    struct Indicator {
        bytes32 id;
        int128 value;
        uint16 qualityBp;
        uint8 status;
    }

    /// @notice What the oracle says; the EIP-712 struct of the formats. Times in seconds.
    /// @param consortiumId 32 bytes that are of this consortium alone.
    /// @param epoch Of the committee whose members signed.
    /// @param subject keccak256 of `wuxin/1/<kind>/<id>`.
    /// @param kind 0 scheduled, 1 alarm, 2 lien, 3 price.
    /// @param sequence windowIndex * 2^16 + n; n = 65535 for scheduled.
    /// @param windowStart First second of what it is about; of a price when the price was made.
    /// @param windowEnd Second after the last; of another kind than scheduled the time that it is about.
    /// @param profile SHA-256 of the profile by which the indicators were computed.
    /// @param packRoot RFC 9162 head over the sorted digests of the packs that it cites.
    /// @param packCount Number of packs that it cites.
    /// @param lateCount Number of packs that came after their window was attested.
    /// @param indicators Strictly ascending by id, at most 16.
    struct Attestation {
        bytes32 consortiumId;
        uint64 epoch;
        bytes32 subject;
        uint8 kind;
        uint64 sequence;
        uint64 windowStart;
        uint64 windowEnd;
        bytes32 profile;
        bytes32 packRoot;
        uint32 packCount;
        uint32 lateCount;
        Indicator[] indicators;
    }

    /// @notice The latest value of one indicator.
    /// @param value Last ok value; meaningless while observedAt is zero.
    /// @param qualityBp Quality of that value.
    /// @param status Status of the newest attestation of the indicator, which may be newer than the value; but a
    /// suspect one stays suspect until an ok one, whatever is missing in between.
    /// @param observedAt When the last ok value held: windowEnd, but of a price windowStart, when it was made; zero if
    /// there was none. A missing or suspect one leaves it, so the value ages; a suspect one also shows in `status`.
    /// @param sequence Sequence of the newest attestation of the indicator.
    struct Latest {
        int128 value;
        uint16 qualityBp;
        uint8 status;
        uint64 observedAt;
        uint64 sequence;
    }

    /// @notice The last accepted attestation of a subject and kind.
    /// @param sequence Its sequence.
    /// @param windowEnd Its window's end, in seconds.
    /// @param digest What its members signed.
    struct Head {
        uint64 sequence;
        uint64 windowEnd;
        bytes32 digest;
    }

    /// @notice A registered profile: where it may be used, and how it cuts time.
    /// @param kinds Bits of the kinds it may appear in: 1 << kind. Zero: not registered, or withdrawn.
    /// @param windowS Window length in seconds.
    /// @param dayOffsetS Seconds added to UTC before windows are cut.
    struct Profile {
        uint8 kinds;
        uint32 windowS;
        uint32 dayOffsetS;
    }

    /// @notice An attestation was verified, stored and applied.
    event AttestationAccepted(bytes32 indexed digest, bytes32 indexed subject, uint8 kind, uint64 sequence);
    /// @notice A profile may be used for these kinds; zero kinds withdraws it.
    event ProfileRegistered(bytes32 indexed profile, uint8 kinds, uint32 windowS, uint32 dayOffsetS);
    /// @notice Signatures of this organisation, member or not yet, no longer count for the subject.
    event ConflictDeclared(bytes32 indexed subject, bytes32 indexed organisation);
    /// @notice The last facility that made this organisation conflicted for the subject is closed.
    event ConflictEnded(bytes32 indexed subject, bytes32 indexed organisation);
    /// @notice The two contracts that the feed serves were named, once and for ever.
    event Connected(address ruleBook, address facility);

    /// @notice Accepts an attestation with at least k countable signatures. Anyone may call it.
    /// @dev The same sequence with the same digest is accepted with no effect and no event, whoever signed it.
    /// Reverts: Malformed (consortium, kind, window or sequence not matching the profile's cut, indicators not
    /// strictly ascending, status, quality), TooLarge (more than 16 indicators), ClockSkew (windowEnd more than 60 s
    /// ahead), WrongEpoch (epoch not in force at windowEnd), ProfileMismatch, Equivocation, SequenceRegressed, and
    /// what IOracleCommittee.verify reverts with.
    /// The window index of the sequence must be floor((t + dayOffsetS) / windowS) of the profile for t = windowStart
    /// when scheduled, and for some t in [windowStart, windowEnd] otherwise. A scheduled window is exactly one window.
    /// @return stored False when it was already there.
    function submit(Attestation calldata attestation, bytes[] calldata signatures) external returns (bool stored);

    /// @notice Registers or withdraws (kinds = 0) a profile. Restricted (regulator).
    /// @dev All profiles cut time alike: a sequence holds the window's index, and under longer windows indices would
    /// fall behind those already accepted. Reverts: Forbidden, CommandRepeated, Malformed (zero profile or window,
    /// unknown kind bit), Conflict (window or offset not those of the first profile).
    function registerProfile(bytes32 commandId, bytes32 profile, uint8 kinds, uint32 windowS, uint32 dayOffsetS)
        external;

    /// @notice Names the rule book and the facility. Restricted (admin), once.
    function connect(address ruleBook, address facility) external;

    /// @notice Called by the facility when it is proposed: the organisation has an interest in the subject.
    /// @dev Reverts: Forbidden, Conflict (fewer members than the latest committee's threshold would still count).
    function declareConflict(bytes32 subject, bytes32 organisation) external;

    /// @notice Called by the facility when it is withdrawn or closed.
    function endConflict(bytes32 subject, bytes32 organisation) external;

    /// @notice The latest value of an indicator within one kind: a price never refreshes a quantity. Zeros if none.
    function latest(bytes32 subject, uint8 kind, bytes32 indicator) external view returns (Latest memory);

    /// @notice The last accepted attestation of a subject and kind. Zeros if none.
    function head(bytes32 subject, uint8 kind) external view returns (Head memory);

    /// @notice A registered profile. Zeros if none.
    function profile(bytes32 hash) external view returns (Profile memory);

    /// @notice Organisations of the latest committee whose signatures do not count for the subject, in its order.
    function conflicted(bytes32 subject) external view returns (bytes32[] memory);

    /// @notice Index of the window in which `t` (seconds) lies, as sequences hold it. Reverts Conflict (no profile).
    function windowAt(uint64 t) external view returns (uint64);

    /// @notice The digest that members sign: keccak256(0x1901 ‖ domainSeparator ‖ structHash).
    function digestOf(Attestation calldata attestation) external view returns (bytes32);
}
