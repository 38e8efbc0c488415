// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {vm} from "./Vm.sol";

/// @title A file of vectors: rows of 32-byte words, read in order
/// @notice `python -m tests.contracts.vectors` writes the files; its docstrings say what stands in a row.
library VectorFile {
    struct Rows {
        string name;
        bytes raw;
        uint256 width;
        uint256 row;
        uint256 at;
        uint256 memoryEnd;
    }

    function read(string memory name, uint256 width) internal returns (Rows memory rows) {
        rows.name = name;
        rows.width = width;
        rows.raw = vm.readFileBinary(string.concat("forge/vectors/", name, ".bin"));
        require(rows.raw.length > 0 && rows.raw.length % (32 * width) == 0, "no whole rows in the file");
    }

    function count(Rows memory rows) internal pure returns (uint256) {
        return rows.raw.length / (32 * rows.width);
    }

    /// @dev Also gives back the memory of the row before, or thousands of rows would cost the square of their memory:
    /// what is allocated within a row must not be used in the next.
    function begin(Rows memory rows, uint256 row) internal pure {
        uint256 memoryEnd = rows.memoryEnd;
        assembly {
            if iszero(memoryEnd) { memoryEnd := mload(0x40) }
            mstore(0x40, memoryEnd)
        }
        rows.memoryEnd = memoryEnd;
        rows.row = row;
        rows.at = row * rows.width;
    }

    /// @dev The next word of the row.
    function next(Rows memory rows) internal pure returns (uint256 word) {
        bytes memory raw = rows.raw;
        uint256 offset = 32 + 32 * rows.at++;
        assembly {
            word := mload(add(raw, offset))
        }
    }

    /// @dev The row's next word is what the Solidity gave.
    function same(Rows memory rows, uint256 given) internal pure {
        uint256 place = rows.at - rows.row * rows.width;
        uint256 expected = next(rows);
        if (given == expected) return;
        revert(
            string.concat(
                rows.name, ".bin row ", decimal(rows.row), " word ", decimal(place), ": the mirror says ",
                decimal(expected), ", the contracts ", decimal(given)
            )
        );
    }

    /// @dev Every word of the row was taken.
    function end(Rows memory rows) internal pure {
        require(rows.at == (rows.row + 1) * rows.width, "the row has another width");
    }

    function decimal(uint256 number) private pure returns (string memory) {
        if (number < 10) return string(abi.encodePacked(bytes1(uint8(48 + number))));
        return string.concat(decimal(number / 10), decimal(number % 10));
    }
}
