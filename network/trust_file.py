"""The trust file of an installation: what outsiders hold evidence against.

`trust_of` gathers it from what the organisations published in this home; `create_home` writes it once. After the
obligations are deployed, `set_feed` adds the address of a chain's AttestationFeed. People compare the file with the
consortium's members; it never travels with the evidence.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from network.consortium import Circle, Consortium
from network.published import certificate, first_committee, public_keys
from wuxin_evidence.fabric_proof import BlockSigner
from wuxin_evidence.trust import Trust, TrustedChain, TrustedFacts, TrustedLog, TrustedOrganisation

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


def set_feed(home: Path, chain: str, feed: bytes) -> None:
    """Name the AttestationFeed (20-byte address) of a deployed chain in the trust file."""
    trust = Trust.parse((home / TRUST_FILE).read_bytes())
    chains = tuple(replace(each, feed=feed) if each.name == chain else each for each in trust.chains)
    write_trust(home, replace(trust, chains=chains))


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
