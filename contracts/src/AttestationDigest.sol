// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "./interfaces/IAttestationFeed.sol";

/// @title The EIP-712 digest of an attestation
library AttestationDigest {
    bytes32 internal constant INDICATOR_TYPE =
        keccak256("Indicator(bytes32 id,int128 value,uint16 qualityBp,uint8 status)");

    bytes32 internal constant ATTESTATION_TYPE = keccak256(
        "Attestation(bytes32 consortiumId,uint64 epoch,bytes32 subject,uint8 kind,uint64 sequence,"
        "uint64 windowStart,uint64 windowEnd,bytes32 profile,bytes32 packRoot,uint32 packCount,uint32 lateCount,"
        "Indicator[] indicators)Indicator(bytes32 id,int128 value,uint16 qualityBp,uint8 status)"
    );

    function digestOf(IAttestationFeed.Attestation calldata a, bytes32 domainSeparator) internal pure returns (bytes32) {
        bytes memory first =
            abi.encode(ATTESTATION_TYPE, a.consortiumId, a.epoch, a.subject, a.kind, a.sequence, a.windowStart);
        bytes memory second =
            abi.encode(a.windowEnd, a.profile, a.packRoot, a.packCount, a.lateCount, _hashAll(a.indicators));
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, keccak256(bytes.concat(first, second))));
    }

    function _hashAll(IAttestationFeed.Indicator[] calldata indicators) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](indicators.length);
        for (uint256 i = 0; i < indicators.length; i++) {
            hashes[i] = keccak256(abi.encode(INDICATOR_TYPE, indicators[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
