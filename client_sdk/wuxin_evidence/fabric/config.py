"""The first block's one envelope: which organisations the channel knows, and what they agreed on.

`genesis_envelope` is a CONFIG envelope with an Application group per organisation, each carrying its MSP definition
(root certificate and node OUs) as Fabric's own tools would find it. It is a record, not a root of trust: a verifier
takes roots from its trust file and never from a block.
"""

from collections.abc import Mapping
from typing import Any

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric.proposals import signature_header
from wuxin_evidence.fabric.schema import COMMON, CONFIGTX, CONFIGURATION, MSP_CONFIG, parse, serialize

CONFIG = 1
"""HeaderType of a channel configuration."""

_CONSORTIUM = "Consortium"
"""The channel's value that names its consortium. Ours is named by its whole statement."""


def genesis_envelope(
    channel: str, timestamp_ms: int, organisations: Mapping[str, bytes], statement: bytes = b""
) -> bytes:
    """Envelope of block 0 for `organisations`: MSP id to root certificate (PEM). Unsigned, as Fabric's is.

    `statement` is UTF-8 text about the consortium. It stands in the configuration and not in the channel header's
    extension, because Fabric's tools read an extension as that of an endorsed transaction and refuse the block.
    """
    application = CONFIGTX.ConfigGroup(mod_policy="Admins")
    for msp_id in sorted(organisations):
        application.groups[msp_id].CopyFrom(_organisation(msp_id, organisations[msp_id]))
    root = CONFIGTX.ConfigGroup()
    root.groups["Application"].CopyFrom(application)
    if statement:
        root.values[_CONSORTIUM].value = serialize(CONFIGURATION.Consortium(name=statement.decode()))
        root.values[_CONSORTIUM].mod_policy = "Admins"
    config = CONFIGTX.ConfigEnvelope(config=CONFIGTX.Config(sequence=0, channel_group=root))
    header = COMMON.ChannelHeader(type=CONFIG, channel_id=channel)
    header.timestamp.FromMilliseconds(timestamp_ms)
    payload = COMMON.Payload(
        header=COMMON.Header(channel_header=serialize(header), signature_header=signature_header(b"", b"")),
        data=serialize(config),
    )
    return serialize(COMMON.Envelope(payload=serialize(payload)))


def genesis_statement(envelope: bytes) -> bytes:
    """The statement in block 0's envelope. Raises EvidenceError `malformed` where it holds none."""
    payload = parse(COMMON.Payload, parse(COMMON.Envelope, envelope).payload)
    values = parse(CONFIGTX.ConfigEnvelope, payload.data).config.channel_group.values
    if _CONSORTIUM not in values:
        raise EvidenceError("malformed", "block 0 names no consortium", "found the ledger again with this version")
    name: str = parse(CONFIGURATION.Consortium, values[_CONSORTIUM].value).name
    return name.encode()


def _organisation(msp_id: str, root_certificate_pem: bytes) -> Any:
    units = MSP_CONFIG.FabricNodeOUs(enable=True)
    for name in ("client", "peer", "admin", "orderer"):
        getattr(units, f"{name}_ou_identifier").organizational_unit_identifier = name
    msp = MSP_CONFIG.FabricMSPConfig(name=msp_id, root_certs=[root_certificate_pem], fabric_node_ous=units)
    group = CONFIGTX.ConfigGroup(mod_policy="Admins")
    group.values["MSP"].value = serialize(MSP_CONFIG.MSPConfig(type=0, config=serialize(msp)))
    group.values["MSP"].mod_policy = "Admins"
    return group
