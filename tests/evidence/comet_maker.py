"""Four validators with real keys that decide blocks in memory, for the tests of their commits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.evidence.bundle_maker import FACILITY, proposal
from wuxin_evidence.bundle.trust import TrustedChain, TrustedValidator
from wuxin_evidence.comet import evm as comet_evm
from wuxin_evidence.comet.blocks import ABSENT, COMMIT, COMMIT_MESSAGE, HEADER, Commit, Header, validator_address
from wuxin_evidence.comet.proof import CometProof
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding.protobuf import write
from wuxin_evidence.encoding.rlp import encode, int_bytes
from wuxin_evidence.evm.proof import Log
from wuxin_evidence.ids import keccak256
from wuxin_evidence.log.tree import Tree

CONSENSUS_ID = "wuxin-test"
CHAIN_ID = 262144
FEED = b"\xfe" * 20
TIME = {"seconds": 1_700_000_000, "nanos": 5}
ABSENT_TIME = {"seconds": -62_135_596_800, "nanos": 0}


def envelope(
    place: int, sender: EvmKey, chain_id: int = CHAIN_ID, *, call: tuple[bytes, bytes] = (FEED, b"call"), **changes: Any
) -> bytes:
    """The engine's envelope of a legacy transaction with nonce ``place``; ``changes`` to its fields."""
    to, data = call
    content = [int_bytes(place), b"", int_bytes(90_000), to, b"", data]
    signature = sender.sign_digest(keccak256(encode([*content, int_bytes(chain_id), b"", b""])))
    v = signature[64] - 27 + 35 + 2 * chain_id
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    raw = encode([*content, int_bytes(v), int_bytes(r), int_bytes(s)])
    fields = {"nonce": place, "gas_price": "0", "gas": 90_000, "to": "0x" + to.hex(), "value": "0", "data": data}
    signed = dict(zip("vrs", (int_bytes(each) for each in (v, r, s)), strict=True))
    name = "/cosmos.evm.vm.v1.LegacyTx"
    written = write(comet_evm._TYPES[name][1], {**fields, **signed, **changes})
    message = {"data": {"type": name, "value": written}, "hash": "0x" + keccak256(raw).hex()}
    return wrapped([{"type": comet_evm._ETHEREUM_TYPE, "value": write(comet_evm._ETHEREUM, message)}])


def wrapped(messages: Sequence[dict[str, Any]]) -> bytes:
    """An envelope of these messages."""
    extension = {"type": "/cosmos.evm.vm.v1.ExtensionOptionsEthereumTx", "value": b""}
    body = write(comet_evm._BODY, {"messages": messages, "extensions": [extension]})
    return write(comet_evm._ENVELOPE, {"body": body, "fees_and_signers": b"\x12\x00"})


def result(tx_hash: bytes, logs: Sequence[Log] = (), vm_error: str = "", code: int = 0) -> bytes:
    """The part of a transaction's result that validators hash."""
    told = [
        {
            "address": "0x" + log.address.hex(),
            "topics": ["0x" + topic.hex() for topic in log.topics],
            "data": log.data,
            "tx_hash": "0x" + tx_hash.hex(),
        }
        for log in logs
    ]
    answer = write(comet_evm._ANSWER, {"hash": "0x" + tx_hash.hex(), "logs": told, "vm_error": vm_error})
    data = write(comet_evm._ANSWERS, {"responses": [{"type": comet_evm._ANSWER_TYPE, "value": answer}]})
    return write(comet_evm.RESULT, {"code": code, "data": data, "gas_wanted": 90_000, "gas_used": 45_000})


