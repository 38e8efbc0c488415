"""Install, approve, commit and upgrade on the real network, for chaincodes that nobody ever calls."""

import dataclasses
import secrets
from collections.abc import AsyncIterator

import pytest

from network.bringup.fabric.admin import PeerAdmin
from network.bringup.fabric.layout import Layout, layout_of
from network.bringup.fabric.lifecycle import Member, Wanted, ensure
from network.bringup.fabric.package import Package, ServerAddress, build, label_of
from network.bringup.fabric.refusals import AdminError
from network.membership.connections import FabricNode
from network.membership.seats import open_admin
from tests.engines import FABRIC, Ledgers, on
from wuxin_evidence.fabric import peers_at_least

pytestmark = on(FABRIC)


@pytest.fixture
def layout(ledgers: Ledgers) -> Layout:
    return layout_of(ledgers.network_home, ledgers.consortium)


@pytest.fixture
def wanted(layout: Layout) -> Wanted:
    """A chaincode of this test's own."""
    policy = peers_at_least(3, [peer.organisation.msp_id for peer in layout.peers])
    return Wanted(layout.consortium.facts.channel, f"lifecycle-{secrets.token_hex(4)}", "v1", policy)


@pytest.fixture
async def bank(layout: Layout) -> AsyncIterator[PeerAdmin]:
    place = layout.peers[0]
    async with PeerAdmin(place.node, open_admin(place.home, place.organisation)) as admin:
        yield admin


def _package(wanted: Wanted, port: int = 1) -> Package:
    return build(label_of(wanted.name, wanted.version), ServerAddress(f"127.0.0.1:{port}"))


def _members(layout: Layout, wanted: Wanted) -> list[Member]:
    return [
        Member(place.node, open_admin(place.home, place.organisation), _package(wanted, number))
        for number, place in enumerate(layout.peers, start=1)
    ]


def _orderers(layout: Layout) -> list[FabricNode]:
    return [place.node for place in layout.orderers]


async def test_all_organisations_agree_and_a_second_time_nothing_happens(
    layout: Layout, wanted: Wanted, bank: PeerAdmin
) -> None:
    members = _members(layout, wanted)

    definition = await ensure(members, _orderers(layout), wanted)
    height = (await bank.chain_info(wanted.channel)).height
    again = await ensure(members, _orderers(layout), wanted)

    committed = await bank.definition(wanted.channel, wanted.name)
    assert committed is not None
    assert committed.definition == definition == again == wanted.under(1)
    assert all(committed.approvals[member.peer.msp_id] for member in members)
    assert (await bank.chain_info(wanted.channel)).height == height


async def test_another_version_or_policy_takes_the_next_sequence(
    layout: Layout, wanted: Wanted, bank: PeerAdmin
) -> None:
    newer = dataclasses.replace(wanted, version="v2")
    stricter = dataclasses.replace(
        newer, endorsement_policy=peers_at_least(4, [peer.organisation.msp_id for peer in layout.peers])
    )
    for sequence, each in enumerate((wanted, newer, stricter), start=1):
        assert (await ensure(_members(layout, each), _orderers(layout), each)).sequence == sequence

    committed = await bank.definition(wanted.channel, wanted.name)
    assert committed is not None
    assert committed.definition == stricter.under(3)


async def test_an_organisation_changes_its_package_alone(layout: Layout, wanted: Wanted, bank: PeerAdmin) -> None:
    first, *others = _members(layout, wanted)
    await ensure([first, *others], _orderers(layout), wanted)
    moved = dataclasses.replace(first, package=_package(wanted, 99))

    definition = await ensure([moved, *others], _orderers(layout), wanted)

    approval = await bank.approved(wanted.channel, wanted.name, 1)
    assert approval is not None
    assert (definition.sequence, approval.package_id) == (1, moved.package.package_id)
    assert await bank.holds(moved.package)


async def test_a_peer_that_does_not_answer_is_named_before_anything_changes(
    layout: Layout, wanted: Wanted, bank: PeerAdmin
) -> None:
    first, second, *others = _members(layout, wanted)
    gone = dataclasses.replace(second, peer=dataclasses.replace(second.peer, address="127.0.0.1:1"))

    with pytest.raises(AdminError) as raised:
        await ensure([first, gone, *others], _orderers(layout), wanted)

    assert (raised.value.code, raised.value.organisation) == ("unavailable", second.peer.organisation)
    assert not await bank.holds(first.package)
    assert await bank.definition(wanted.channel, wanted.name) is None


async def test_only_an_administrator_installs(layout: Layout, wanted: Wanted, ledgers: Ledgers) -> None:
    place = layout.peers[0]
    async with PeerAdmin(place.node, ledgers.seat(place.organisation.name).fabric_signer) as client:
        with pytest.raises(AdminError) as refused:
            await client.install(_package(wanted))

    assert (refused.value.code, refused.value.stage) == ("forbidden", "install")


async def test_an_administrator_has_no_say_at_another_organisations_peer(layout: Layout, wanted: Wanted) -> None:
    place, other = layout.peers[:2]
    async with PeerAdmin(place.node, open_admin(other.home, other.organisation)) as foreign:
        with pytest.raises(AdminError) as refused:
            await foreign.install(_package(wanted))

    assert (refused.value.code, refused.value.organisation) == ("forbidden", place.organisation.name)


async def test_a_peer_joins_with_a_block_only(layout: Layout, wanted: Wanted) -> None:
    elsewhere = dataclasses.replace(wanted, channel="elsewhere")

    with pytest.raises(AdminError) as refused:
        await ensure(_members(layout, elsewhere), _orderers(layout), elsewhere)

    assert (refused.value.code, refused.value.stage) == ("not_found", "join")


async def test_joining_and_installing_again_changes_nothing(layout: Layout, wanted: Wanted, bank: PeerAdmin) -> None:
    block = (layout.channel_folder / "first.block").read_bytes()
    await bank.install(_package(wanted))

    await bank.join(block)
    await bank.install(_package(wanted))

    assert (await bank.channels()).count(wanted.channel) == 1
    assert [each.package_id for each in await bank.installed()].count(_package(wanted).package_id) == 1
