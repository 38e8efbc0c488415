"""Who takes part, which committee signs, how far the node is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole, one_of
from node.api.answers.values import AtS, Block, TxId


@dataclass(frozen=True)
class OrganisationView:
    """A member of the consortium."""

    name: Annotated[str, Text(), Described("Its name in the consortium file.", example="bank")]
    msp_id: Annotated[str, Text(), Described("Its MSP on the ledger of facts.", example="BankMSP")]
    uscc: Annotated[str, Text(), Described("Its 统一社会信用代码.", example="91310000MA1WUX0B1E", source="GB 32100")]
    roles: Annotated[tuple[Annotated[str, Text()], ...], Described("What it is.", example=["bank"])]
    endorses: Annotated[bool, Described("Whether it runs an endorser of the facts.", example=True)]
    oracle: Annotated[bool, Described("Whether it sits in the oracle committee.", example=True)]
    evm_address: Annotated[str, Text(), Described("Its address on the chains, 0x hex.", example="0x" + "5e" * 20)]
    circles: Annotated[
        tuple[Annotated[str, Text()], ...], Described("The lending circles it is in, by chain.", example=["e1"])
    ]


@dataclass(frozen=True)
class Organisations:
    """The consortium file: everybody, by name."""

    consortium_id: Annotated[str, Text(), Described("The consortium's id, hex.", example="c0" * 32)]
    items: Annotated[tuple[OrganisationView, ...], Described("All members.")]
    next: Annotated[Annotated[str, Text()] | None, Described("Always null: all are on one page.", example=None)]
    previous: Annotated[Annotated[str, Text()] | None, Described("Always null.", example=None)]


@dataclass(frozen=True)
class Committees:
    """The oracle committee in force; null where none is before or after it."""

    epoch: Annotated[int, Whole(0), Described("Its number.", example=1)]
    threshold: Annotated[int, Whole(1), Described("How many members must sign.", example=2)]
    active_from_s: Annotated[int, Whole(0), Described("From when it signs, UTC.", example=1641110400)]
    members: Annotated[
        object,
        Described(
            "Its members with their keys.",
            example=[{"organisation": "bank", "sm2_public_key": "04ab", "evm_address": "5e"}],
        ),
    ]
    created_at_s: AtS
    updated_tx: TxId
    block: Block
    tx_id: TxId
    previous: Annotated[object, Described("The one before, which still signs windows that ended before.", example=None)]
    next: Annotated[object, Described("The one that is appointed to follow.", example=None)]


@dataclass(frozen=True)
class ClockSetting:
    """By which clock a consortium lives."""

    kind: Annotated[
        str, one_of("system", "scenario"), Described("`system`, or `scenario` for a demo's.", example="system")
    ]
    start_ms: Annotated[int, Whole(0), Described("When a scenario begins, UTC.", example=1641110400000)]
    factor: Annotated[int, Whole(0), Described("How much faster a scenario runs.", example=1)]


@dataclass(frozen=True)
class LedgerStatus:
    """How far one ledger is, and how far this node has read it."""

    name: Annotated[str, Text(), Described("`facts`, or the name of the caller's chain.", example="e1")]
    available: Annotated[bool, Described("Whether it said its height just now.", example=True)]
    height: Annotated[
        Annotated[int, Whole(0)] | None,
        Described("Blocks of the facts, or the number of the chain's newest; null without an answer.", example=121),
    ]
    detail: Annotated[
        Annotated[str, Text(0, 2000)] | None, Described("Why it does not answer; else null.", example=None)
    ]
    trouble: Annotated[
        Annotated[str, Text(0, 2000)] | None, Described("What stops the reading of it; else null.", example=None)
    ]
    read_block: Annotated[
        Annotated[int, Whole(0)] | None,
        Described("The newest block of which the read model holds something; null before the first.", example=120),
    ]
    read_place: Annotated[
        Annotated[int, Whole(0)] | None, Described("The newest event of that block in it, by index.", example=0)
    ]


@dataclass(frozen=True)
class Status:
    """How far the node is with each of its two ledgers."""

    consortium_id: Annotated[str, Text(), Described("The consortium's id, hex.", example="c0" * 32)]
    clock: Annotated[ClockSetting, Described("The consortium's clock.")]
    now_s: Annotated[int, Whole(0), Described("The node's time, UTC.", example=1641114000)]
    organisation: Annotated[str, Text(), Described("The caller.", example="bank")]
    serves: Annotated[tuple[Annotated[str, Text()], ...], Described("Whom this node serves.", example=["bank"])]
    pending: Annotated[int, Whole(0), Described("The caller's commands that wait.", example=0)]
    facts: Annotated[LedgerStatus, Described("The ledger of facts.")]
    obligations: Annotated[LedgerStatus, Described("The caller's chain.")]
