"""Who takes part, which committee signs, how far the node is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from chaincode.world.bounds import Described, Text, Whole
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
class Status:
    """How far the node is; beside these, one object for each chain under its name, of the form of `facts`."""

    consortium_id: Annotated[str, Text(), Described("The consortium's id, hex.", example="c0" * 32)]
    clock: Annotated[object, Described("The consortium's clock.", example={"kind": "system"})]
    now_s: Annotated[int, Whole(0), Described("The node's time, UTC.", example=1641114000)]
    organisation: Annotated[str, Text(), Described("The caller.", example="bank")]
    serves: Annotated[tuple[Annotated[str, Text()], ...], Described("Whom this node serves.", example=["bank"])]
    read_model: Annotated[
        object, Described("How far each ledger was read.", example={"facts": {"block": 120, "place": 0}})
    ]
    pending: Annotated[int, Whole(0), Described("The caller's commands that wait.", example=0)]
    facts: Annotated[
        object,
        Described(
            "The ledger of facts: its height, whether it answers, what stops the reading.",
            example={"height": 121, "available": True, "trouble": None},
        ),
    ]
