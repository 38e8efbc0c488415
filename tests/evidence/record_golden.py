"""Records the golden files anew, from a channel of four BFT orderers and a chain of four validators.

    python -m tests.evidence.record_golden       brings both networks up, tells a story, takes them down: one minute

Three transactions of the story must stand in one block of the chain. They are sent again until they do, at most
``TRIES_MAX`` times; then nothing is recorded.

The story holds what a reader must survive: configuration, lifecycle, private terms, a conflict of reads, a key policy
unmet, a refused draw, and a block decided while one validator was dead. One more channel has Raft orderers. Blocks are
written as the peer delivered them, the validators' answers as their RPC gave them; nothing is edited afterwards.
"""

import asyncio
import hashlib
import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from network.bringup import supervisor
from network.bringup.fabric import channel, network
from network.clock import SystemClock
from network.facts.fabric.ledger import FabricLedger, open_ledger
from network.membership.connections import Connections, FactsConnection
from network.membership.consortium import Consortium
from network.membership.seats import open_seat
from network.membership.trust_file import TRUST_FILE, set_block_signers
from network.ports import Chain, Commit, Invalid, TxResult
from node.demo.founding import demo_product, prepare
from node.evidence.bundles import obligation_members
from node.machine.founding import found_over
from tests.engines import BOTH, CHAIN, EVM, FABRIC, Ledgers, Networks
from tests.scenarios.ledger_story import LedgerStory, feed_arguments, record_arguments
from wuxin_evidence.attestation import SignedAttestation
from wuxin_evidence.bundle.archive import write_bundle
from wuxin_evidence.bundle.members import attestation_members, facts_members, rule_pack_members
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.fabric import BlockSigner, envelope, parse_block
from wuxin_evidence.ids import command_id

GOLDEN = Path(__file__).parent / "golden"
RECORDED = ("fabric", "evmd", "raft", "trust.json", "bundle.zip", "SHA256SUMS")
MAJORITY_WITHOUT_WAREHOUSE = ["InsurerMSP", "ManufacturerMSP", "RegulatorMSP"]
DEAD = "regulator"

TRIES_MAX = 20
"""Tries for three transactions in one block; each takes less than a second."""

SUMS = "SHA256SUMS"
"""Checksums of every file of the set; the committed one is what a later edit is found by."""


def main() -> None:
    work = Path(tempfile.mkdtemp())
    try:
        record(work, work / "golden")
        _replace(work / "golden")
    finally:
        shutil.rmtree(work)


def record(work: Path, to: Path) -> None:
    """Bring up the networks under `work` and write a whole set of golden files to `to`."""
    networks = Networks(work)
    for folder in ("fabric", "evmd", "raft"):
        (to / folder).mkdir(parents=True)
    try:
        asyncio.run(_record(networks, networks.founded(BOTH), to))
        networks.down()
        record_raft(work / "raft", to / "raft")
        _write_sums(to)
    finally:
        networks.down()


def record_raft(home: Path, to: Path) -> None:
    """Four Raft orderers of the same organisations, founded and no more: the newest block, and who may sign it."""
    consortium = prepare(home)
    try:
        with patch.object(channel, "configtx", partial(_raft_configtx, channel.configtx)):
            connection = network.up(home, consortium)
        Connections(facts=connection).save(home)
        found_over(home)
        numbered = Trust.parse((home / TRUST_FILE).read_bytes()).facts.block_signers
        set_block_signers(home, [BlockSigner(each.certificate_pem) for each in numbered], 1)
        shutil.copy(home / TRUST_FILE, to)
        (to / "newest.pb").write_bytes(asyncio.run(_newest(home, consortium, connection)))
    finally:
        network.down(home)


