"""GET /v1/committee names the committee in force by the node's clock; what is appointed stands apart."""

from dataclasses import dataclass
from typing import Any

from tests.node.conftest import Running


@dataclass
class HandClock:
    ms: int

    def now_ms(self) -> int:
        return self.ms


async def appoint(node: Running, epoch: int, active_from_s: int) -> None:
    regulator = node.node.seats["regulator"]
    first = await regulator.ledger.evaluate("committee", {"epoch": 1})
    members = [
        {name: each[name] for name in ("organisation", "sm2_public_key", "evm_address")} for each in first["members"]
    ]
    commit = await regulator.ledger.submit(
        "set_committee", {"epoch": epoch, "threshold": 2, "active_from_s": active_from_s, "members": members}
    )
    assert await node.node.position.reached("f", (commit.block, 0), 10)


async def epochs(node: Running) -> tuple[int, int | None, int | None]:
    """(in force, previous, next) as the node answers."""
    answer: dict[str, Any] = (await node.get("inspector", "/v1/committee")).json()
    assert len(answer["members"]) == 3 and answer["threshold"] == 2
    previous, coming = answer["previous"], answer["next"]
    return answer["epoch"], previous and previous["epoch"], coming and coming["epoch"]


async def test_the_committee_in_force_is_answered_and_the_next_one_apart(node: Running) -> None:
    assert await epochs(node) == (1, None, None)
    now_s = node.node.clock.now_ms() // 1000
    await appoint(node, 2, now_s + 1000)
    await appoint(node, 3, now_s + 2000)
    assert await epochs(node) == (1, None, 2)
    node.node.clock = HandClock((now_s + 1000) * 1000)
    assert await epochs(node) == (1, None, 2), "a window that ends where the next epoch begins is the old one's"
    node.node.clock = HandClock((now_s + 1001) * 1000)
    assert await epochs(node) == (2, 1, 3)
    node.node.clock = HandClock((now_s + 2001) * 1000)
    assert await epochs(node) == (3, 2, None)
