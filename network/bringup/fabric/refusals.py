"""What goes wrong between an administrator and a node, in words that say whose move it is.

Peers answer in one of two ways, with a gRPC status or with a response of status 400 and above, and the reason is a
sentence of Fabric's, often only half of it. `refused` turns either into an `AdminError` that names the stage, the
organisation, its node and what to do; `_REASONS` holds the sentences that have a known cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from network.facts.fabric.connection import RpcFailure
from network.membership.connections import FabricNode
from wuxin_evidence.errors import NamedError


class AdminError(NamedError):
    """A node did not do what its administrator asked.

    `code` is one of unavailable (the world's fault: try again), forbidden, clock_skew, conflict, not_found,
    malformed; `stage` is what was asked, `message` Fabric's own words.
    """

    def __init__(self, code: str, stage: str, node: FabricNode, message: str, hint: str) -> None:
        super().__init__(code, f"{stage} at {node.organisation} ({node.address}): {message}", hint)
        self.stage = stage
        self.organisation = node.organisation
        self.address = node.address
        self.message = message

    @property
    def in_short(self) -> str:
        """The same for a reader who knows which node is meant."""
        if self.code == "unavailable":
            return f"does not answer at {self.address}: {self.message}"
        return f"{self.stage}: {self.message}"


@dataclass(frozen=True)
class _Reason:
    pattern: re.Pattern[str]
    code: str
    hint: str


def _reason(pattern: str, code: str, hint: str) -> _Reason:
    return _Reason(re.compile(pattern, re.IGNORECASE), code, hint)


_REASONS = (
    _reason(
        r"incorrect timestamp",
        "clock_skew",
        "set the clock of this machine or of the peer; `wuxin network doctor` says by how much they differ",
    ),
    _reason(r"identity expired|certificate has expired", "forbidden", "have the authority issue a new certificate"),
    _reason(
        r"access denied|authoriz\w+|creator.*(malformed|unknown)|signature set did not satisfy|not satisfied",
        "forbidden",
        "sign with an admin's certificate of the organisation that owns the peer",
    ),
    _reason(r"namespace .* is not defined", "not_found", "commit the chaincode's definition first"),
    _reason(r"channel '.*' not found|unknown channel|invalid chain", "not_found", "join the peer to the channel"),
    _reason(r"could not fetch approved", "not_found", "have this organisation approve the definition"),
    _reason(r"package .*(not found|could not)|could not find chaincode", "not_found", "install the package"),
    _reason(
        r"timeout expired while starting chaincode",
        "unavailable",
        "something listens there but does not register as this package: start the chaincode server with its package id",
    ),
    _reason(
        r"could not launch chaincode|chaincode registration failed|error creating grpc connection",
        "unavailable",
        "start the organisation's chaincode server, at the address in its package and with its certificates",
    ),
    _reason(
        r"requested sequence|larger than|redefine|not agreed to",
        "conflict",
        "another administrator changed the definition meanwhile: ask again what is committed, then repeat",
    ),
    _reason(
        r"CERTIFICATE_VERIFY_FAILED|not match target name|TSI_",
        "unavailable",
        "its certificate does not lead to the TLS root known here, lacks this address, or is out of date",
    ),
    _reason(
        r"handshake",
        "unavailable",
        "something takes the connection and does not go on: the program hangs, or it is another one",
    ),
)

_CONNECTING = re.compile(r"^failed to connect to all addresses.*?ipv[46]:\S+ ", re.DOTALL)
"""What gRPC puts before the reason why it could not connect."""

_BY_STATUS = {
    "UNAVAILABLE": ("unavailable", "start it, and see its log; `wuxin network status` shows what runs"),
    "DEADLINE_EXCEEDED": ("unavailable", "it did not answer in time: see its log and what else its machine does"),
    "RESOURCE_EXHAUSTED": ("unavailable", "it is at its limit of calls: wait and repeat"),
    "PERMISSION_DENIED": ("forbidden", "sign with an admin's certificate of its organisation"),
    "UNIMPLEMENTED": ("malformed", "this is not the kind of node that the consortium's files say"),
}


def refused(stage: str, node: FabricNode, message: str) -> AdminError:
    """What a response of status 400 or above means; `message` is the peer's."""
    reason = _known(message)
    if reason is None:
        return AdminError("conflict", stage, node, message, "see the log of that node for the cause")
    return AdminError(reason.code, stage, node, message, reason.hint)


def failed(stage: str, failure: RpcFailure) -> AdminError:
    """What a call without an answer means: by its words where they are known, else by its gRPC status."""
    message = _CONNECTING.sub("", failure.message) or failure.status
    if _known(message) is None and failure.status in _BY_STATUS:
        code, hint = _BY_STATUS[failure.status]
        return AdminError(code, stage, failure.node, message, hint)
    return refused(stage, failure.node, message)


def _known(message: str) -> _Reason | None:
    return next((reason for reason in _REASONS if reason.pattern.search(message)), None)
