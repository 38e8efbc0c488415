// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttestationDigest} from "./AttestationDigest.sol";
import {Commanded} from "./Commanded.sol";
import {IAttestationFeed} from "./interfaces/IAttestationFeed.sol";
import {IOracleCommittee} from "./interfaces/IOracleCommittee.sol";
import {IRuleBook} from "./interfaces/IRuleBook.sol";

/// @title AttestationFeed
/// @dev What each function does, and what it refuses, stands in IAttestationFeed.
contract AttestationFeed is Commanded, IAttestationFeed {
    /// @dev Each indicator is a storage write and a pass of every rule.
    uint256 internal constant INDICATORS_MAX = 16;
    /// @dev Devices are held to seconds; a minute covers sealing and a slow clock.
    uint64 internal constant SKEW_S_MAX = 60;
    uint16 internal constant QUALITY_BP_MAX = 10_000;

    uint8 internal constant SCHEDULED = 0;
    uint8 internal constant ALARM = 1;
    uint8 internal constant PRICE = 3;
    uint8 internal constant KIND_MAX = PRICE;
    uint8 internal constant KINDS_ALL = 15;
    uint8 internal constant OK = 0;
    uint8 internal constant SUSPECT = 2;
    uint8 internal constant STATUS_MAX = SUSPECT;
    /// @dev n of a scheduled sequence: after every alarm of its window.
    uint64 internal constant SCHEDULED_N = 65_535;

    /// @dev How every profile cuts time into windows, once the first one was registered.
    struct Cut {
        uint32 windowS;
        uint32 dayOffsetS;
    }

    IOracleCommittee public immutable committee;
    IRuleBook public ruleBook;
    address public facility;
    Cut private _cut;

    mapping(bytes32 hash => Profile) private _profiles;
    mapping(bytes32 subject => mapping(uint8 kind => Head)) private _heads;
    mapping(bytes32 subject => mapping(uint8 kind => mapping(uint64 sequence => bytes32))) private _digests;
    mapping(bytes32 subject => mapping(uint8 kind => mapping(bytes32 indicator => Latest))) private _latest;
    mapping(bytes32 subject => mapping(bytes32 organisation => uint256 facilities)) private _interests;

    modifier onlyFacility() {
        if (msg.sender != facility) revert Forbidden(msg.sender);
        _;
    }

    constructor(address manager, IOracleCommittee committee_) Commanded(manager) {
        committee = committee_;
    }

    function submit(Attestation calldata a, bytes[] calldata signatures) external returns (bool) {
        _requireWellFormed(a);
        bytes32 digest = digestOf(a);
        bytes32 standing = _digests[a.subject][a.kind][a.sequence];
        if (standing == digest) return false;

        _requireInForce(a);
        committee.verify(a.epoch, digest, signatures, _conflictedIn(committee.committee(a.epoch), a.subject));
        if (standing != 0) revert Equivocation(standing);
        uint64 last = _heads[a.subject][a.kind].sequence;
        if (a.sequence <= last) revert SequenceRegressed(a.sequence, last);

        _digests[a.subject][a.kind][a.sequence] = digest;
        _heads[a.subject][a.kind] = Head(a.sequence, a.windowEnd, digest);
        if (a.kind != ALARM) _refresh(a);
        emit AttestationAccepted(digest, a.subject, a.kind, a.sequence);
        if (a.kind <= ALARM) ruleBook.onAttestation(a);
        return true;
    }

    function registerProfile(bytes32 commandId, bytes32 hash, uint8 kinds, uint32 windowS, uint32 dayOffsetS)
        external
        restricted
    {
        _once(commandId);
        if (hash == 0) revert Malformed("profile");
        if (kinds > KINDS_ALL) revert Malformed("kinds");
        if (windowS == 0) revert Malformed("windowS");
        if (_cut.windowS == 0) _cut = Cut(windowS, dayOffsetS);
        if (windowS != _cut.windowS || dayOffsetS != _cut.dayOffsetS) revert Conflict("windows are cut otherwise");
        _profiles[hash] = Profile(kinds, windowS, dayOffsetS);
        emit ProfileRegistered(hash, kinds, windowS, dayOffsetS);
    }

    function connect(address ruleBook_, address facility_) external restricted {
        if (facility != address(0)) revert Conflict("connected");
        if (ruleBook_ == address(0) || facility_ == address(0)) revert Malformed("address");
        ruleBook = IRuleBook(ruleBook_);
        facility = facility_;
        emit Connected(ruleBook_, facility_);
    }

    function declareConflict(bytes32 subject, bytes32 organisation) external onlyFacility {
        if (_interests[subject][organisation]++ > 0) return;
        _requireQuorumLeft(subject);
        emit ConflictDeclared(subject, organisation);
    }

    function endConflict(bytes32 subject, bytes32 organisation) external onlyFacility {
        if (--_interests[subject][organisation] > 0) return;
        emit ConflictEnded(subject, organisation);
    }

    function latest(bytes32 subject, uint8 kind, bytes32 indicator) external view returns (Latest memory) {
        return _latest[subject][kind][indicator];
    }

    function head(bytes32 subject, uint8 kind) external view returns (Head memory) {
        return _heads[subject][kind];
    }

    function profile(bytes32 hash) external view returns (Profile memory) {
        return _profiles[hash];
    }

    function conflicted(bytes32 subject) external view returns (bytes32[] memory) {
        uint64 epoch = committee.latestEpoch();
        return epoch == 0 ? new bytes32[](0) : _conflictedIn(committee.committee(epoch), subject);
    }

    function windowAt(uint64 t) external view returns (uint64) {
        if (_cut.windowS == 0) revert Conflict("no profile");
        return (t + _cut.dayOffsetS) / _cut.windowS;
    }

    function digestOf(Attestation calldata a) public view returns (bytes32) {
        return AttestationDigest.digestOf(a, committee.domainSeparator());
    }

    /// @dev A missing value leaves the last one to age; a suspect one also marks it, until an ok one: silence is no
    /// answer to a doubt. A price is as old as its making, or its heartbeat would keep it young for ever.
    function _refresh(Attestation calldata a) private {
        for (uint256 i = 0; i < a.indicators.length; i++) {
            Indicator calldata indicator = a.indicators[i];
            Latest storage value = _latest[a.subject][a.kind][indicator.id];
            if (indicator.status == OK || value.status != SUSPECT) value.status = indicator.status;
            value.sequence = a.sequence;
            if (indicator.status != OK) continue;
            value.value = indicator.value;
            value.qualityBp = indicator.qualityBp;
            value.observedAt = a.kind == PRICE ? a.windowStart : a.windowEnd;
        }
    }

    /// @dev Where too few members could still sign, nothing bad could be attested of the subject any more.
    function _requireQuorumLeft(bytes32 subject) private view {
        uint64 epoch = committee.latestEpoch();
        if (epoch == 0) return;
        IOracleCommittee.Committee memory latest_ = committee.committee(epoch);
        uint256 left = latest_.members.length - _conflictedIn(latest_, subject).length;
        if (left < latest_.threshold) revert Conflict("no quorum without an interest");
    }

    /// @dev Counted from the members, not from the interests: however many these are, the work is the committee's size.
    function _conflictedIn(IOracleCommittee.Committee memory committee_, bytes32 subject)
        private
        view
        returns (bytes32[] memory list)
    {
        mapping(bytes32 organisation => uint256 facilities) storage interests = _interests[subject];
        uint256 n;
        for (uint256 i = 0; i < committee_.members.length; i++) {
            if (interests[committee_.members[i].organisation] > 0) n++;
        }
        list = new bytes32[](n);
        if (n == 0) return list;
        for (uint256 i = committee_.members.length; i > 0; i--) {
            bytes32 organisation = committee_.members[i - 1].organisation;
            if (interests[organisation] > 0) list[--n] = organisation;
        }
    }

    function _requireWellFormed(Attestation calldata a) private view {
        if (a.consortiumId != committee.consortiumId()) revert Malformed("consortiumId");
        if (a.kind > KIND_MAX) revert Malformed("kind");
        if (a.windowEnd < a.windowStart) revert Malformed("windowEnd");
        if (a.windowEnd > block.timestamp + SKEW_S_MAX) revert ClockSkew(a.windowEnd, uint64(block.timestamp));
        if (a.indicators.length > INDICATORS_MAX) revert TooLarge("indicators", a.indicators.length, INDICATORS_MAX);
        bytes32 last;
        for (uint256 i = 0; i < a.indicators.length; i++) {
            Indicator calldata indicator = a.indicators[i];
            if (indicator.id <= last) revert Malformed("indicators not ascending by id");
            if (indicator.qualityBp > QUALITY_BP_MAX) revert Malformed("qualityBp");
            if (indicator.status > STATUS_MAX) revert Malformed("status");
            last = indicator.id;
        }
    }

    function _requireInForce(Attestation calldata a) private view {
        uint64 epoch = committee.epochAt(a.windowEnd);
        if (epoch == 0 || a.epoch != epoch) revert WrongEpoch(a.epoch, epoch);
        Profile memory profile_ = _profiles[a.profile];
        if (profile_.kinds & (1 << a.kind) == 0) revert ProfileMismatch(a.profile);
        _requireWindow(a, profile_);
    }

    /// @dev The rule book counts windows by the sequence alone, so the sequence must be cut from the window's times.
    function _requireWindow(Attestation calldata a, Profile memory profile_) private pure {
        uint64 window = a.sequence >> 16;
        uint64 first = (a.windowStart + profile_.dayOffsetS) / profile_.windowS;
        if (a.kind == SCHEDULED) {
            bool exact = (a.windowStart + profile_.dayOffsetS) % profile_.windowS == 0
                && a.windowEnd - a.windowStart == profile_.windowS;
            if (!exact) revert Malformed("window");
            if (a.sequence != (first << 16) + SCHEDULED_N) revert Malformed("sequence");
        } else {
            uint64 last = (a.windowEnd + profile_.dayOffsetS) / profile_.windowS;
            if (window < first || window > last) revert Malformed("sequence");
        }
    }
}
