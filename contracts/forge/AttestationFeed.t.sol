// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "../src/interfaces/IAttestationFeed.sol";
import {IOracleCommittee} from "../src/interfaces/IOracleCommittee.sol";
import {IProblems} from "../src/interfaces/IProblems.sol";
import {Circle} from "./Circle.sol";
import {vm} from "./Vm.sol";

contract AttestationFeedTest is Circle {
    /// @dev Also in tests/contracts/test_obligations.py, where Python computes it from the same fields.
    bytes32 private constant SHARED_DIGEST = 0xe74999781fc44db18af79301562c34933f4d66af6205c18a7b8ad03e0a16e0fe;

    function test_the_digest_is_the_one_that_members_sign() public view {
        IAttestationFeed.Attestation memory a = blank(SLOT, ALARM);
        a.sequence = (1_823_455 << 16) + 7;
        a.windowStart = T0;
        a.windowEnd = T0 + 100;
        a.packCount = 3;
        a.lateCount = 1;
        a.indicators = pair(
            IAttestationFeed.Indicator(LOSS_G, type(int128).min, 9999, SUSPECT),
            IAttestationFeed.Indicator(QUANTITY_G, type(int128).max, 10_000, OK)
        );
        assert(feed.digestOf(a) == SHARED_DIGEST);
    }

    function test_anyone_relays_and_a_repeat_has_no_effect() public {
        nextWindow();
        IAttestationFeed.Attestation memory a = window(1, OK, 0, OK);
        bytes[] memory signatures = sign(feed.digestOf(a), 6);
        vm.prank(STRANGER);
        assert(feed.submit(a, signatures));
        assert(!feed.submit(a, signatures));
        assert(!feed.submit(a, new bytes[](0)));
        assert(feed.latest(SLOT, SCHEDULED, QUANTITY_G).value == 1);
        assert(feed.head(SLOT, SCHEDULED).digest == feed.digestOf(a));
    }

    function testFuzz_one_signer_moves_nothing(uint8 member, int128 quantityG) public {
        nextWindow();
        bytes32 before = stateHash();
        vm.expectPartialRevert(IProblems.QuorumNotMet.selector);
        this.submitOutside(window(quantityG, OK, 0, OK), 1 << (member % 3));
        vm.expectPartialRevert(IProblems.QuorumNotMet.selector);
        this.submitOutside(alarm(type(int128).max), 1 << (member % 3));
        assert(before == stateHash());
    }

    function testFuzz_any_changed_field_loses_the_signatures(uint8 field) public {
        nextWindow();
        IAttestationFeed.Attestation memory a = window(1, OK, 0, OK);
        bytes[] memory signatures = sign(feed.digestOf(a), 7);
        uint8 which = field % 7;
        if (which == 0) a.subject = keccak256("other");
        if (which == 1) a.packRoot = 0;
        if (which == 2) a.packCount++;
        if (which == 3) a.lateCount++;
        if (which == 4) a.indicators[0].value++;
        if (which == 5) a.indicators[0].qualityBp--;
        if (which == 6) a.indicators[1].status = SUSPECT;
        vm.expectPartialRevert(IProblems.BadSignature.selector);
        feed.submit(a, signatures);
    }

    function test_another_digest_for_a_sequence_is_equivocation() public {
        nextWindow();
        attestWindow(1, 0);
        nextWindow();
        attestWindow(2, 0);
        vm.warp(block.timestamp - WINDOW_S);
        vm.expectPartialRevert(IProblems.Equivocation.selector);
        this.submitOutside(window(3, OK, 0, OK), 7);
        assert(!this.submitOutside(window(1, OK, 0, OK), 7));
        assert(feed.latest(SLOT, SCHEDULED, QUANTITY_G).value == 2);
    }

    function test_a_sequence_never_falls() public {
        IAttestationFeed.Attestation memory earlier = lien(1, 1);
        attestLien(0, 0);
        vm.expectPartialRevert(IProblems.SequenceRegressed.selector);
        this.submitOutside(earlier, 7);
        assert(feed.latest(PLEDGE, LIEN, LIEN_ACTIVE).value == 0);
    }

    function test_an_alarm_refreshes_nothing() public {
        IAttestationFeed.Latest memory before = feed.latest(SLOT, SCHEDULED, LOSS_G);
        vm.warp(block.timestamp + 60);
        attestAlarm(1);
        assert(feed.latest(SLOT, ALARM, LOSS_G).observedAt == 0);
        assert(feed.latest(SLOT, SCHEDULED, LOSS_G).observedAt == before.observedAt);
        vm.warp(before.observedAt + 3600);
        attestAlarm(1);
        assert(facility.position(ID).limitMinor == 0);
    }

    function test_a_price_attestation_cannot_refresh_a_quantity() public {
        vm.warp(block.timestamp + 3600);
        IAttestationFeed.Attestation memory a = price(1);
        a.subject = SLOT;
        a.indicators[0].id = QUANTITY_G;
        submit(a, 7);
        assert(facility.position(ID).limitMinor == 0);
    }

    function test_a_repeated_price_stays_as_old_as_its_making() public {
        vm.warp(block.timestamp + 2 hours);
        IAttestationFeed.Attestation memory a = price(1);
        a.windowStart -= 1 hours;
        submit(a, 7);
        assert(feed.latest(COMMODITY, PRICE, PRICE_PER_T).observedAt == block.timestamp - 1 hours);
    }

    function test_organisations_with_an_interest_do_not_count() public {
        assert(feed.conflicted(SLOT).length == 0); // nobody of the committee
        IOracleCommittee.Member[] memory members = new IOracleCommittee.Member[](3);
        for (uint256 i = 0; i < 3; i++) {
            members[i] = IOracleCommittee.Member(vm.addr(oracleKeys[i]), i == 0 ? STORING_ORG : oracleOrgs[i]);
        }
        vm.prank(REGULATOR);
        committee.appoint(command(), 2, 2, uint64(block.timestamp) + 1, members);
        epoch = 2;
        bytes32[] memory conflicted = feed.conflicted(SLOT);
        assert(conflicted.length == 1 && conflicted[0] == STORING_ORG);
        nextWindow();
        vm.expectPartialRevert(IProblems.ConflictedSigner.selector);
        this.submitOutside(window(1, OK, 0, OK), 3);
        assert(this.submitOutside(window(1, OK, 0, OK), 6));
    }

    function test_an_attestation_of_an_old_epoch_is_refused() public {
        IOracleCommittee.Member[] memory members = new IOracleCommittee.Member[](1);
        members[0] = IOracleCommittee.Member(vm.addr(oracleKeys[0]), oracleOrgs[0]);
        vm.prank(REGULATOR);
        committee.appoint(command(), 2, 1, uint64(block.timestamp) + 1, members);
        IAttestationFeed.Attestation memory a = lien(0, 0);
        a.epoch = 1;
        assert(this.submitOutside(a, 7)); // ended when epoch 1 was in force
        vm.warp(block.timestamp + 2);
        a = lien(0, 0);
        a.epoch = 1;
        vm.expectPartialRevert(IProblems.WrongEpoch.selector);
        this.submitOutside(a, 7);
    }

    function test_a_profile_holds_for_its_kinds_until_withdrawn() public {
        IAttestationFeed.Attestation memory a = lien(1, 1);
        a.profile = keccak256("other");
        vm.expectPartialRevert(IProblems.ProfileMismatch.selector);
        this.submitOutside(a, 7);
        vm.prank(REGULATOR);
        feed.registerProfile(command(), PROFILE, 3, uint32(WINDOW_S), DAY_OFFSET_S);
        vm.expectPartialRevert(IProblems.ProfileMismatch.selector);
        this.submitOutside(lien(1, 1), 7);
    }

    function test_all_profiles_cut_time_alike() public {
        bytes32 c = command();
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(REGULATOR);
        feed.registerProfile(c, keccak256("hourly"), 15, 3600, DAY_OFFSET_S);
        vm.expectPartialRevert(IProblems.Conflict.selector);
        vm.prank(REGULATOR);
        feed.registerProfile(c, keccak256("utc"), 15, uint32(WINDOW_S), 0);
        vm.prank(REGULATOR);
        feed.registerProfile(c, keccak256("alike"), 15, uint32(WINDOW_S), DAY_OFFSET_S);
        assert(feed.windowAt(uint64(block.timestamp)) == windowIndex(block.timestamp));
    }

    function testFuzz_malformed_attestations_are_refused(uint8 field) public {
        nextWindow();
        IAttestationFeed.Attestation memory a = window(1, OK, 0, OK);
        uint8 which = field % 11;
        if (which == 0) a.consortiumId = keccak256("another");
        if (which == 1) a.kind = 4;
        if (which == 2) a.windowStart = a.windowEnd + 1;
        if (which == 3) a.windowStart += 1;
        if (which == 4) a.sequence -= 1;
        if (which == 5) a.sequence += 1 << 16;
        if (which == 6) a.indicators[1].id = a.indicators[0].id;
        if (which == 7) a.indicators[0].qualityBp = 10_001;
        if (which == 8) a.indicators[0].status = 3;
        if (which == 9) a.indicators[0].id = 0;
        if (which == 10) (a.windowStart, a.windowEnd) = (a.windowStart - WINDOW_S, a.windowEnd - WINDOW_S);
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.submitOutside(a, 7);
    }

    function test_windows_of_the_future_and_long_lists_are_refused() public {
        IAttestationFeed.Attestation memory a = lien(1, 1);
        a.windowEnd += 61;
        vm.expectPartialRevert(IProblems.ClockSkew.selector);
        this.submitOutside(a, 7);
        a = lien(1, 1);
        a.indicators = new IAttestationFeed.Indicator[](17);
        vm.expectPartialRevert(IProblems.TooLarge.selector);
        this.submitOutside(a, 7);
        a = lien(1, 1);
        a.sequence += 1 << 16;
        vm.expectPartialRevert(IProblems.Malformed.selector);
        this.submitOutside(a, 7);
    }

    function test_the_connections_are_made_once() public {
        vm.expectPartialRevert(IProblems.Conflict.selector);
        feed.connect(address(1), address(1));
        vm.expectPartialRevert(IProblems.Conflict.selector);
        ruleBook.connect(address(1), address(1));
        vm.expectPartialRevert(IProblems.Conflict.selector);
        token.connect(address(1));
    }

    function submitOutside(IAttestationFeed.Attestation calldata a, uint256 signers) external returns (bool) {
        bytes[] memory signatures = sign(feed.digestOf(a), signers);
        return feed.submit(a, signatures);
    }

    function stateHash() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                feed.head(SLOT, SCHEDULED),
                feed.head(SLOT, ALARM),
                feed.latest(SLOT, SCHEDULED, QUANTITY_G),
                facility.position(ID),
                ruleBook.ruleState(ID, RULE)
            )
        );
    }
}
