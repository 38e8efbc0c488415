"""The border to Fabric's generated protobuf classes, which ship without types.

Everything untyped stays behind this module: the readers and builders beside it take a class from here, fill
or parse it, and hand on bytes and frozen values. Field numbers are those of fabric-protos (Apache-2.0); the
package ``hyperledger-fabric-protos`` is pinned exactly because it is a pre-release.
"""

from importlib import import_module
from typing import Any, cast

from wuxin_evidence.errors import EvidenceError

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""Largest message read: a block of 500 transactions at Fabric's advised 10 MiB, with room."""


def _module(name: str) -> Any:
    return cast(Any, import_module(f"fabric_protos.{name}"))


COMMON = _module("common.common_pb2")
CONFIGTX = _module("common.configtx_pb2")
CONFIGURATION = _module("common.configuration_pb2")
POLICIES = _module("common.policies_pb2")
IDENTITIES = _module("msp.identities_pb2")
MSP_CONFIG = _module("msp.msp_config_pb2")
PRINCIPAL = _module("msp.msp_principal_pb2")
RWSET = _module("ledger.rwset.rwset_pb2")
KVRWSET = _module("ledger.rwset.kvrwset.kv_rwset_pb2")
CHAINCODE = _module("peer.chaincode_pb2")
CHAINCODE_EVENT = _module("peer.chaincode_event_pb2")
PROPOSAL = _module("peer.proposal_pb2")
PROPOSAL_RESPONSE = _module("peer.proposal_response_pb2")
TRANSACTION = _module("peer.transaction_pb2")
CHAINCODE_SHIM = _module("peer.chaincode_shim_pb2")
QUERY_RESULT = _module("ledger.queryresult.kv_query_result_pb2")
LEDGER = _module("common.ledger_pb2")
ORDERING = _module("orderer.ab_pb2")
PEER_CONFIGURATION = _module("peer.configuration_pb2")
EVENTS = _module("peer.events_pb2")
GATEWAY = _module("gateway.gateway_pb2")
LIFECYCLE = _module("peer.lifecycle.lifecycle_pb2")
APPLICATION_POLICY = _module("peer.policy_pb2")
QUERY = _module("peer.query_pb2")


def serialize(message: Any) -> bytes:
    """The bytes of a message, map entries in sorted order so that equal content gives equal bytes."""
    return cast(bytes, message.SerializeToString(deterministic=True))


def parse(message_class: Any, raw: bytes) -> Any:
    """Read one message.

    Raises EvidenceError ``too_large`` beyond MESSAGE_BYTES_MAX and ``malformed`` for anything that does not
    parse.
    """
    name = cast(str, message_class.DESCRIPTOR.full_name)
    if len(raw) > MESSAGE_BYTES_MAX:
        raise EvidenceError(
            "too_large",
            f"{name} of {len(raw)} bytes exceeds {MESSAGE_BYTES_MAX}",
            "split the data over several blocks",
        )
    message = message_class()
    try:
        message.ParseFromString(raw)
    except Exception as error:  # protobuf back ends raise different types for the same fault
        raise EvidenceError(
            "malformed", f"{name} does not parse", "take the bytes from the ledger again, unchanged"
        ) from error
    return message


def parse_exact(message_class: Any, raw: bytes) -> Any:
    """Read one message and refuse any other spelling of it: unknown or repeated fields, another order.

    Raises EvidenceError ``malformed`` or ``too_large``.
    """
    message = parse(message_class, raw)
    message.DiscardUnknownFields()
    if serialize(message) != raw:
        name = cast(str, message_class.DESCRIPTOR.full_name)
        raise EvidenceError(
            "malformed", f"{name} is not in its deterministic form", "serialise it without extra fields"
        )
    return message