def _raft_configtx(bft: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    document = bft(*given)
    ordering = document["Profiles"][channel.PROFILE]["Orderer"]
    del ordering["SmartBFT"]
    names = ("Host", "Port", "ClientTLSCert", "ServerTLSCert")
    consenters = [{name: each[name] for name in names} for each in ordering.pop("ConsenterMapping")]
    ordering |= {"OrdererType": "etcdraft", "EtcdRaft": {"Consenters": consenters}}
    return document


async def _newest(home: Path, consortium: Consortium, connection: FactsConnection) -> bytes:
    ledger = open_ledger(consortium, open_seat(home, "bank"), SystemClock(), connection)
    try:
        return await anext(ledger.blocks(await ledger.height() - 2))
    finally:
        await ledger.aclose()


def _write_sums(to: Path) -> None:
    files = sorted(path for path in to.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(to).as_posix()}\n" for path in files]
    (to / SUMS).write_text("".join(sums))


def _replace(to: Path) -> None:
    """All files at once, after everything went well."""
    for name in RECORDED:
        old, new = GOLDEN / name, to / name
        if old.is_dir():
            shutil.rmtree(old)
        elif old.exists():
            old.unlink()
        shutil.move(new, old)


async def _record(networks: Networks, ledgers: Ledgers, to: Path) -> None:
    trust = _trust(networks)
    (to / "trust.json").write_text(json.dumps(trust.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    async with ledgers.everybody() as parties:
        story = LedgerStory(ledgers, parties)
        facts = await _facts(story)
        mined = await _obligations(story, ledgers, facts, to / "evmd")
        (to / "bundle.zip").write_bytes(await _bundle(story, trust, facts, mined))
        await _write_blocks(story, facts, to / "fabric")


def _trust(networks: Networks) -> Trust:
    """Who signs blocks from the one network, who votes from the other."""
    facts, chain = (Trust.parse((networks.home_of(pair) / "trust.json").read_bytes()) for pair in (FABRIC, EVM))
    return replace(facts, chains=chain.chains)


async def _facts(story: LedgerStory) -> dict[str, str]:
    """Transactions by what they stand for."""
    parties = story.parties
    bank, warehouse = (cast(FabricLedger, parties[name].ledger) for name in ("bank", "warehouse"))
    await story.issue()
    told = {"propose": _committed(await story.propose())}
    slot = {"slot_id": f"{story.slot}C"}
    outcomes = await asyncio.gather(
        *(warehouse.submit("register_slot", slot) for _ in range(2)), return_exceptions=True
    )
    (conflict,) = [each for each in outcomes if isinstance(each, Invalid)]
    told |= {"conflict": conflict.tx_id, "accept": _committed(await story.accept())}
    told["key_policy"] = await _without_the_warehouse(bank, {"pledge_id": story.pledge_id})
    return told


async def _without_the_warehouse(bank: FabricLedger, args: Mapping[str, Any]) -> str:
    """A release that enough organisations endorse, but not one that the receipt's own policy names."""
    prepared = bank._prepare("release_pledge", args, {}, None)
    payload = await bank._gateway.endorse(prepared.tx_id, prepared.signed, MAJORITY_WITHOUT_WAREHOUSE)
    await bank._gateway.submit(prepared.tx_id, envelope(payload, bank._signer.sign(payload)))
    assert await bank._gateway.committed(prepared.tx_id, 30)
    try:
        await bank.status(prepared.tx_id)
    except Invalid as refused:
        return refused.tx_id
    raise AssertionError("a key policy did not hold")


async def _obligations(story: LedgerStory, ledgers: Ledgers, facts: dict[str, str], to: Path) -> dict[str, Any]:
    """Lien, price and a draw that comes too early; then another price while one validator is dead."""
    proposed = await story.obligation("bank", "propose", story.key, story.facility())
    lien, together = await _in_one_block(story)
    recorded = await story.parties["bank"].ledger.submit(
        "record_attestation", record_arguments(lien, "pledge", story.pledge_id)
    )
    facts["attestation"] = recorded.tx_id
    supervisor.stop(ledgers.chain_home, [f"evm.{DEAD}"])
    await asyncio.sleep(2)  # the votes of the block that was being decided when it died may still be on their way
    bank = story.parties["bank"].chain
    last = await bank.transact("AttestationFeed", "submit", feed_arguments(story.price()))
    await bank.receipt_proof(last.tx_hash)
    _write_votes(ledgers, [*together, last], to)
    return {"lien": lien, "tx_hash": together[0].tx_hash, "proposed": proposed.tx_hash}


async def _in_one_block(story: LedgerStory) -> tuple[SignedAttestation, list[TxResult]]:
    """Three transactions of three members that stand in one block, and the lien that the first of them submits.

    Nobody can order the chain to take them together. They are sent right after a block; where they fall apart all the
    same, three new ones are. Raises SystemExit after ``TRIES_MAX`` tries.
    """
    bank, borrower, insurer = (story.parties[name].chain for name in ("bank", "manufacturer", "insurer"))
    early = [command_id("manufacturer", story.run), story.key, 1]
    for _ in range(TRIES_MAX):
        lien = story.lien(active=True)
        await _next_block(bank)
        together = await asyncio.gather(
            bank.transact("AttestationFeed", "submit", feed_arguments(lien)),
            insurer.transact("AttestationFeed", "submit", feed_arguments(story.price())),
            borrower.transact("CreditFacility", "draw", early),
        )
        if len({each.block for each in together}) == 1:
            return lien, together
        print("not in one block:", *(each.block for each in together), file=sys.stderr, flush=True)
    raise SystemExit(f"three transactions fell into more than one block {TRIES_MAX} times: try on a quieter machine")


async def _next_block(chain: Chain) -> None:
    """Wait until a block has just been decided: what is sent then has the whole time up to the next one."""
    before = await chain.height()
    while await chain.height() == before:  # noqa: ASYNC110 -- the endpoint has no event for it
        await asyncio.sleep(0.02)


async def _bundle(story: LedgerStory, trust: Trust, facts: Mapping[str, str], mined: Mapping[str, Any]) -> bytes:
    bank = story.parties["bank"]
    recorded = await bank.ledger.status(facts["attestation"])
    assert recorded is not None
    raw = await anext(bank.ledger.blocks(recorded.block - 1))
    profile = canonical_json(json.loads(_profile(story)))
    members = {
        **attestation_members(mined["lien"], profile),
        **facts_members(parse_block(raw).transactions[recorded.index].envelope, raw),
        **await obligation_members(bank.chain, mined["tx_hash"]),
        **rule_pack_members(
            canonical_json(demo_product().pack.document), await obligation_members(bank.chain, mined["proposed"])
        ),
    }
    return write_bundle(members, consortium_id=trust.consortium_id, clock=trust.clock)


def _profile(story: LedgerStory) -> bytes:
    from oracle.profile import profile_file

    return profile_file(story.ledgers.home).read_bytes()


async def _write_blocks(story: LedgerStory, facts: Mapping[str, str], to: Path) -> None:
    ledger = story.parties["bank"].ledger
    height = await ledger.height()
    blocks = ledger.blocks(-1)
    for number in range(height):
        raw = await anext(blocks)
        (to / f"{number:02}.pb").write_bytes(raw)
    told = {**facts, "pledge": story.pledge_id}
    (to / "story.json").write_text(json.dumps(told, indent=1) + "\n")


def _write_votes(ledgers: Ledgers, mined: Sequence[TxResult], to: Path) -> None:
    """What a validator's RPC tells of the blocks of these transactions."""
    source = Connections.load(ledgers.home).obligations[CHAIN].headers[0]
    for block in {each.block for each in mined}:
        told = {
            "block": _answer(source, f"block?height={block}"),
            "results": _answer(source, f"block_results?height={block}"),
            "next_commit": _answer(source, f"commit?height={block + 1}"),
        }
        (to / f"block-{block}.json").write_text(json.dumps(told, indent=1) + "\n")
    transactions = [
        {"block": each.block, "hash": each.tx_hash.removeprefix("0x"), "status": each.status, "code": each.code}
        for each in mined
    ]
    (to / "transactions.json").write_text(json.dumps(transactions, indent=1) + "\n")


def _answer(source: str, path: str) -> Any:
    with urllib.request.urlopen(f"{source.rstrip('/')}/{path}", timeout=10) as response:
        return json.load(response)["result"]


def _committed(outcome: Commit | Exception) -> str:
    assert isinstance(outcome, Commit), outcome
    return outcome.tx_id


if __name__ == "__main__":
    sys.exit(main())
