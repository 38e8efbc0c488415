// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;
contract Counter {
    struct Step { bytes32 id; uint64 amount; }
    event Added(address indexed who, uint256 amount, uint256 total);
    event Stepped(bytes32 indexed id, Step[] steps);
    error LimitExceeded(uint256 amountMinor, uint256 headroomMinor);
    uint256 public total;
    uint256 public immutable limit;
    mapping(uint256 => bytes32) public kept;
    constructor(uint256 limit_) { limit = limit_; }
    function add(uint256 amount) external {
        if (total + amount > limit) revert LimitExceeded(amount, limit - total);
        total += amount;
        emit Added(msg.sender, amount, total);
    }
    function walk(bytes32 id, Step[] calldata steps) external {
        for (uint256 i = 0; i < steps.length; i++) { total += steps[i].amount; kept[i] = steps[i].id; }
        emit Stepped(id, steps);
    }
    function echo(Step calldata step, address who) external pure returns (Step memory again, address caller) { return (step, who); }
    function signer(bytes32 digest, uint8 v, bytes32 r, bytes32 s) external pure returns (address) { return ecrecover(digest, v, r, s); }
    function nowS() external view returns (uint256) { return block.timestamp; }
    function blockHashOf(uint256 number) external view returns (bytes32) { return blockhash(number); }
    function dive(uint256 depth) external returns (uint256) { if (depth == 0) return 0; return 1 + this.dive(depth - 1); }
    function scrap(string calldata why) external pure { revert(why); }
    function clear(uint256 key) external { kept[key] = bytes32(0); total = 0; }
}
