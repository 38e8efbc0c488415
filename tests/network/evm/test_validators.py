"""Four validators of cosmos/evm, as a circle runs them: what they let in, what they say, what they survive."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from network.bringup import supervisor
from network.bringup.contracts import set_up_circle
from network.bringup.cosmos import validators
from network.membership.connections import Connections
from network.membership.consortium import Consortium
from network.membership.seats import create_home, open_seat
from network.obligations.jsonrpc.circle import bind, open_chain
from network.obligations.jsonrpc.deployment import Deployment
from network.ports import Rejected, Unavailable
from node.demo.founding import write_consortium
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.comet.proof import CometProof, verify_comet

pytestmark = pytest.mark.engine("evm")

SET_UP = {"profiles": [(bytes([5]) * 32, 900)], "packs": [], "deposits_minor": {"bank": 10**9}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A circle on four validators, with its contracts."""
    home = tmp_path_factory.mktemp("circle")
    consortium = write_consortium(home)
    create_home(home, consortium)
    try:
        connection = validators.up(home, consortium)
        Connections(obligations={"e1": connection}).save(home)
        asyncio.run(set_up_circle(home, consortium, bind(consortium, connection), **SET_UP))
        yield home
    finally:
        validators.down(home)


@contextlib.asynccontextmanager
async def port(home, organisation="bank"):
    connection = Connections.load(home).obligations["e1"]
    opened = open_chain(home, Consortium.load(home), open_seat(home, organisation), connection)
    try:
        yield opened
    finally:
        await opened.aclose()


async def minted(chain, amount=1, command=None):
    return await chain.transact("DepositToken", "mint", [command or secrets.token_bytes(32), chain.address, amount])


async def balance(chain):
    return await chain.call("DepositToken", "balanceOf", [chain.address])


def pid_of(home, organisation):
    return supervisor.states(home)[f"evm.{organisation}"].pid


async def heights_move(home, organisations):
    """Until each of these validators has made a block after now."""
    first = {each.organisation: each.height for each in validators.status(home)}
    deadline = time.monotonic() + 30
    while True:
        now = {each.organisation: each.height for each in validators.status(home)}
        if all((now[each] or 0) > (first[each] or 0) for each in organisations):
            return
        assert time.monotonic() < deadline, now
        await asyncio.sleep(0.1)


async def heights_meet(home):
    """Until all validators are at the same block, give or take the one under way."""
    deadline = time.monotonic() + 30
    while True:
        heights = [each.height for each in validators.status(home)]
        if None not in heights and max(heights) - min(heights) <= 1:
            return
        assert time.monotonic() < deadline, heights
        await asyncio.sleep(0.1)


def test_every_validator_runs_and_up_again_changes_nothing(home):
    consortium = Consortium.load(home)
    assert validators.up(home, consortium) == Connections.load(home).obligations["e1"]
    states = validators.status(home)
    assert [each.organisation for each in states] == list(consortium.circle("e1").validators)
    assert all(each.running and each.restarts == 0 and each.height > 2 for each in states)


def test_keys_are_for_their_organisation_only_and_the_genesis_is_everybodys(home):
    first = set()
    for each in validators.places(home, Consortium.load(home)):
        for name in ("config/priv_validator_key.json", "config/node_key.json"):
            assert stat.S_IMODE((each.directory / name).stat().st_mode) == 0o600
        first.add((each.directory / "config/genesis.json").read_bytes())
    (genesis,) = first
    assert json.loads(genesis)["chain_id"] == validators.consensus_id(Consortium.load(home), "e1")


def listening(pid):
    """Local addresses of a process's listening sockets, as the kernel writes them."""
    own = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                found.append(fields[1].partition(":")[0])
    return found


def test_nothing_listens_beyond_this_machine(home):
    for organisation in Consortium.load(home).circle("e1").validators:
        addresses = listening(pid_of(home, organisation))
        assert len(addresses) >= 3
        assert set(addresses) == {"0100007F"}


def test_a_chain_id_that_the_engine_does_not_have_is_refused(tmp_path):
    consortium = write_consortium(tmp_path)
    text = (tmp_path / "consortium.toml").read_text().replace("chain_id = 262144", "chain_id = 7001")
    with pytest.raises(Unavailable, match="compiled in"):
        validators.up(tmp_path, consortium.parse(text))


async def test_refusals_have_the_codes_that_the_embedded_chain_gives(home):
    async with port(home) as bank, port(home, "manufacturer") as manufacturer:
        command = secrets.token_bytes(32)
        assert (await minted(bank, command=command)).status == 1
        again = await minted(bank, command=command)
        assert (again.status, again.code) == (0, "command_repeated")
        assert again.detail == f"command_id 0x{command.hex()}"
        assert (await minted(manufacturer)).code == "forbidden"
        with pytest.raises(Rejected) as refused:
            await bank.call("CreditFacility", "facility", [bytes(32)])
        assert (refused.value.code, refused.value.detail) == ("not_found", f"id 0x{bytes(32).hex()}")


