// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Commanded} from "./Commanded.sol";
import {IDepositToken} from "./interfaces/IDepositToken.sol";

/// @title DepositToken
/// @dev What each function does, and what it refuses, stands in IDepositToken.
contract DepositToken is Commanded, ERC20, IDepositToken {
    address public facility;
    mapping(address account => bool) public isListed;

    constructor(address manager, string memory name_, string memory symbol_)
        Commanded(manager)
        ERC20(name_, symbol_)
    {}

    function list(bytes32 commandId, address account, bool listed) external restricted {
        _once(commandId);
        if (account == address(0)) revert Malformed("account");
        isListed[account] = listed;
        emit AccountListed(account, listed);
    }

    function mint(bytes32 commandId, address account, uint256 amountMinor) external restricted {
        _once(commandId);
        if (amountMinor == 0) revert Malformed("amountMinor");
        if (amountMinor > type(uint128).max) revert TooLarge("amountMinor", amountMinor, type(uint128).max);
        _mint(account, amountMinor);
        emit Minted(account, amountMinor);
    }

    function connect(address facility_) external restricted {
        if (facility != address(0)) revert Conflict("connected");
        if (facility_ == address(0)) revert Malformed("address");
        facility = facility_;
        emit Connected(facility_);
    }

    function collect(address payer, address lender, uint256 amountMinor) external {
        if (msg.sender != facility) revert Forbidden(msg.sender);
        _requireFunds(payer, balanceOf(payer), amountMinor);
        super._update(payer, lender, amountMinor);
    }

    function decimals() public pure override returns (uint8) {
        return 2;
    }

    /// @dev Every movement but a repayment: both ends listed (the zero address issues).
    function _update(address from, address to, uint256 amountMinor) internal override {
        if (from != address(0) && !isListed[from]) revert Forbidden(from);
        if (!isListed[to]) revert Forbidden(to);
        if (from != address(0)) _requireFunds(from, balanceOf(from), amountMinor);
        super._update(from, to, amountMinor);
    }

    function _spendAllowance(address owner, address spender, uint256 amountMinor) internal override {
        _requireFunds(owner, allowance(owner, spender), amountMinor);
        super._spendAllowance(owner, spender, amountMinor);
    }

    function _requireFunds(address account, uint256 available, uint256 needed) private pure {
        if (available < needed) revert InsufficientFunds(account, available, needed);
    }
}
