"""A legacy transaction with EIP-155 replay protection: what every permissioned EVM takes."""

from __future__ import annotations

from dataclasses import dataclass

from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.encoding.rlp import encode, int_bytes
from wuxin_evidence.ids import keccak256


@dataclass(frozen=True)
class Unsigned:
    """A transaction at gas price zero; `to` None creates a contract from `data`."""

    chain_id: int
    nonce: int
    gas_limit: int
    to: bytes | None
    data: bytes

    def signed(self, key: EvmKey) -> tuple[bytes, bytes]:
        """The raw transaction and its hash."""
        fields = [
            int_bytes(self.nonce),
            b"",
            int_bytes(self.gas_limit),
            self.to or b"",
            b"",
            self.data,
        ]
        signature = key.sign_digest(keccak256(encode([*fields, int_bytes(self.chain_id), b"", b""])))
        v = signature[64] - 27 + 35 + 2 * self.chain_id
        r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
        raw = encode([*fields, int_bytes(v), int_bytes(r), int_bytes(s)])
        return raw, keccak256(raw)


def contract_address(creator: bytes, nonce: int) -> bytes:
    """Where a creation by `creator` with `nonce` puts its contract, 20 bytes."""
    return keccak256(encode([creator, int_bytes(nonce)]))[12:]
