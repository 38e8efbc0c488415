"""Fabric's lifecycle in its messages: the definition of a chaincode, and what is asked and answered about it.

A definition is what the organisations of a channel agree on: name, version, sequence, endorsement policy. Everything
here is a pure function between frozen records and the bytes of `_lifecycle`'s arguments and answers; who asks whom
stands in admin and lifecycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wuxin_evidence.fabric import APPLICATION_POLICY, LIFECYCLE, POLICIES, parse, serialize

APPROVE = b"ApproveChaincodeDefinitionForMyOrg"
COMMIT = b"CommitChaincodeDefinition"
INSTALL = b"InstallChaincode"
QUERY_APPROVED = b"QueryApprovedChaincodeDefinition"
QUERY_DEFINITION = b"QueryChaincodeDefinition"
GET_PACKAGE = b"GetInstalledChaincodePackage"
QUERY_INSTALLED = b"QueryInstalledChaincodes"
READINESS = b"CheckCommitReadiness"

Arguments = tuple[bytes, bytes]
"""Function name and one serialised message: what `_lifecycle` takes."""


@dataclass(frozen=True)
class Definition:
    """What all organisations must agree on; `endorsement_policy` is a SignaturePolicyEnvelope, `b""` one by name."""

    channel: str
    name: str
    version: str
    sequence: int
    endorsement_policy: bytes = field(repr=False)

    def differs_from(self, other: Definition) -> tuple[str, ...]:
        """The names of the fields in which they differ, the sequence aside: that one only counts."""
        fields = ("channel", "name", "version", "endorsement_policy")
        return tuple(each for each in fields if getattr(self, each) != getattr(other, each))


@dataclass(frozen=True)
class Approval:
    """What one organisation has approved; `package_id` is None where it approved without a package of its own."""

    definition: Definition
    package_id: str | None


@dataclass(frozen=True)
class Committed:
    """The definition in force, and which organisations (MSP ids) have approved it."""

    definition: Definition
    approvals: Mapping[str, bool]


@dataclass(frozen=True)
class Readiness:
    """By MSP id: who has approved, and in which fields the others' approval differs (`{}` where Fabric 2.5 answers)."""

    approvals: Mapping[str, bool]
    mismatches: Mapping[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return all(self.approvals.values())


@dataclass(frozen=True)
class Installed:
    """A package on a peer."""

    package_id: str
    label: str


def install_arguments(package: bytes) -> Arguments:
    """Build the call that installs a package on a peer."""
    return INSTALL, serialize(LIFECYCLE.InstallChaincodeArgs(chaincode_install_package=package))


def approve_arguments(definition: Definition, package_id: str) -> Arguments:
    """Build the call with which an organisation approves a definition for its package."""
    source = LIFECYCLE.ChaincodeSource(local_package=LIFECYCLE.ChaincodeSource.Local(package_id=package_id))
    return APPROVE, serialize(
        LIFECYCLE.ApproveChaincodeDefinitionForMyOrgArgs(**_agreed_fields(definition), source=source)
    )


def commit_arguments(definition: Definition) -> Arguments:
    """Build the call that commits a definition which enough organisations approved."""
    return COMMIT, serialize(LIFECYCLE.CommitChaincodeDefinitionArgs(**_agreed_fields(definition)))


def readiness_arguments(definition: Definition) -> Arguments:
    """Build the question which organisations approved this definition."""
    return READINESS, serialize(LIFECYCLE.CheckCommitReadinessArgs(**_agreed_fields(definition)))


def query_approved_arguments(name: str, sequence: int) -> Arguments:
    """Build the question what the own organisation approved under a sequence."""
    return QUERY_APPROVED, serialize(LIFECYCLE.QueryApprovedChaincodeDefinitionArgs(name=name, sequence=sequence))


def query_definition_arguments(name: str) -> Arguments:
    """Build the question which definition is committed."""
    return QUERY_DEFINITION, serialize(LIFECYCLE.QueryChaincodeDefinitionArgs(name=name))


def query_installed_arguments() -> Arguments:
    """Build the question which packages a peer has."""
    return QUERY_INSTALLED, serialize(LIFECYCLE.QueryInstalledChaincodesArgs())


def get_package_arguments(package_id: str) -> Arguments:
    """Build the request for an installed package's bytes."""
    return GET_PACKAGE, serialize(LIFECYCLE.GetInstalledChaincodePackageArgs(package_id=package_id))


def read_package(raw: bytes) -> bytes:
    """A package as it was installed."""
    return bytes(parse(LIFECYCLE.GetInstalledChaincodePackageResult, raw).chaincode_install_package)


def read_package_id(raw: bytes) -> str:
    """The id that the peer gave a package that was just installed."""
    return str(parse(LIFECYCLE.InstallChaincodeResult, raw).package_id)


def read_installed(raw: bytes) -> tuple[Installed, ...]:
    """Read the packages that a peer has."""
    result = parse(LIFECYCLE.QueryInstalledChaincodesResult, raw)
    return tuple(Installed(each.package_id, each.label) for each in result.installed_chaincodes)


def read_approval(raw: bytes, channel: str, name: str) -> Approval:
    """Read what an organisation approved."""
    result = parse(LIFECYCLE.QueryApprovedChaincodeDefinitionResult, raw)
    local = result.source.WhichOneof("Type") == "local_package"
    return Approval(_definition(result, channel, name), result.source.local_package.package_id if local else None)


def read_committed(raw: bytes, channel: str, name: str) -> Committed:
    """Read the committed definition, and who approved it."""
    result = parse(LIFECYCLE.QueryChaincodeDefinitionResult, raw)
    return Committed(_definition(result, channel, name), dict(result.approvals))


def read_readiness(raw: bytes) -> Readiness:
    """Read which organisations approved, and in what the others differ."""
    result = parse(LIFECYCLE.CheckCommitReadinessResult, raw)
    return Readiness(dict(result.approvals), {msp: tuple(each.items) for msp, each in result.mismatches.items()})


def _agreed_fields(definition: Definition) -> dict[str, Any]:
    return {
        "sequence": definition.sequence,
        "name": definition.name,
        "version": definition.version,
        "validation_parameter": _application_policy(definition.endorsement_policy),
    }


def _application_policy(signature_policy: bytes) -> bytes:
    policy = parse(POLICIES.SignaturePolicyEnvelope, signature_policy)
    return serialize(APPLICATION_POLICY.ApplicationPolicy(signature_policy=policy))


def _definition(result: Any, channel: str, name: str) -> Definition:
    policy = parse(APPLICATION_POLICY.ApplicationPolicy, result.validation_parameter)
    signed = policy.WhichOneof("Type") == "signature_policy"
    envelope = serialize(policy.signature_policy) if signed else b""
    return Definition(channel, name, result.version, int(result.sequence), envelope)
