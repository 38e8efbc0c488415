// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOracleCommittee} from "../src/interfaces/IOracleCommittee.sol";
import {IProblems} from "../src/interfaces/IProblems.sol";
import {Circle} from "./Circle.sol";
import {vm} from "./Vm.sol";

contract OracleCommitteeTest is Circle {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 private constant DIGEST = keccak256("digest");
    bytes32[] private none;

    function testFuzz_exactly_k_countable_signers_are_a_quorum(uint8 signers, uint8 conflictedMember) public {
        signers = signers % 8;
        bytes32[] memory conflicted = new bytes32[](1);
        uint256 conflictedBit = conflictedMember % 4; // 3: nobody
        if (conflictedBit < 3) conflicted[0] = oracleOrgs[conflictedBit];
        uint256 counting = count(signers & ~uint8(1 << conflictedBit));
        bytes[] memory signatures = sign(DIGEST, signers);
        if (counting < 2) {
            bool signed = conflictedBit < 3 && signers & (1 << conflictedBit) != 0;
            vm.expectPartialRevert(signed ? IProblems.ConflictedSigner.selector : IProblems.QuorumNotMet.selector);
        }
        uint256 counted = committee.verify(1, DIGEST, signatures, conflicted);
        if (counting >= 2) assert(counted == counting);
    }

    function test_the_same_signer_twice_is_one() public {
        bytes[] memory signatures = sign(DIGEST, 1);
        bytes[] memory twice = new bytes[](2);
        (twice[0], twice[1]) = (signatures[0], signatures[0]);
        vm.expectPartialRevert(IProblems.QuorumNotMet.selector);
        committee.verify(1, DIGEST, twice, none);
    }

    function test_signatures_must_ascend() public {
        bytes[] memory signatures = sign(DIGEST, 3);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        vm.expectPartialRevert(IProblems.Malformed.selector);
        committee.verify(1, DIGEST, signatures, none);
    }

    function test_a_malleated_signature_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(oracleKeys[0], DIGEST);
        bytes[] memory signatures = sign(DIGEST, 3);
        signatures[0] = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectPartialRevert(IProblems.BadSignature.selector);
        committee.verify(1, DIGEST, signatures, none);
    }

    function testFuzz_bytes_that_no_member_signed_are_refused(bytes calldata junk) public {
        bytes[] memory signatures = sign(DIGEST, 3);
        signatures[1] = junk;
        vm.expectPartialRevert(IProblems.BadSignature.selector);
        committee.verify(1, DIGEST, signatures, none);
    }

    function testFuzz_another_digest_is_not_signed(bytes32 other) public {
        vm.assume(other != DIGEST);
        bytes[] memory signatures = sign(DIGEST, 7);
        vm.expectPartialRevert(IProblems.BadSignature.selector);
        committee.verify(1, other, signatures, none);
    }

    function testFuzz_a_threshold_is_a_majority(uint16 threshold, uint8 n) public {
        uint256 size = uint256(n) % 6;
        bool fits = threshold <= size && 2 * uint256(threshold) > size;
        if (!fits) vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, threshold, later(), members(size));
        assert(committee.latestEpoch() == (fits ? 2 : 1));
    }

    function test_members_are_distinct_and_ascending() public {
        IOracleCommittee.Member[] memory list = members(3);
        list[1].organisation = list[0].organisation;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, 2, later(), list);
        list = members(3);
        list[1].signer = list[0].signer;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, 2, later(), list);
        vm.expectPartialRevert(IProblems.TooLarge.selector);
        this.appointOutside(2, 17, later(), members(33));
    }

    function test_epochs_follow_each_other_in_number_and_time() public {
        vm.expectPartialRevert(IProblems.WrongEpoch.selector);
        this.appointOutside(3, 2, later(), members(3));
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, 2, later() - 1, members(3));
        this.appointOutside(2, 2, later(), members(3));
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(3, 2, later(), members(3));
        assert(committee.epochAt(later()) == 1 && committee.epochAt(later() + 1) == 2 && committee.epochAt(0) == 0);
    }

    function test_a_committee_of_a_far_day_does_not_end_appointments() public {
        uint64 ahead = uint64(block.timestamp) + 365 days;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, 2, type(uint64).max, members(3));
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.appointOutside(2, 2, ahead + 1, members(3));
        this.appointOutside(2, 2, ahead, members(3));
    }

    function test_only_the_regulator_appoints() public {
        IOracleCommittee.Member[] memory list = members(3);
        vm.expectPartialRevert(IProblems.Forbidden.selector);
        vm.prank(BANK);
        committee.appoint("c", 2, 2, T0, list);
    }

    function appointOutside(uint64 epoch, uint16 threshold, uint64 from, IOracleCommittee.Member[] calldata list)
        external
    {
        vm.prank(REGULATOR);
        committee.appoint(command(), epoch, threshold, from, list);
    }

    function later() private view returns (uint64) {
        return uint64(block.timestamp) + 1;
    }

    function members(uint256 n) private pure returns (IOracleCommittee.Member[] memory list) {
        list = new IOracleCommittee.Member[](n);
        for (uint256 i = 0; i < n; i++) list[i] = IOracleCommittee.Member(address(uint160(i + 1)), bytes32(i + 1));
    }

    function count(uint8 bits) private pure returns (uint256 n) {
        for (; bits != 0; bits >>= 1) n += bits & 1;
    }
}
