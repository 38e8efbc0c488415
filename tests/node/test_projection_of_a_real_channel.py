"""Blocks of a real channel become rows: configurations, definitions and others' transactions are passed over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from node.projection import tables
from node.projection.facts import Channel, Foreign, Gap, apply_block
from node.projection.tables import open_read_model
from node.stores.databases import Store
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.fabric import VALID, parse_block

GOLDEN = Path(__file__).parents[1] / "evidence" / "golden"
BLOCKS = [path.read_bytes() for path in sorted((GOLDEN / "fabric").glob("*.pb"))]
TRUST = Trust.parse((GOLDEN / "trust.json").read_bytes())
OURS = Channel(TRUST.facts.chaincode, TRUST.consortium_id.hex())
TRANSACTIONS = [each for raw in BLOCKS for each in parse_block(raw).transactions]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_read_model(tmp_path / "readmodel.db")
    yield made
    made.close()


def follow(store: Store, channel: Channel = OURS) -> None:
    for raw in BLOCKS:
        with store.write() as connection:
            apply_block(connection, raw, channel)


def rows(store: Store, table: Table) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(select(table)).all())


def test_our_transactions_are_rows_and_the_rest_is_passed_over(store: Store) -> None:
    follow(store)
    assert rows(store, tables.checkpoint)[0].block == len(BLOCKS) - 1
    ours = [each for each in TRANSACTIONS if each.chaincode == OURS.chaincode]
    assert 0 < len(ours) < len(TRANSACTIONS)
    assert {row.tx_id for row in rows(store, tables.fact_transaction)} == {each.tx_id for each in ours}
    assert len(rows(store, tables.member)) == len(TRUST.organisations)
    assert not [
        row.id for row in rows(store, tables.setting) if "namespaces" in row.id or "chaincode-sources" in row.id
    ]
    assert {row.type for row in rows(store, tables.event)} >= {"consortium_initialised"}


def test_an_invalid_transaction_leaves_its_code_and_nothing_else(store: Store) -> None:
    follow(store)
    invalid = {each.tx_id for each in TRANSACTIONS if each.tx_id and each.validation_code != VALID}
    codes = {row.tx_id: row.code for row in rows(store, tables.fact_transaction)}
    assert all(codes[tx_id] != "VALID" for tx_id in invalid)
    assert not invalid & {row.tx_id for row in rows(store, tables.event)}


def test_another_chaincode_of_the_channel_cannot_write_our_records(store: Store) -> None:
    follow(store, Channel("another", OURS.consortium_id))
    for table in (tables.member, tables.event, tables.fact_transaction, tables.setting):
        assert rows(store, table) == []


def test_a_channel_of_another_consortium_is_not_followed(store: Store) -> None:
    with pytest.raises(Foreign, match="this home"):
        follow(store, Channel(OURS.chaincode, bytes(32).hex()))
    assert rows(store, tables.member) == []


def test_blocks_follow_one_another_and_a_repeated_one_changes_nothing(store: Store) -> None:
    follow(store)
    before = rows(store, tables.event)
    follow(store)
    assert rows(store, tables.event) == before
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE checkpoint SET block = 0")
    with pytest.raises(Gap), store.write() as connection:
        apply_block(connection, BLOCKS[2], OURS)
