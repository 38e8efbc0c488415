"""Whether the orderers signed a block that comes from somebody else's peer.

The own organisation's peer has checked what it delivers. Another organisation's, which stands in while that one is
away, could invent a block that follows the last one; a quorum of the trust file's orderers has not signed it. Which of
a block's transactions are valid no orderer signs: that remains the word of the peer that was asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric import BlockSigner, BlockView, parse_block, verify_block


@dataclass(frozen=True)
class BlockSigners:
    """Who signs the channel's blocks, and how many of them must."""

    signers: tuple[BlockSigner, ...]
    quorum: int

    def require_signed(self, raw: bytes) -> None:
        """Raises EvidenceError `quorum_not_met`, `malformed`."""
        block = parse_block(raw)
        if block.number == 0:
            _require_no_transactions(block)
        else:
            verify_block(block, self.signers, self.quorum)


def _require_no_transactions(block: BlockView) -> None:
    """The first block is signed by nobody; the second names its hash. It has a configuration and nothing else."""
    if any(each.tx_id for each in block.transactions):
        raise EvidenceError("malformed", "a first block with transactions", "ask another peer")
