"""Fabric's words, as they were seen, and the errors of the port that they stand for."""

import pytest

from network.facts.fabric import wire
from network.facts.fabric.connection import RpcFailure
from network.facts.fabric.failures import Failure, Stage, port_error
from network.facts.fabric.wire import ErrorDetail
from network.membership.connections import FabricNode
from network.ports import EndorsementMismatch, Rejected, Unavailable

NODE = FabricNode("bank", "BankMSP", "127.0.0.1:7051", "")
NAMES = {"BankMSP": "bank", "InsurerMSP": "insurer"}
ATTACHED = "failed to endorse transaction, see attached details for more info"


def failed(status: str, message: str, *details: ErrorDetail, stage: Stage = "endorse") -> Failure:
    packed = wire.pack_error_details(10, message, details) if details else b""
    return Failure(stage, RpcFailure(NODE, status, message, packed))


def said(msp_id: str, message: str) -> ErrorDetail:
    return ErrorDetail("127.0.0.1:7061", msp_id, message)


def test_a_chaincodes_problem_is_found_in_what_a_peer_says() -> None:
    text = 'chaincode response 404, {"code": "not_found", "detail": "no slot \\"a\\"", "hint": "看 slots"}'
    error = port_error(failed("ABORTED", ATTACHED, said("InsurerMSP", text)), NAMES, "ab")
    assert isinstance(error, Rejected)
    assert (error.code, error.detail, error.hint) == ("not_found", 'no slot "a"', "看 slots")
    assert (error.organisation, error.tx_id) == ("insurer", "ab")


def test_an_evaluations_problem_is_found_without_details() -> None:
    text = (
        'evaluate call to endorser returned error: chaincode response 403, {"code":"forbidden","detail":"d","hint":"h"}'
    )
    error = port_error(failed("UNKNOWN", text, stage="evaluate"), NAMES, "")
    assert isinstance(error, Rejected) and (error.code, error.organisation) == ("forbidden", "bank")


@pytest.mark.parametrize(
    "message", ["not JSON", "{}", '["code"]', '{"code": "x"}', '{"code": "x", "detail": "d"}', "null"]
)
def test_a_refusal_that_is_no_problem_is_malformed_with_the_words_kept(message: str) -> None:
    error = port_error(failed("ABORTED", ATTACHED, said("BankMSP", f"chaincode response 400, {message}")), NAMES, "")
    assert isinstance(error, Rejected) and (error.code, error.detail) == ("malformed", message)


def test_a_chaincode_that_failed_is_unavailable_at_its_organisation() -> None:
    text = "chaincode response 500, chaincode failed: ZeroDivisionError"
    error = port_error(failed("ABORTED", ATTACHED, said("InsurerMSP", text)), NAMES, "")
    assert isinstance(error, Unavailable) and "failed at insurer: ZeroDivisionError" in error.detail


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("access denied: channel [wuxin] creator org [BankMSP]", "forbidden"),
        (
            "error validating proposal: access denied: channel [wuxin] creator org unknown, creator is malformed",
            "forbidden",
        ),
        ("proposal client identity expired", "forbidden"),
        ("request unauthorized due to incorrect timestamp 2026-11-22 05:00, peer time 2026-11-22 06:00", "clock_skew"),
    ],
)
def test_the_callers_certificate_and_clock_are_told_from_other_reasons(words: str, code: str) -> None:
    error = port_error(failed("ABORTED", ATTACHED, said("BankMSP", words)), NAMES, "ab")
    assert isinstance(error, Rejected) and (error.code, error.detail) == (code, words)


def test_a_mismatch_names_who_differs_from_the_first() -> None:
    details = [said("InsurerMSP", "ProposalResponsePayloads do not match")]
    error = port_error(failed("ABORTED", "failed to collect enough transaction endorsements", *details), NAMES, "ab")
    assert isinstance(error, EndorsementMismatch) and error.organisations == ("insurer",)


def test_what_cannot_be_done_says_the_stage_the_endpoint_and_its_words() -> None:
    text = "no combination of peers can be derived which satisfy the endorsement policy"
    error = port_error(failed("FAILED_PRECONDITION", text, said("InsurerMSP", "connection refused")), NAMES, "")
    assert isinstance(error, Unavailable)
    for words in ("endorse", "bank", "127.0.0.1:7051", text, "insurer (127.0.0.1:7061): connection refused"):
        assert words in error.detail


@pytest.mark.parametrize(
    ("status", "message", "away"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses; last error: connection refused", True),
        ("UNAVAILABLE", "Socket closed", True),
        ("UNAVAILABLE", "Received http2 header with status: 502", True),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", True),
        ("UNAVAILABLE", "no orderer nodes available", False),
        ("UNAVAILABLE", "insufficient number of orderers could successfully process transaction", False),
        ("UNAVAILABLE", "failed to find any endorsing peers for org(s): BankMSP", False),
        ("ABORTED", "failed to endorse transaction", False),
        ("UNKNOWN", "too many requests for /gateway.Gateway, exceeding concurrency limit (500)", False),
    ],
)
def test_a_gateway_that_is_away_is_told_from_one_that_speaks_of_others(status: str, message: str, away: bool) -> None:
    assert failed(status, message).node_is_away is away


def test_details_that_cannot_be_read_are_left_out() -> None:
    failure = Failure("submit", RpcFailure(NODE, "UNAVAILABLE", "words", b"\xff\xff\xff"))
    assert failure.details == () and failure.texts == ("words",)


def test_details_of_another_kind_are_left_out() -> None:
    raw = wire.pack_error_details(1, "m", [said("BankMSP", "x")]).replace(
        b"gateway.ErrorDetail", b"gateway.OtherDetail"
    )
    assert wire.error_details(raw) == ()


def test_every_validation_code_has_fabrics_name() -> None:
    names = {0: "VALID", 9: "DUPLICATE_TXID", 10: "ENDORSEMENT_POLICY_FAILURE", 11: "MVCC_READ_CONFLICT"}
    assert {code: wire.validation_code_name(code) for code in names} == names
    assert wire.validation_code_name(12) == "PHANTOM_READ_CONFLICT"
    assert wire.validation_code_name(200) == "CODE_200"


@pytest.mark.parametrize(
    ("status", "code"),
    [("FORBIDDEN", "forbidden"), ("BAD_REQUEST", "malformed"), ("REQUEST_ENTITY_TOO_LARGE", "too_large")],
)
def test_what_all_orderers_refuse_is_refused(status: str, code: str) -> None:
    words = f"received unsuccessful response from orderer: status={status}, info=because"
    for failure in (
        failed("UNAVAILABLE", "insufficient number of orderers", *[said("BankMSP", words)] * 2, stage="submit"),
        failed("ABORTED", words, stage="submit"),
    ):
        refused = failure.ordering_refusal("ab")
        assert refused is not None and (refused.code, refused.tx_id) == (code, "ab")


@pytest.mark.parametrize(
    "details",
    [
        (),
        (said("BankMSP", "rpc error: connection refused"),),
        (
            said("BankMSP", "received unsuccessful response from orderer: status=FORBIDDEN, info=x"),
            said("InsurerMSP", "received unsuccessful response from orderer: status=SERVICE_UNAVAILABLE, info=x"),
        ),
    ],
)
def test_what_one_orderer_refuses_may_yet_be_ordered(details: tuple[ErrorDetail, ...]) -> None:
    failure = failed("UNAVAILABLE", "insufficient number of orderers", *details, stage="submit")
    assert failure.ordering_refusal("ab") is None
