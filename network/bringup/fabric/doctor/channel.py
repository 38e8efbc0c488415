"""The channel's configuration as the peers hold it: which organisations it has and where their anchor peers are.

Without an anchor peer the other organisations' peers do not find an organisation's, and a gateway there says that no
combination of peers satisfies the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from network.bringup.fabric.doctor.findings import ExpectedPeer, Finding
from wuxin_evidence.fabric import COMMON, CONFIGTX, PEER_CONFIGURATION, parse

ANCHORS = "AnchorPeers"


def anchors_of(config_block: bytes) -> dict[str, tuple[str, ...]]:
    """By MSP id, the `host:port` of the anchor peers in a configuration block; raises EvidenceError `malformed`."""
    envelope = parse(COMMON.Envelope, parse(COMMON.Block, config_block).data.data[0])
    config = parse(CONFIGTX.ConfigEnvelope, parse(COMMON.Payload, envelope.payload).data).config
    found: dict[str, tuple[str, ...]] = {}
    for name, group in config.channel_group.groups["Application"].groups.items():
        anchors = parse(PEER_CONFIGURATION.AnchorPeers, group.values[ANCHORS].value).anchor_peers
        found[str(name)] = tuple(f"{each.host}:{each.port}" for each in anchors)
    return found


def examine_channel(config_block: bytes, channel: str, peers: Sequence[ExpectedPeer]) -> Iterator[Finding]:
    """Which organisations of the plan the channel does not know, or not where they are."""
    anchors = anchors_of(config_block)
    for peer in peers:
        msp_id = peer.node.msp_id
        if msp_id not in anchors:
            hint = "add it by a configuration update that the channel's administrators sign"
            yield Finding("error", "channel", f"{channel} does not have the organisation {msp_id}", hint)
        elif not anchors[msp_id]:
            hint = f"set {peer.node.address} as its anchor peer by a configuration update"
            yield Finding(
                "error", "channel", f"{msp_id} has no anchor peer: other organisations' peers do not find it", hint
            )
        elif peer.node.address not in anchors[msp_id]:
            detail = (
                f"{msp_id} has the anchor peer {', '.join(anchors[msp_id])}, but its peer is at {peer.node.address}"
            )
            yield Finding(
                "warning", "channel", detail, "set the anchor peer to where the peer is, or the peer to there"
            )
