// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {AuthorityUtils} from "@openzeppelin/contracts/access/manager/AuthorityUtils.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IProblems} from "./interfaces/IProblems.sol";

/// @title Who may act, and each command once
/// @notice One AccessManager holds the roles of a circle. It was preferred to a small registry of our own because it
/// brings what we would have to invent: grants with an execution delay (a raised line must be scheduled, a freeze is
/// instant), guardians who cancel, and delays that cannot be shortened at once. It costs one more deployed contract.
/// Actions that are duties or rights of a party (draw, repay, freeze, approve) are checked by their own contract
/// against the terms; the AccessManager cannot close those.
abstract contract Commanded is AccessManaged, IProblems {
    mapping(address caller => mapping(bytes32 commandId => bool)) private _used;

    constructor(address manager) AccessManaged(manager) {}

    /// @notice Whether this caller has used this command id on this contract.
    function commandUsed(address caller, bytes32 commandId) external view returns (bool) {
        return _used[caller][commandId];
    }

    /// @dev Kept per caller, or a stranger could burn another's command by sending it first.
    function _once(bytes32 commandId) internal {
        if (_used[msg.sender][commandId]) revert CommandRepeated(commandId);
        _used[msg.sender][commandId] = true;
    }

    function _holds(uint64 role, address account) internal view returns (bool member) {
        (member,) = IAccessManager(authority()).hasRole(role, account);
    }

    /// @dev A stranger gets this project's refusal; a delayed caller goes the AccessManager's way.
    function _checkCanCall(address caller, bytes calldata data) internal override {
        (bool immediate, uint32 delay) =
            AuthorityUtils.canCallWithDelay(authority(), caller, address(this), bytes4(data[0:4]));
        if (!immediate && delay == 0) revert Forbidden(caller);
        if (!immediate) super._checkCanCall(caller, data);
    }
}
