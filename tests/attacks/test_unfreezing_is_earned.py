"""Nobody unfreezes by asking: with the node bypassed, the contract wants cleanness, then the named roles, for this
very opening.

The organisations' own keys send raw transactions here. What would be refused is mined and refused; nothing thaws early.
"""

import asyncio
from pathlib import Path
from typing import Any

from network.membership.seats import open_seat
from network.obligations.embedded.circle import open_chain
from network.ports import TxResult
from node.demo.founding import found
from tests.node.conftest import Running, running
from tests.node.story import FACILITY, QUANTITY_G, Story
from wuxin_evidence.ids import command_id, facility_key

KEY = facility_key(FACILITY)


class Raw:
    """Every organisation's key, straight at the contracts."""

    def __init__(self, node: Running) -> None:
        inside = node.node
        chain_node = inside.seats["bank"].chain.node  # pyright: ignore[reportAttributeAccessIssue] -- the embedded one
        self.chains = {
            each.name: open_chain(
                node.home, inside.consortium, open_seat(node.home, each.name), inside.clock, node=chain_node
            )
            for each in inside.consortium.organisations
        }
        self._commands = 0

    async def act(self, organisation: str, function: str, *args: Any) -> TxResult:
        self._commands += 1
        command = command_id(organisation, f"raw-{self._commands}")
        return await self.chains[organisation].transact("CreditFacility", function, [command, KEY, *args])

    async def code(self, organisation: str, function: str, *args: Any) -> str | None:
        result = await self.act(organisation, function, *args)
        assert (result.status == 1) == (result.code is None)
        return result.code

    async def reason(self) -> dict[str, Any]:
        reasons = await self.chains["bank"].call("CreditFacility", "reasons", [KEY])
        assert len(reasons) == 1
        return reasons[0]

    async def frozen(self) -> bool:
        return (await self.chains["bank"].call("CreditFacility", "position", [KEY]))["standingReasons"] > 0


async def breach(story: Story, back: int) -> None:
    await story.attest_quantity(loss_g=5_000_000, quantity_g=QUANTITY_G - 5_000_000, back=back)


async def clean(story: Story, *backs: int) -> None:
    for back in backs:
        await story.attest_quantity(back=back)


async def test_a_frozen_line_thaws_only_after_clean_windows_and_both_roles_for_this_opening(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(found, home)
    async with running(home) as node:
        story = Story(node)
        await story.lend_with_window(back=7)
        await breach(story, 6)
        raw = Raw(node)
        first = await raw.reason()
        key, first_opening = first["key"], first["openingSequence"]

        assert await raw.code("bank", "approveUnfreeze", key, first_opening) == "not_clean"
        assert await raw.code("insurer", "approveUnfreeze", key, first_opening) == "not_clean"
        assert await raw.code("bank", "unfreeze", key) == "not_clean"
        assert await raw.code("regulator", "lift", key) in {"conflict", "forbidden"}, "a rule's reason is not lifted"
        await clean(story, 5)
        assert await raw.code("bank", "approveUnfreeze", key, first_opening) == "not_clean"

        await breach(story, 4)
        second_opening = (await raw.reason())["openingSequence"]
        assert second_opening > first_opening
        await clean(story, 3, 2, 1)
        assert await raw.code("bank", "approveUnfreeze", key, first_opening) == "conflict", "of an earlier opening"
        for organisation in ("manufacturer", "regulator", "warehouse", "inspector"):
            assert await raw.code(organisation, "approveUnfreeze", key, second_opening) == "forbidden"
        for organisation in ("warehouse", "inspector"):
            assert await raw.code(organisation, "unfreeze", key) == "forbidden"
        assert await raw.code("bank", "unfreeze", key) == "approval_missing"
        assert await raw.code("bank", "approveUnfreeze", key, second_opening) is None
        assert await raw.code("bank", "unfreeze", key) == "approval_missing", "the insurer's is still missing"
        assert await raw.frozen()
        assert await raw.code("manufacturer", "draw", 1) == "facility_frozen"

        assert await raw.code("insurer", "approveUnfreeze", key, second_opening) is None
        assert await raw.code("manufacturer", "unfreeze", key) is None
        assert not await raw.frozen()