@dataclass
class Chain:
    """Validators, each with one key and the power of its place in ``powers``."""

    powers: tuple[int, ...] = (1, 1, 1, 1)
    sender: EvmKey = field(default_factory=EvmKey.generate)

    @cached_property
    def keys(self) -> list[Ed25519PrivateKey]:
        return [Ed25519PrivateKey.from_private_bytes(bytes([n + 1]) * 32) for n in range(len(self.powers))]

    @property
    def validators(self) -> tuple[TrustedValidator, ...]:
        keys = (key.public_key().public_bytes_raw() for key in self.keys)
        return tuple(TrustedValidator(key, power) for key, power in zip(keys, self.powers, strict=True))

    @property
    def trusted(self) -> TrustedChain:
        return TrustedChain("e1", CHAIN_ID, (), FEED, CONSENSUS_ID, self.validators)

    def header(self, height: int, **changes: Any) -> Header:
        values = {
            "version": {"block": 11, "app": 1},
            "chain_id": CONSENSUS_ID,
            "height": height,
            "time": TIME,
            "last_block_id": {"hash": b"\x01" * 32, "parts": {"total": 1, "hash": b"\x02" * 32}},
            "validators_hash": b"\x03" * 32,
            "proposer_address": b"\x04" * 20,
        }
        return Header.read(write(HEADER, {**values, **changes}))

    def commit(
        self,
        header: Header,
        signers: Sequence[int] = (0, 1, 2, 3),
        *,
        chain_id: str | None = None,
        block_hash: bytes | None = None,
        flag: int = COMMIT,
    ) -> Commit:
        """The votes of ``signers``; the others were absent."""
        block_id = {"hash": block_hash or header.hash(), "parts": {"total": 1, "hash": b"\x05" * 32}}
        blank = Commit({"height": header.height, "round": 0, "block_id": block_id, "signatures": []})
        signatures: list[dict[str, Any]] = []
        for place, key in enumerate(self.keys):
            if place not in signers:
                signatures.append({"flag": ABSENT, "timestamp": ABSENT_TIME})
                continue
            time = {"seconds": TIME["seconds"] + place, "nanos": 7}
            signed = key.sign(blank.vote_message(chain_id or header.chain_id, time))
            address = validator_address(key.public_key().public_bytes_raw())
            signatures.append({"flag": flag, "address": address, "timestamp": time, "signature": signed})
        return Commit.read(write(COMMIT_MESSAGE, {**blank.values, "signatures": signatures}))

    def proposed(self, pack: bytes, **options: Any) -> CometProof:
        """The proof of a facility's proposal that names this rule pack."""
        return self.proof(call=(FACILITY, proposal(sha256(pack).digest())), **options)

    def proof(self, logs: Sequence[Log] = (), index: int = 1, total: int = 3, **options: Any) -> CometProof:
        """The proof of one transaction of a block of ``total``; ``options`` are those of ``outcome`` and
        ``commit``, and the ``call`` of that transaction.
        """
        calls = {index: options.pop("call", (FEED, b"call"))}
        envelopes = [envelope(n, self.sender, call=calls.get(n, (FEED, b"call"))) for n in range(total)]
        told = {name: options.pop(name) for name in ("vm_error", "code") if name in options}
        hashes = [comet_evm.read_transaction(each).tx_hash for each in envelopes]
        results = [result(each, logs, **told) if n == index else result(each) for n, each in enumerate(hashes)]
        trees = Tree(), Tree()
        for sent, done in zip(envelopes, results, strict=True):
            trees[0].append(sha256(sent).digest())
            trees[1].append(done)
        header = self.header(8, data_hash=trees[0].root())
        last = {"hash": header.hash(), "parts": {"total": 1, "hash": b"\x06" * 32}}
        following = self.header(9, last_block_id=last, last_results_hash=trees[1].root())
        paths = [tuple(tree.inclusion_proof(index, total)) for tree in trees]
        commit = self.commit(following, **options)
        return CometProof(
            header.raw(), following.raw(), commit.raw(), envelopes[index], results[index], index, total, *paths
        )


def with_commit(proof: CometProof, commit: Commit, **changes: Any) -> CometProof:
    """The proof with other values in its commit."""
    return replace(proof, commit=write(COMMIT_MESSAGE, {**commit.values, **changes}))
