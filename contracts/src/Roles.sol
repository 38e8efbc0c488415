// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Roles of the lending circle, as ids of the AccessManager
/// @notice As bits of an approver set a role is 1 << id. Zero is the AccessManager's own admin.
library Roles {
    uint64 internal constant BANK = 1;
    uint64 internal constant INSURER = 2;
    uint64 internal constant REGULATOR = 3;
    /// @notice Granted with an execution delay: a raised line is announced before it counts.
    uint64 internal constant LINE_RAISER = 4;

    /// @notice Roles that can be asked to approve a reversal.
    uint256 internal constant APPROVERS = (1 << BANK) | (1 << INSURER) | (1 << REGULATOR);
}
