"""What a failed call means: the text of gateway and peers, decoded into a stage, who said it, and a port's error.

Fabric answers with a gRPC status and, beside it, one `ErrorDetail` per endpoint; the reason stands in the words only.
`Failure` keeps all of it, answers the questions on which a retry depends, and `port_error` says it in the words of
`network.ports`:

    chaincode response 4xx, {"code", "detail", "hint"}     Rejected with that code and the endorser's organisation
    chaincode response 5xx, …                              Unavailable: the chaincode failed there
    identity expired, access denied, incorrect timestamp   Rejected forbidden, clock_skew
    payloads do not match                                  EndorsementMismatch
    everything else                                        Unavailable, with each endpoint's own words
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from network.facts.fabric import wire
from network.facts.fabric.connection import RpcFailure
from network.facts.fabric.wire import ErrorDetail
from network.ports import EndorsementMismatch, PortError, Rejected, Unavailable

Stage = Literal["evaluate", "endorse", "submit", "commit status"]

STATUS_REFUSED = 400
STATUS_FAILED = 500

_CHAINCODE = re.compile(r"chaincode response (\d{3}), (.*)", re.DOTALL)
_ORDERER = re.compile(r"unsuccessful response from orderer: status=(\w+)")
_ORDERING_CODES = {
    "BAD_REQUEST": "malformed",
    "FORBIDDEN": "forbidden",
    "NOT_FOUND": "not_found",
    "REQUEST_ENTITY_TOO_LARGE": "too_large",
}
"""Orderer statuses of the caller's fault; the others (SERVICE_UNAVAILABLE, INTERNAL_SERVER_ERROR) may pass."""

_TOO_MANY = "too many requests"
DUPLICATE = "duplicate transaction found"
_MISMATCH = "ProposalResponsePayloads do not match"
_DENIED = ("access denied", "creator is malformed", "creator's signature over the proposal")
_EXPIRED = "identity expired"
_RENEW = "have the organisation's authority issue a new certificate; `wuxin network doctor` names what has expired"
_CLOCK = "incorrect timestamp"
_GATEWAYS_OWN = ("orderer", "transaction", "endors", "evaluat", "peers available", "channel")
"""Words of which at least one is in every UNAVAILABLE that a gateway says about others; without, it is away itself."""


class Failure(Exception):
    """A call to a gateway or peer that failed at a stage; `details` are the words of the endpoints behind it."""

    def __init__(self, stage: Stage, rpc: RpcFailure) -> None:
        super().__init__(f"{stage}: {rpc}")
        self.stage: Stage = stage
        self.node = rpc.node
        self.status = rpc.status
        self.message = rpc.message
        self.details = wire.error_details(rpc.details) if rpc.details else ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The failure's own words and those of each node that it quotes."""
        return (self.message, *(detail.message for detail in self.details))

    @property
    def too_many_requests(self) -> bool:
        """The server's concurrency limit; it did not look at the request."""
        return self._says(_TOO_MANY)

    @property
    def node_is_away(self) -> bool:
        """The gateway itself cannot be reached, stopped, or did not answer in time: another one may."""
        if self.status in ("DEADLINE_EXCEEDED", "CANCELLED", "UNIMPLEMENTED"):
            return True
        if self.status == "UNKNOWN" and "Stream removed" in self.message:
            return True
        return self.status == "UNAVAILABLE" and not self.details and not any(w in self.message for w in _GATEWAYS_OWN)

    @property
    def already_ordered(self) -> bool:
        """A transaction with this id is in a block already."""
        return self._says(DUPLICATE)

    @property
    def mismatch(self) -> bool:
        """Whether organisations simulated different results."""
        return self._says(_MISMATCH)

    def ordering_refusal(self, tx_id: str) -> Rejected | None:
        """Where every orderer that answered finds the envelope itself wrong: sending it again would not help."""
        answers = [_ORDERER.search(text) for text in self._words_of_others()]
        codes = [_ORDERING_CODES.get(found[1]) if found else None for found in answers]
        if not codes or codes[0] is None or None in codes:
            return None
        hint = "see whether the certificate may write to the channel, and how large a transaction may be"
        return Rejected(codes[0], f"the orderers refuse it: {self._words_of_others()[0]}", hint, tx_id=tx_id)

    def refusal(self) -> tuple[ErrorDetail, int, str] | None:
        """The first endpoint whose chaincode answered with a status of 400 or more: who, status, message."""
        own = ErrorDetail(self.node.address, self.node.msp_id, self.message)
        for detail in (*self.details, own):
            found = _CHAINCODE.search(detail.message)
            if found is not None:
                return detail, int(found[1]), found[2]
        return None

    def _words_of_others(self) -> tuple[str, ...]:
        return tuple(detail.message for detail in self.details) or (self.message,)

    def _says(self, words: str) -> bool:
        return any(words in text for text in self.texts)


def port_error(failure: Failure, names: Mapping[str, str], tx_id: str) -> PortError:
    """The failure as a caller of the port sees it; `names` gives the organisation of an MSP id."""
    refused = failure.refusal()
    if refused is not None:
        detail, status, message = refused
        return refusal(names.get(detail.msp_id, detail.msp_id), status, message, tx_id)
    if failure.mismatch:
        others = [names.get(each.msp_id, each.msp_id) for each in failure.details if _MISMATCH in each.message]
        return EndorsementMismatch(others, tx_id, f"{', '.join(others)} computed something else than the first peer")
    return identity_error(failure.texts, tx_id) or unavailable(failure, names)


def refusal(organisation: str, status: int, message: str, tx_id: str) -> Rejected | Unavailable:
    """What a chaincode's answer of 400 or more stands for: its own problem where it gives one."""
    try:
        problem, _ = json.JSONDecoder().raw_decode(message.strip())
        code, detail, hint = (str(cast("Mapping[str, Any]", problem)[name]) for name in ("code", "detail", "hint"))
    except (ValueError, KeyError, TypeError):
        code, detail, hint = "malformed", message, ""
    if status >= STATUS_FAILED:
        why = detail.removeprefix("chaincode failed: ")
        return Unavailable(f"the chaincode failed at {organisation}: {why}", hint or "look at that endorser's log")
    return Rejected(code, detail, hint, tx_id=tx_id, organisation=organisation)


def identity_error(texts: Sequence[str], tx_id: str) -> Rejected | None:
    """The caller's certificate or clock, where a peer found that to be the reason."""
    for text in texts:
        if _CLOCK in text:
            return Rejected("clock_skew", text, "set the client's clock, then propose again", tx_id=tx_id)
        if _EXPIRED in text:
            return Rejected("forbidden", text, _RENEW, tx_id=tx_id)
        if any(words in text for words in _DENIED):
            return Rejected("forbidden", text, "see whether the certificate is valid and known there", tx_id=tx_id)
    return None


def unavailable(failure: Failure, names: Mapping[str, str], tx_id: str = "") -> Unavailable:
    """What the network could not do, with each endpoint's words; `tx_id` when the outcome is unknown."""
    said = [f"{names.get(each.msp_id, each.msp_id)} ({each.address}): {each.message}" for each in failure.details]
    via = f"{failure.stage} through {failure.node.organisation} ({failure.node.address})"
    detail = f"{via}: {failure.message or failure.status}" + (f": {'; '.join(said)}" if said else "")
    known = identity_error(failure.texts, tx_id)
    return Unavailable(detail, known.hint if known else "see `wuxin network doctor`, then repeat", tx_id=tx_id)
