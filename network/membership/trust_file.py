"""The trust file of an installation: what outsiders hold evidence against.

`trust_of` gathers it from what the organisations published in this home; `create_home` writes it once, for the embedded
engines. Bringing up real ones says who decides there: `set_block_signers` for the orderers of the facts,
`set_validators` for a chain decided by vote. After the obligations are deployed, `set_contracts` adds the addresses of
a chain's AttestationFeed and CreditFacility. People compare the file with the consortium's members; it never travels
with the evidence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from network.membership.consortium import Circle, Consortium, ConsortiumError
from network.membership.published import certificate, first_committee, public_keys
from wuxin_evidence.bundle.trust import (
    Trust,
    TrustedChain,
    TrustedFacts,
    TrustedLog,
    TrustedOrganisation,
    TrustedValidator,
)
from wuxin_evidence.fabric import BlockSigner

TRUST_FILE = "trust.json"

BLOCK_QUORUM = 1
"""The embedded ledger has one orderer identity; a Fabric network with BFT ordering asks for more."""


def log_origin(consortium: Consortium, org: str) -> str:
    """The origin line under which an oracle member signs the checkpoints of its evidence log."""
    return f"wuxin/1/{consortium.consortium_id.hex()}/logs/{org}"


def trust_of(home: Path, consortium: Consortium) -> Trust:
    """What the organisations of this home published, as a trust file."""
    statement = consortium.statement()
    return Trust(
        consortium_id=consortium.consortium_id,
        name=consortium.name,
        clock=statement["clock"],
        organisations=tuple(
            TrustedOrganisation(
                member.name,
                member.msp_id,
                member.roles,
                (certificate(home, member.name, "root").decode(),),
            )
            for member in consortium.organisations
        ),
        facts=_facts(home, consortium),
        chains=tuple(_chain(home, circle) for circle in consortium.circles),
        committees=(first_committee(home, consortium),),
        logs=tuple(_log(home, consortium, member.name) for member in consortium.oracles),
    )


def write_trust(home: Path, trust: Trust) -> None:
    """Replace the trust file as a whole."""
    beside = home / f"{TRUST_FILE}.{os.getpid()}.tmp"
    beside.write_text(json.dumps(trust.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(home / TRUST_FILE)


def set_contracts(home: Path, chain: str, feed: bytes, facility: bytes) -> None:
    """Name the AttestationFeed and the CreditFacility (20-byte addresses) of a deployed chain in the trust file.

    Raises ConsortiumError.
    """
    _set_chain(home, chain, lambda trusted: replace(trusted, feed=feed, facility=facility))


def set_validators(home: Path, chain: str, consensus_id: str, validators: Iterable[TrustedValidator]) -> None:
    """Say who votes on a chain in place of its sealer; `consensus_id` is the chain's name in every vote.

    The keys are those that the organisations published, not what a node of the chain tells. Raises ConsortiumError.
    """
    voters = tuple(sorted(validators))
    _set_chain(home, chain, lambda trusted: replace(trusted, sealers=(), consensus_id=consensus_id, validators=voters))


def set_block_signers(home: Path, signers: Iterable[BlockSigner], quorum: int) -> None:
    """Say who signs the blocks of the facts, and how many of them must."""
    trust = Trust.parse((home / TRUST_FILE).read_bytes())
    write_trust(home, replace(trust, facts=replace(trust.facts, block_signers=tuple(signers), block_quorum=quorum)))


def _set_chain(home: Path, chain: str, change: Callable[[TrustedChain], TrustedChain]) -> None:
    trust = Trust.parse((home / TRUST_FILE).read_bytes())
    if all(trusted.name != chain for trusted in trust.chains):
        raise ConsortiumError("circle", f"no chain of {home / TRUST_FILE} is named {chain!r}")
    write_trust(home, replace(trust, chains=tuple(change(c) if c.name == chain else c for c in trust.chains)))


def _facts(home: Path, consortium: Consortium) -> TrustedFacts:
    facts = consortium.facts
    return TrustedFacts(
        channel=facts.channel,
        chaincode=facts.chaincode,
        policy_n=facts.endorsements,
        policy_organisations=tuple(member.msp_id for member in consortium.endorsers),
        block_signers=(BlockSigner(certificate(home, facts.orderer, "orderer")),),
        block_quorum=BLOCK_QUORUM,
    )


def _chain(home: Path, circle: Circle) -> TrustedChain:
    sealer = public_keys(home, circle.sealer).sealer_address
    return TrustedChain(circle.chain, circle.chain_id, () if sealer is None else (sealer,))


def _log(home: Path, consortium: Consortium, org: str) -> TrustedLog:
    key = public_keys(home, org).oracle_sm2 or b""
    return TrustedLog(org, log_origin(consortium, org), "sm2-sm3", key)
