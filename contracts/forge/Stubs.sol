// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {IRuleBook} from "../src/interfaces/IRuleBook.sol";

/// @title What stands beside a contract under test, answering what the test has set

/// @notice A feed whose latest values are set by hand. Interests of organisations are taken and ignored.
contract StubFeed {
    uint32 private constant DAY_OFFSET_S = 28_800;
    uint32 private constant WINDOW_S = 900;

    mapping(bytes32 subject => mapping(uint8 kind => mapping(bytes32 indicator => IAttestationFeed.Latest))) private
        _latest;

    function set(bytes32 subject, uint8 kind, bytes32 indicator, IAttestationFeed.Latest memory value) external {
        _latest[subject][kind][indicator] = value;
    }

    function hand(IRuleBook ruleBook, IAttestationFeed.Attestation calldata a) external {
        ruleBook.onAttestation(a);
    }

    function latest(bytes32 subject, uint8 kind, bytes32 indicator)
        external
        view
        returns (IAttestationFeed.Latest memory)
    {
        return _latest[subject][kind][indicator];
    }

    function windowAt(uint64 t) external pure returns (uint64) {
        return (t + DAY_OFFSET_S) / WINDOW_S;
    }

    function declareConflict(bytes32, bytes32) external {}

    function endConflict(bytes32, bytes32) external {}
}

/// @notice A rule book in which every pack is loaded and has no rules.
contract StubRuleBook {
    function approverRolesOf(bytes32) external pure returns (uint256) {
        return 0;
    }

    function bind(bytes32, bytes32, bytes32) external {}

    function unbind(bytes32) external {}
}

/// @notice A deposit token whose accounts are set by hand and whose deposits move nowhere.
contract StubToken {
    uint256 private _balance;
    uint256 private _allowance;
    mapping(address account => bool) public isListed;

    function set(uint256 balance, uint256 allowance_) external {
        (_balance, _allowance) = (balance, allowance_);
    }

    function list(address account, bool listed) external {
        isListed[account] = listed;
    }

    function balanceOf(address) external view returns (uint256) {
        return _balance;
    }

    function allowance(address, address) external view returns (uint256) {
        return _allowance;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }
}
