// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProblems} from "./IProblems.sol";

/// @title The oracle committee: who may say what the world looks like
/// @notice Holds the committees by epoch and verifies k-of-n secp256k1 signatures over one digest. It knows nothing
/// of what the digest says.
/// @dev Invariants: 2k > n and k <= n for every epoch; one signer and one organisation count once; epochs are
/// consecutive from 1 and start strictly later than the one before; a past committee never changes.
interface IOracleCommittee is IProblems {
    /// @notice One member of a committee.
    /// @param signer Ethereum-style address of the member's secp256k1 key.
    /// @param organisation keccak256 of the organisation's name in the consortium file.
    struct Member {
        address signer;
        bytes32 organisation;
    }

    /// @notice Who signs from a time on, and how many of them are needed.
    /// @param epoch From 1; zero means that no such committee exists.
    /// @param threshold k, the countable signatures that are needed.
    /// @param activeFrom Seconds. Windows that end after it belong to this epoch, until the next one's `activeFrom`.
    /// @param members Strictly ascending by signer.
    struct Committee {
        uint64 epoch;
        uint16 threshold;
        uint64 activeFrom;
        Member[] members;
    }

    /// @notice A committee was appointed.
    event CommitteeAppointed(uint64 indexed epoch, uint16 threshold, uint64 activeFrom, uint256 members);

    /// @notice Appoints the next committee. Restricted (regulator).
    /// @dev Reverts: Forbidden, CommandRepeated, WrongEpoch (not the last epoch + 1), Malformed (threshold not in
    /// (n/2, n]; activeFrom more than 365 days ahead, or, but for the first epoch, not later than the last one's and
    /// than now; signers not strictly ascending; organisation zero or twice), TooLarge (more than 32 members).
    /// @param members Strictly ascending by signer address.
    function appoint(
        bytes32 commandId,
        uint64 epoch,
        uint16 threshold,
        uint64 activeFrom,
        Member[] calldata members
    ) external;

    /// @notice The 32 random bytes that name the consortium; salt of the signing domain.
    function consortiumId() external view returns (bytes32);

    /// @notice The EIP-712 domain separator: name `Wuxin`, version `1`, salt = consortium id; no chain, no contract.
    function domainSeparator() external view returns (bytes32);

    /// @notice Number of the latest appointed epoch; zero before the first.
    function latestEpoch() external view returns (uint64);

    /// @notice The epoch in force for a window that ends at `windowEnd`: the last one with activeFrom < windowEnd.
    /// Zero if there is none.
    function epochAt(uint64 windowEnd) external view returns (uint64);

    /// @notice The committee of an epoch. Reverts NotFound.
    function committee(uint64 epoch) external view returns (Committee memory);

    /// @notice Verifies that k members of the epoch, none of them conflicted, signed the digest. Returns the number
    /// that counted, or reverts.
    /// @dev Every signature must be 65 bytes r‖s‖v with low s and v 27 or 28, come from a member of the epoch
    /// (else BadSignature), and be sorted strictly ascending by signer (else Malformed; the same signer twice is
    /// QuorumNotMet). Members of conflicted organisations do not count. Too few: ConflictedSigner if a conflicted
    /// member signed, else QuorumNotMet. WrongEpoch if the epoch does not exist.
    /// @param conflicted Organisations with an interest in the subject.
    function verify(uint64 epoch, bytes32 digest, bytes[] calldata signatures, bytes32[] calldata conflicted)
        external
        view
        returns (uint256 counted);
}