async def test_a_stranger_to_the_circle_is_mined_and_refused_before_any_contract(home):
    consortium = Consortium.load(home)
    connection = Connections.load(home).obligations["e1"]
    stranger = bind(consortium, connection)(open_seat(home, "inspector"), Deployment.load(home, "e1"))
    result = await stranger.transact("DepositToken", "approve", [bytes(20), 1])
    assert (result.status, result.code) == (0, "forbidden")
    assert "does not have permission" in result.detail
    await stranger.aclose()


async def test_many_in_flight_from_one_key_are_all_mined(home):
    async with port(home) as bank:
        before, first = await balance(bank), await bank.next_nonce()
        results = await asyncio.gather(*(minted(bank) for _ in range(64)))
        assert {result.status for result in results} == {1}
        assert await balance(bank) == before + 64
        assert await bank.next_nonce() == first + 64


async def test_two_processes_of_one_account_lose_nothing(home):
    async with port(home) as one, port(home) as other:
        before = await balance(one)
        results = await asyncio.gather(*(minted(chain) for chain in (one, other) * 8))
        assert {result.status for result in results} == {1}
        assert await balance(one) == before + 16


async def test_a_transaction_is_proved_by_the_validators_that_the_trust_file_names(home):
    trusted = Trust.parse((home / "trust.json").read_bytes()).chains[0]
    async with port(home) as bank:
        command = secrets.token_bytes(32)
        for status in (1, 0):
            mined = await minted(bank, command=command)
            proof = await bank.receipt_proof(mined.tx_hash)
            shown = CometProof.from_members(proof["members"])
            assert (proof["kind"], mined.status) == ("comet", status)
            assert shown is not None
            verify_comet(shown, trusted.consensus_id, trusted.validators)


async def test_one_of_four_is_killed_and_nobody_notices_but_it_is_back(home):
    async with port(home) as bank:
        before = await balance(bank)
        working, done = True, []

        async def work():
            while working:
                done.append((await minted(bank)).status)

        workers = [asyncio.create_task(work()) for _ in range(4)]
        await asyncio.sleep(0.5)
        os.kill(pid_of(home, "bank"), signal.SIGKILL)  # the endpoint that is asked, too
        await heights_move(home, ["insurer", "manufacturer", "regulator"])
        await asyncio.sleep(1)
        working = False
        await asyncio.gather(*workers)
        assert set(done) == {1}
        assert await balance(bank) == before + len(done)
    await heights_meet(home)


async def test_an_endpoint_that_hangs_is_left_for_another_organisations(home):
    async with port(home) as bank:
        assert (await minted(bank)).status == 1
        os.kill(pid_of(home, "bank"), signal.SIGSTOP)
        try:
            assert (await minted(bank)).status == 1
        finally:
            os.kill(pid_of(home, "bank"), signal.SIGCONT)
    await heights_meet(home)


async def test_with_two_of_four_away_the_chain_stands_still_and_goes_on_by_itself(home):
    async with port(home) as bank:
        before = await balance(bank)
        for each in ("manufacturer", "regulator"):
            os.kill(pid_of(home, each), signal.SIGSTOP)
        try:
            command = secrets.token_bytes(32)
            waiting = asyncio.create_task(minted(bank, 7, command))
            await asyncio.sleep(3)
            assert not waiting.done()
            assert await balance(bank) == before
        finally:
            for each in ("manufacturer", "regulator"):
                os.kill(pid_of(home, each), signal.SIGCONT)
        assert (await waiting).status == 1
        assert await balance(bank) == before + 7
    await heights_meet(home)


async def test_a_client_killed_after_sending_repeats_its_command_without_doubling_it(home):
    async with port(home) as bank:
        before = await balance(bank)
        for killed_after in ("sent", ""):
            command = secrets.token_bytes(32)
            sender = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.network.evm.late_sender", home, command.hex(), "3"),
                stdout=subprocess.PIPE,
            )
            if killed_after:
                assert await sender.stdout.readline() == b"sent\n"
            sender.kill()
            await sender.wait()
            again = await minted(bank, 3, command)
            assert (again.status, again.code) == ((0, "command_repeated") if killed_after else (1, None))
        assert await balance(bank) == before + 6


async def test_following_goes_on_exactly_when_endpoints_come_and_go(home):
    async with port(home) as bank, port(home) as follower:
        start = (await bank.height(), 10**6)
        seen = []

        async def follow():
            position = start
            while True:
                try:
                    async for log in follower.logs(position):
                        position = (log.block, log.log_index)
                        seen.append((position, log.tx_hash))
                except Unavailable:
                    await asyncio.sleep(0.05)

        following = asyncio.create_task(follow())
        sent = []
        for victim in ("bank", "insurer", "bank"):
            sent.extend(await asyncio.gather(*(minted(bank) for _ in range(5))))
            os.kill(pid_of(home, victim), signal.SIGKILL)
            sent.extend(await asyncio.gather(*(minted(bank) for _ in range(5))))
            await heights_move(home, [victim])
        async with asyncio.timeout(20):
            while not {result.tx_hash for result in sent} <= {tx for _, tx in seen}:  # noqa: ASYNC110 -- a task appends
                await asyncio.sleep(0.1)
        following.cancel()
        places = [place for place, _ in seen]
        assert places == sorted(set(places))
        assert {(log.block, log.log_index) for result in sent for log in result.logs} <= set(places)
