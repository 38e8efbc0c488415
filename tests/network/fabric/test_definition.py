"""Lifecycle messages: what we write is what Fabric reads, and the other way round."""

from network.bringup.fabric.definition import (
    Approval,
    Committed,
    Definition,
    approve_arguments,
    commit_arguments,
    get_package_arguments,
    read_approval,
    read_committed,
    read_readiness,
)
from network.bringup.fabric.lifecycle import Wanted
from wuxin_evidence.fabric import LIFECYCLE, parse, parse_policy, peers_at_least, serialize

POLICY = peers_at_least(2, ["AMSP", "BMSP", "CMSP"])
DEFINITION = Definition("wuxin", "facts", "v1", 3, POLICY)


def test_an_approval_says_the_definition_and_the_package() -> None:
    function, raw = approve_arguments(DEFINITION, "facts_v1:ab")
    sent = parse(LIFECYCLE.ApproveChaincodeDefinitionForMyOrgArgs, raw)

    assert function == b"ApproveChaincodeDefinitionForMyOrg"
    assert (sent.name, sent.version, sent.sequence) == ("facts", "v1", 3)
    assert sent.source.local_package.package_id == "facts_v1:ab"
    assert not sent.init_required


def test_approval_and_commit_agree_in_what_is_agreed_on() -> None:
    approved = parse(LIFECYCLE.ApproveChaincodeDefinitionForMyOrgArgs, approve_arguments(DEFINITION, "x:y")[1])
    committed = parse(LIFECYCLE.CommitChaincodeDefinitionArgs, commit_arguments(DEFINITION)[1])

    assert approved.validation_parameter == committed.validation_parameter


def test_what_was_approved_is_read_back() -> None:
    sent = parse(LIFECYCLE.ApproveChaincodeDefinitionForMyOrgArgs, approve_arguments(DEFINITION, "facts_v1:ab")[1])
    answer = LIFECYCLE.QueryApprovedChaincodeDefinitionResult(
        sequence=sent.sequence,
        version=sent.version,
        validation_parameter=sent.validation_parameter,
        source=sent.source,
    )

    assert read_approval(serialize(answer), "wuxin", "facts") == Approval(DEFINITION, "facts_v1:ab")


def test_an_approval_without_a_package_has_none() -> None:
    answer = LIFECYCLE.QueryApprovedChaincodeDefinitionResult(
        source=LIFECYCLE.ChaincodeSource(unavailable=LIFECYCLE.ChaincodeSource.Unavailable())
    )

    assert read_approval(serialize(answer), "wuxin", "facts").package_id is None


def test_what_is_committed_is_read_back_with_its_policy() -> None:
    sent = parse(LIFECYCLE.CommitChaincodeDefinitionArgs, commit_arguments(DEFINITION)[1])
    answer = LIFECYCLE.QueryChaincodeDefinitionResult(
        sequence=3, version="v1", validation_parameter=sent.validation_parameter, approvals={"AMSP": True}
    )

    committed = read_committed(serialize(answer), "wuxin", "facts")

    assert committed == Committed(DEFINITION, {"AMSP": True})
    assert parse_policy(committed.definition.endorsement_policy).describe() == (
        "2 of (AMSP.PEER, BMSP.PEER, CMSP.PEER)"
    )


def test_readiness_names_who_lacks_and_in_what() -> None:
    mismatch = LIFECYCLE.CheckCommitReadinessResult.Mismatches(items=["ValidationInfo (Check the Endorsement-Policy)"])
    answer = LIFECYCLE.CheckCommitReadinessResult(
        approvals={"AMSP": True, "BMSP": False}, mismatches={"BMSP": mismatch}
    )

    readiness = read_readiness(serialize(answer))

    assert not readiness
    assert readiness.mismatches["BMSP"] == ("ValidationInfo (Check the Endorsement-Policy)",)


def test_definitions_differ_by_everything_but_their_sequence() -> None:
    wanted = Wanted("wuxin", "facts", "v2", POLICY)

    assert DEFINITION.differs_from(wanted.under(4)) == ("version",)
    assert DEFINITION.differs_from(Wanted("wuxin", "facts", "v1", POLICY).under(9)) == ()


def test_a_package_is_asked_for_by_its_id() -> None:
    sent = parse(LIFECYCLE.GetInstalledChaincodePackageArgs, get_package_arguments("facts_v1:ab")[1])

    assert sent.package_id == "facts_v1:ab"
