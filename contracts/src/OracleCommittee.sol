// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Commanded} from "./Commanded.sol";
import {IOracleCommittee} from "./interfaces/IOracleCommittee.sol";

/// @title OracleCommittee
/// @dev What each function does, and what it refuses, stands in IOracleCommittee.
contract OracleCommittee is Commanded, IOracleCommittee {
    /// @dev A quorum is verified signature by signature; 32 keep that within a few hundred thousand gas.
    uint256 internal constant MEMBERS_MAX = 32;

    /// @dev The next committee has to start later still: one of a far day would be the last that is ever appointed.
    uint256 internal constant AHEAD_S_MAX = 365 days;

    bytes32 public immutable consortiumId;
    bytes32 public immutable domainSeparator;
    uint64 public latestEpoch;

    mapping(uint64 epoch => Committee) private _committees;
    mapping(uint64 epoch => mapping(address signer => bytes32 organisation)) private _organisationOf;

    constructor(address manager, bytes32 consortiumId_) Commanded(manager) {
        if (consortiumId_ == 0) revert Malformed("consortiumId");
        consortiumId = consortiumId_;
        domainSeparator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,bytes32 salt)"),
                keccak256("Wuxin"),
                keccak256("1"),
                consortiumId_
            )
        );
    }

    function appoint(
        bytes32 commandId,
        uint64 epoch,
        uint16 threshold,
        uint64 activeFrom,
        Member[] calldata members
    ) external restricted {
        _once(commandId);
        _requireNext(epoch, activeFrom);
        if (members.length > MEMBERS_MAX) revert TooLarge("members", members.length, MEMBERS_MAX);
        if (threshold > members.length || 2 * uint256(threshold) <= members.length) revert Malformed("threshold");

        Committee storage committee_ = _committees[epoch];
        committee_.epoch = epoch;
        committee_.threshold = threshold;
        committee_.activeFrom = activeFrom;
        for (uint256 i = 0; i < members.length; i++) {
            _requireDistinct(members, i);
            committee_.members.push(members[i]);
            _organisationOf[epoch][members[i].signer] = members[i].organisation;
        }
        latestEpoch = epoch;
        emit CommitteeAppointed(epoch, threshold, activeFrom, members.length);
    }

    function verify(uint64 epoch, bytes32 digest, bytes[] calldata signatures, bytes32[] calldata conflicted)
        external
        view
        returns (uint256 counted)
    {
        Committee storage committee_ = _committees[epoch];
        if (committee_.epoch == 0) revert WrongEpoch(epoch, latestEpoch);
        uint256 members = committee_.members.length;
        if (signatures.length > members) revert TooLarge("signatures", signatures.length, members);

        uint16 threshold = committee_.threshold;
        address last;
        address conflictedSigner;
        for (uint256 i = 0; i < signatures.length; i++) {
            (address signer, bytes32 organisation) = _memberWhoSigned(epoch, digest, signatures[i], i);
            if (signer == last) revert QuorumNotMet(counted, threshold);
            if (signer < last) revert Malformed("signatures not ascending by signer");
            last = signer;
            if (_contains(conflicted, organisation)) conflictedSigner = signer;
            else counted++;
        }
        if (counted >= threshold) return counted;
        if (conflictedSigner != address(0)) revert ConflictedSigner(conflictedSigner);
        revert QuorumNotMet(counted, threshold);
    }

    function epochAt(uint64 windowEnd) external view returns (uint64 epoch) {
        epoch = latestEpoch;
        while (epoch > 0 && _committees[epoch].activeFrom >= windowEnd) epoch--;
    }

    function committee(uint64 epoch) external view returns (Committee memory) {
        if (_committees[epoch].epoch == 0) revert NotFound(bytes32(uint256(epoch)));
        return _committees[epoch];
    }

    function _requireNext(uint64 epoch, uint64 activeFrom) private view {
        if (epoch != latestEpoch + 1) revert WrongEpoch(epoch, latestEpoch);
        if (activeFrom > block.timestamp + AHEAD_S_MAX) revert Malformed("activeFrom");
        if (latestEpoch == 0) return;
        // A window that is over keeps the committee it had.
        bool later = activeFrom > _committees[latestEpoch].activeFrom && activeFrom > block.timestamp;
        if (!later) revert Malformed("activeFrom");
    }

    function _requireDistinct(Member[] calldata members, uint256 i) private pure {
        if (members[i].signer <= (i == 0 ? address(0) : members[i - 1].signer)) revert Malformed("signer");
        if (members[i].organisation == 0) revert Malformed("organisation");
        for (uint256 j = 0; j < i; j++) {
            if (members[j].organisation == members[i].organisation) revert Malformed("organisation twice");
        }
    }

    function _memberWhoSigned(uint64 epoch, bytes32 digest, bytes calldata signature, uint256 index)
        private
        view
        returns (address signer, bytes32 organisation)
    {
        ECDSA.RecoverError problem;
        (signer, problem,) = ECDSA.tryRecover(digest, signature);
        organisation = _organisationOf[epoch][signer];
        if (problem != ECDSA.RecoverError.NoError || organisation == 0) revert BadSignature(index);
    }

    function _contains(bytes32[] calldata list, bytes32 item) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i] == item) return true;
        }
        return false;
    }
}
