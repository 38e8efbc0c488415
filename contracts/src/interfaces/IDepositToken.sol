// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IProblems} from "./IProblems.sol";

/// @title Tokenised deposits, 2 decimals
/// @notice The stand-in where no digital-currency rail is connected. Only allow-listed accounts hold and move it, with
/// one exception: a repayment through the facility is never refused for want of a listing or an allowance.
/// @dev `transfer`, `transferFrom` and `approve` are ERC-20's and carry no command id.
interface IDepositToken is IERC20, IProblems {
    /// @notice The account may, or may no longer, hold and move deposits.
    event AccountListed(address indexed account, bool listed);
    /// @notice Deposits were issued.
    event Minted(address indexed account, uint256 amountMinor);
    /// @notice The facility that may collect repayments was named, once and for ever.
    event Connected(address facility);

    /// @notice Lists or delists an account. Restricted (bank). Reverts: Forbidden, CommandRepeated, Malformed.
    function list(bytes32 commandId, address account, bool listed) external;

    /// @notice Issues deposits to a listed account. Restricted (bank).
    /// @dev Reverts: Forbidden (caller, or account not listed), CommandRepeated, Malformed (zero amount).
    function mint(bytes32 commandId, address account, uint256 amountMinor) external;

    /// @notice Names the facility. Restricted (admin), once.
    function connect(address facility) external;

    /// @notice Called by the facility only, for the account that asked it to repay: moves deposits without
    /// allowance and without looking at the list. Reverts: Forbidden, InsufficientFunds.
    function collect(address payer, address lender, uint256 amountMinor) external;

    /// @notice Whether the account is listed.
    function isListed(address account) external view returns (bool);
}
