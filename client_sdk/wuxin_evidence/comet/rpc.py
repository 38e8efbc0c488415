"""A proof from what a CometBFT node tells over its RPC.

    prove(tx_hash, block, results, next_commit)      the "result" objects of /block?height=H, /block_results?height=H
                                                     and /commit?height=H+1, as parsed JSON

The node speaks JSON; proofs need the hashed bytes. They are rebuilt, and every hash that can be held against another
is: a node that lies or mixes up its blocks is found here, not by the reader of a bundle. Only the votes are left to
the verifier, who knows the validators.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from wuxin_evidence.comet.blocks import COMMIT_MESSAGE, HEADER
from wuxin_evidence.comet.evm import RESULT, read_transaction
from wuxin_evidence.comet.proof import CometProof, follow
from wuxin_evidence.encoding.protobuf import Values, write
from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import Tree

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_YEAR_ONE_SECONDS = -62_135_596_800
"""The engine's time for "none": the first second of the first year."""

Json = Mapping[str, Any]


def prove(tx_hash: bytes, block: Json, results: Json, next_commit: Json) -> CometProof:
    """The proof of the Ethereum transaction ``tx_hash`` (32 bytes), consistent in itself.

    Raises EvidenceError ``not_found`` when the block does not hold it, ``malformed`` or ``proof_invalid`` when the
    node's answers do not fit each other.
    """
    try:
        sent: list[str] = block["block"]["data"]["txs"] or []
        done: list[Json] = results["txs_results"] or []
        envelopes = [_base64(each) for each in sent]
        outcomes = [write(RESULT, _result(each)) for each in done]
        header = write(HEADER, _header(block["block"]["header"]))
        following = write(HEADER, _header(next_commit["signed_header"]["header"]))
        commit = write(COMMIT_MESSAGE, _commit(next_commit["signed_header"]["commit"]))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise EvidenceError("malformed", f"the node's answer lacks something: {error!r}", _ANOTHER) from error
    index = _index(tx_hash, envelopes)
    if len(outcomes) != len(envelopes):
        raise EvidenceError("malformed", "transactions and results differ in number", _ANOTHER)
    proof = CometProof(
        header=header,
        next_header=following,
        commit=commit,
        transaction=envelopes[index],
        result=outcomes[index],
        index=index,
        total=len(envelopes),
        transaction_path=_path([sha256(each).digest() for each in envelopes], index),
        result_path=_path(outcomes, index),
    )
    follow(proof)
    return proof


def _index(tx_hash: bytes, envelopes: Sequence[bytes]) -> int:
    for index, envelope in enumerate(envelopes):
        try:
            if read_transaction(envelope).tx_hash == tx_hash:
                return index
        except EvidenceError:
            continue  # transactions of the engine's own kinds stand in a block too
    raise EvidenceError("not_found", f"transaction {tx_hash.hex()} is not in this block", "ask for its own block")


def _path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tuple(tree.inclusion_proof(index, len(leaves)))


def _header(fields: Json) -> Values:
    hashes = [field.name for field in HEADER.fields if field.name.endswith("_hash")]
    version = {name: int(fields["version"].get(name, 0)) for name in ("block", "app")}
    return {
        "version": version,
        "chain_id": fields["chain_id"],
        "height": int(fields["height"]),
        "time": _time(fields["time"]),
        "last_block_id": _block_id(fields["last_block_id"]),
        "proposer_address": bytes.fromhex(fields["proposer_address"]),
        **{name: bytes.fromhex(fields[name]) for name in hashes},
    }


def _commit(fields: Json) -> Values:
    return {
        "height": int(fields["height"]),
        "round": int(fields["round"]),
        "block_id": _block_id(fields["block_id"]),
        "signatures": [
            {
                "flag": int(each["block_id_flag"]),
                "address": bytes.fromhex(each["validator_address"]),
                "timestamp": _time(each["timestamp"]),
                "signature": _base64(each["signature"]),
            }
            for each in fields["signatures"]
        ],
    }


def _result(fields: Json) -> Values:
    return {
        "code": int(fields.get("code", 0)),
        "data": _base64(fields.get("data")),
        "gas_wanted": int(fields.get("gas_wanted", 0)),
        "gas_used": int(fields.get("gas_used", 0)),
    }


def _block_id(fields: Json) -> Values:
    parts = {"total": int(fields["parts"]["total"]), "hash": bytes.fromhex(fields["parts"]["hash"])}
    return {"hash": bytes.fromhex(fields["hash"]), "parts": parts}


def _time(text: str) -> Values:
    """RFC 3339 with up to nine digits of a second, as Timestamp."""
    told = _TIME.fullmatch(text)
    if told is None:
        raise ValueError(f"{text[:40]!r} is not a time")
    since = datetime.fromisoformat(told[1]).replace(tzinfo=UTC) - _YEAR_ONE
    seconds = since.days * 86_400 + since.seconds + _YEAR_ONE_SECONDS
    return {"seconds": seconds, "nanos": int((told[2] or "").ljust(9, "0"))}


def _base64(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


_ANOTHER = "ask another node of the chain"
