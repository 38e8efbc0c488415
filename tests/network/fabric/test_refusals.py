"""Fabric's sentences, and what they are said to mean."""

import pytest

from network.bringup.fabric.refusals import failed, refused
from network.facts.fabric.connection import RpcFailure
from network.membership.connections import FabricNode

NODE = FabricNode("bank", "BankMSP", "127.0.0.1:7051", "")


@pytest.mark.parametrize(
    ("message", "code", "advice"),
    [
        ("request unauthorized due to incorrect timestamp 1970-01-01T00:00:00Z, peer time …", "clock_skew", "clock"),
        ("proposal client identity expired", "forbidden", "new certificate"),
        ("access denied: channel [wuxin] creator org [XMSP]", "forbidden", "admin"),
        ("namespace facts is not defined", "not_found", "commit"),
        ("channel 'wuxin' not found", "not_found", "join"),
        ("could not fetch approved chaincode definition (name: 'facts', sequence: '1')", "not_found", "approve"),
        ("error in simulation: could not launch chaincode facts_1:ab: connection refused", "unavailable", "start"),
        ("timeout expired while starting chaincode facts_1:ab for transaction", "unavailable", "package id"),
        ("requested sequence is 1, but new definition must be sequence 2", "conflict", "ask again"),
        ("something that nobody has seen yet", "conflict", "log"),
    ],
)
def test_a_refusal_says_what_to_do(message: str, code: str, advice: str) -> None:
    error = refused("approve", NODE, message)

    assert error.code == code
    assert advice in error.hint
    assert error.detail == f"approve at bank (127.0.0.1:7051): {message}"


@pytest.mark.parametrize(
    ("status", "message", "code", "advice"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7051: Failed to "
         "connect to remote host: Connection refused", "unavailable", "start it"),
        ("UNAVAILABLE", "Ssl handshake failed (TSI_PROTOCOL_FAILURE): CERTIFICATE_VERIFY_FAILED: certificate has "
         "expired", "forbidden", "new certificate"),
        ("UNAVAILABLE", "Handshake read failed (Endpoint closing)", "unavailable", "hangs"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "unavailable", "in time"),
        ("UNIMPLEMENTED", "unknown service protos.Endorser", "malformed", "kind of node"),
    ],
)  # fmt: skip
def test_a_failed_call_says_what_to_do(status: str, message: str, code: str, advice: str) -> None:
    error = failed("join", RpcFailure(NODE, status, message, b""))

    assert error.code == code
    assert advice in error.hint
    assert error.organisation == "bank"


def test_a_refused_connection_is_told_in_short() -> None:
    message = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7051: Failed to connect to remote host: Connection refused"  # noqa: E501

    assert failed("join", RpcFailure(NODE, "UNAVAILABLE", message, b"")).message == (
        "Failed to connect to remote host: Connection refused"
    )
