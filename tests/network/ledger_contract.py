"""What every ledger of facts does, whichever engine answers: the port's contract as tests over the toy chaincode.

A module that has an engine subclasses `LedgerContract` as `Test…` and gives two fixtures: `ledger_of`, which opens an
organisation's port, and `bank`. The ledger may be shared with other tests: keys and nonces are a test's own, heights
are compared, never counted from zero.
"""

import asyncio
import hashlib
import itertools
import secrets
from collections.abc import Callable

import pytest

from network.membership.seats import Seat
from network.ports import Invalid, Ledger, Rejected, Unavailable
from wuxin_evidence.fabric import NONCE_BYTES, parse_block, transaction_id

LedgerOf = Callable[[str], Ledger]


async def take(ledger: Ledger, count: int, after: int = -1) -> list[bytes]:
    blocks: list[bytes] = []
    async for block in ledger.blocks(after):
        blocks.append(block)
        if len(blocks) == count:
            break
    return blocks


class LedgerContract:
    @pytest.fixture
    def slot(self) -> str:
        """The beginning of keys that no other test uses."""
        return f"slot/{secrets.token_hex(6)}/"

    @pytest.fixture
    def nonce(self) -> bytes:
        return secrets.token_bytes(NONCE_BYTES)

    async def test_a_submit_returns_where_it_stands_and_what_the_chaincode_said(self, bank: Ledger, slot: str) -> None:
        height = await bank.height()
        commit = await bank.submit("claim", {"key": slot})
        assert (commit.block, commit.index, commit.result) == (height, 0, {"claimed": slot})
        assert await bank.height() == height + 1
        assert await bank.status(commit.tx_id) == commit

    async def test_a_refusal_carries_the_chaincodes_code_and_changes_nothing(self, bank: Ledger, slot: str) -> None:
        await bank.submit("claim", {"key": slot})
        height = await bank.height()
        with pytest.raises(Rejected) as refused:
            await bank.submit("claim", {"key": slot})
        assert (refused.value.code, refused.value.hint) == ("slot_claimed", "take another")
        assert refused.value.tx_id and refused.value.organisation
        assert await bank.height() == height

    async def test_a_refused_evaluation_carries_the_chaincodes_code(self, bank: Ledger, slot: str) -> None:
        await bank.submit("claim", {"key": slot})
        with pytest.raises(Rejected) as refused:
            await bank.evaluate("claim", {"key": slot})
        assert (refused.value.code, refused.value.hint) == ("slot_claimed", "take another")

    async def test_a_transaction_does_not_read_its_own_writes(self, bank: Ledger, slot: str) -> None:
        commit = await bank.submit("put", {"key": slot, "value": "v"})
        assert commit.result == {"unchanged_within": True}

    async def test_the_caller_is_whose_seat_the_ledger_was_opened_with(
        self, ledger_of: LedgerOf, seats: dict[str, Seat]
    ) -> None:
        for name in ("bank", "inspector"):
            assert await ledger_of(name).evaluate("who", {}) == seats[name].msp_id

    async def test_a_transaction_id_is_the_hash_of_nonce_and_creator(
        self, bank: Ledger, seats: dict[str, Seat], slot: str, nonce: bytes
    ) -> None:
        commit = await bank.submit("claim", {"key": slot}, nonce=nonce)
        assert commit.tx_id == transaction_id(nonce, seats["bank"].fabric_signer.identity)

    async def test_a_repeated_nonce_gives_the_earlier_commit_and_no_new_block(
        self, bank: Ledger, slot: str, nonce: bytes
    ) -> None:
        first = await bank.submit("claim", {"key": slot}, nonce=nonce)
        assert await bank.submit("claim", {"key": slot}, nonce=nonce) == first
        assert await bank.height() == first.block + 1

    async def test_a_nonce_repeated_at_the_same_moment_commits_once(
        self, bank: Ledger, slot: str, nonce: bytes
    ) -> None:
        commits = await asyncio.gather(*(bank.submit("claim", {"key": slot}, nonce=nonce) for _ in range(8)))
        assert len(set(map(repr, commits))) == 1

    async def test_a_nonce_with_other_arguments_is_an_idempotency_mismatch(
        self, bank: Ledger, slot: str, nonce: bytes
    ) -> None:
        await bank.submit("claim", {"key": slot + "a"}, nonce=nonce)
        with pytest.raises(Rejected) as refused:
            await bank.submit("claim", {"key": slot + "b"}, nonce=nonce)
        assert refused.value.code == "idempotency_mismatch"

    async def test_two_commands_with_one_nonce_at_the_same_moment_are_not_both_acknowledged(
        self, bank: Ledger, slot: str, nonce: bytes
    ) -> None:
        outcomes = await asyncio.gather(
            *(bank.submit("claim", {"key": f"{slot}{n}"}, nonce=nonce) for n in range(2)), return_exceptions=True
        )
        refused = [each for each in outcomes if isinstance(each, Rejected)]
        assert [each.code for each in refused] == ["idempotency_mismatch"]

    async def test_two_seats_may_use_the_same_nonce(self, ledger_of: LedgerOf, slot: str, nonce: bytes) -> None:
        one = await ledger_of("bank").submit("claim", {"key": slot + "a"}, nonce=nonce)
        other = await ledger_of("insurer").submit("claim", {"key": slot + "b"}, nonce=nonce)
        assert one.tx_id != other.tx_id

    @pytest.mark.parametrize(
        ("args", "more", "code"),
        [
            ({"key": 1.5}, {}, "malformed"),
            ({"key": 2**53}, {}, "malformed"),
            ({"key": "x" * 2_000_000}, {}, "too_large"),
            ({"key": "k"}, {"nonce": b"short"}, "malformed"),
            ({"key": "k"}, {"private": {"secret": bytes(2_000_000)}}, "too_large"),
        ],
    )
    async def test_what_could_never_be_proposed_is_refused(
        self, bank: Ledger, args: dict[str, object], more: dict[str, object], code: str
    ) -> None:
        height = await bank.height()
        with pytest.raises(Rejected) as refused:
            await bank.submit("claim", args, **more)
        assert refused.value.code == code
        assert await bank.height() == height

    async def test_an_evaluation_leaves_nothing_behind(self, bank: Ledger, slot: str) -> None:
        height = await bank.height()
        assert await bank.evaluate("claim", {"key": slot}) == {"claimed": slot}
        assert await bank.evaluate("read", {"key": slot}) is None
        assert await bank.height() == height

    async def test_a_range_is_paged_by_bookmark(self, bank: Ledger, slot: str) -> None:
        await asyncio.gather(*(bank.submit("claim", {"key": f"{slot}{n}"}) for n in range(5)))
        wanted = {"start": slot, "end": slot + "~", "limit": 2, "bookmark": ""}
        seen: list[str] = []
        while True:
            page = await bank.evaluate("pages", wanted)
            seen += page["keys"]
            if not page["bookmark"]:
                break
            wanted["bookmark"] = page["bookmark"]
        assert seen == [f"{slot}{n}" for n in range(5)]

    async def test_history_is_newest_first_and_knows_deletions(self, bank: Ledger, slot: str) -> None:
        await bank.submit("blind", {"key": slot, "value": "one"})
        await bank.submit("blind", {"key": slot, "value": "two"})
        await bank.submit("drop", {"key": slot})
        assert await bank.evaluate("changes", {"key": slot}) == [None, "two", "one"]
        assert await bank.evaluate("read", {"key": slot}) is None

    async def test_of_many_that_read_one_key_at_once_one_is_valid(self, bank: Ledger, slot: str) -> None:
        outcomes = await asyncio.gather(
            *(bank.submit("claim", {"key": slot, "value": str(n)}) for n in range(10)), return_exceptions=True
        )
        lost = [each for each in outcomes if isinstance(each, (Invalid, Rejected))]
        assert len(lost) == 9
        for each in lost:
            assert isinstance(each, Rejected) or each.validation_code == "MVCC_READ_CONFLICT"

    async def test_what_comes_together_is_committed_together(self, bank: Ledger, slot: str) -> None:
        height = await bank.height()
        commits = await asyncio.gather(*(bank.submit("claim", {"key": f"{slot}{n}"}) for n in range(60)))
        assert len({(each.block, each.index) for each in commits}) == 60
        assert await bank.height() - height < 60
        assert max(each.index for each in commits) > 0

    async def test_a_caller_who_gives_up_does_not_stop_the_ledger(self, bank: Ledger, slot: str) -> None:
        nonces = [secrets.token_bytes(NONCE_BYTES) for _ in range(5)]
        for n, nonce in enumerate(nonces):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(bank.submit("claim", {"key": f"{slot}{n}"}, nonce=nonce), 0.001 * n)
        for n, nonce in enumerate(nonces):
            commit = await bank.submit("claim", {"key": f"{slot}{n}"}, nonce=nonce)
            assert commit.result == {"claimed": f"{slot}{n}"}

    async def test_the_outcome_of_an_invalid_transaction_can_be_asked_again(self, bank: Ledger, slot: str) -> None:
        nonces = [secrets.token_bytes(NONCE_BYTES) for _ in range(6)]
        outcomes = await asyncio.gather(
            *(bank.submit("put", {"key": slot, "value": "v"}, nonce=nonce) for nonce in nonces),
            return_exceptions=True,
        )
        number = next(n for n, each in enumerate(outcomes) if isinstance(each, Invalid))
        lost = outcomes[number]
        assert isinstance(lost, Invalid)
        with pytest.raises(Invalid) as asked:
            await bank.status(lost.tx_id)
        assert asked.value.validation_code == "MVCC_READ_CONFLICT"
        with pytest.raises(Invalid) as repeated:
            await bank.submit("put", {"key": slot, "value": "v"}, nonce=nonces[number])
        assert (repeated.value.tx_id, repeated.value.block) == (lost.tx_id, lost.block)

    async def test_an_unknown_transaction_has_no_status(self, bank: Ledger) -> None:
        assert await bank.status("00" * 32) is None

    async def test_blocks_follow_each_other(self, bank: Ledger, slot: str) -> None:
        first = await bank.submit("claim", {"key": slot + "a"})
        last = await bank.submit("claim", {"key": slot + "b"})
        blocks = [parse_block(raw) for raw in await take(bank, last.block + 1)]
        assert [block.number for block in blocks] == list(range(last.block + 1))
        assert blocks[0].previous_hash == b""
        for before, block in itertools.pairwise(blocks):
            assert block.previous_hash == before.header_hash
        found = blocks[first.block].transactions[first.index]
        assert (found.tx_id, found.is_valid, found.function) == (first.tx_id, True, "claim")
        assert await take(bank, 1, last.block - 1) == [blocks[-1].raw]

    async def test_a_follower_hears_of_commits_as_they_come(self, bank: Ledger, slot: str) -> None:
        following = bank.blocks(await bank.height() - 1)
        waiting = asyncio.ensure_future(anext(following))
        commit = await bank.submit("claim", {"key": slot})
        block = parse_block(await asyncio.wait_for(waiting, 5))
        assert (block.number, block.transactions[0].tx_id) == (commit.block, commit.tx_id)

    async def test_private_values_stay_with_their_organisation(self, ledger_of: LedgerOf, slot: str) -> None:
        bank, insurer = ledger_of("bank"), ledger_of("insurer")
        secret = b"rate 435 bp, agreed in private " + secrets.token_hex(8).encode()
        where = {"msp": "BankMSP", "key": slot}
        commit = await bank.submit("keep", where, private={"secret": secret})
        assert await bank.evaluate("kept", where) == secret.decode()
        assert await insurer.evaluate("kept_hash", where) == hashlib.sha256(secret).hexdigest()
        with pytest.raises(Rejected) as refused:
            await insurer.evaluate("kept", where)
        assert refused.value.code == "forbidden"
        assert secret not in (await take(bank, 1, commit.block - 1))[0]

    async def test_a_key_with_a_policy_of_its_own_is_written_by_its_organisations(
        self, ledger_of: LedgerOf, slot: str
    ) -> None:
        await ledger_of("bank").submit("blind", {"key": slot, "value": "before"})
        await ledger_of("bank").submit("guard", {"key": slot, "msps": ["InsurerMSP", "WarehouseMSP"]})
        commit = await ledger_of("manufacturer").submit("blind", {"key": slot, "value": "v"})
        block = parse_block((await take(ledger_of("bank"), 1, commit.block - 1))[0])
        endorsers = {each.endorser for each in block.transactions[commit.index].endorsements}
        assert any(b"InsurerMSP" in each for each in endorsers)
        assert any(b"WarehouseMSP" in each for each in endorsers)

    async def test_who_loses_against_a_change_of_a_keys_policy_is_told_of_a_read_conflict(
        self, bank: Ledger, slot: str
    ) -> None:
        await bank.submit("blind", {"key": slot, "value": "v"})
        lost: list[Invalid] = []
        for _ in range(4):
            outcomes = await asyncio.gather(
                bank.submit("guard", {"key": slot, "msps": ["BankMSP"]}),
                *(bank.submit("put", {"key": slot, "value": str(n)}) for n in range(3)),
                return_exceptions=True,
            )
            lost += [each for each in outcomes if isinstance(each, Invalid)]
        assert {each.validation_code for each in lost} == {"MVCC_READ_CONFLICT"}

    async def test_a_chaincode_that_breaks_everywhere_is_unavailable(self, bank: Ledger) -> None:
        height = await bank.height()
        with pytest.raises(Unavailable, match="chaincode failed"):
            await bank.submit("breaks", {})
        assert await bank.height() == height
