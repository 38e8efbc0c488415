"""The chaincode package: its id is known before a peer has seen it, and means the same everywhere."""

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from network.bringup.fabric.package import (
    PackageError,
    ServerAddress,
    ServerTls,
    build,
    label_of,
    source_version,
    write_builder,
)

MUTUAL = ServerAddress("127.0.0.1:9999", ServerTls(b"root", b"certificate", b"key"))


def _files(raw: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]


def test_a_package_has_the_same_bytes_and_id_each_time() -> None:
    assert build("facts_1", MUTUAL) == build("facts_1", MUTUAL)
    assert build("facts_1", MUTUAL).package_id == (
        "facts_1:1a14238bfc2f50751c05b6adcd11c88e5fd39a650d9b5d637d5543090a7b9ac5"
    )


def test_another_address_or_key_is_another_package() -> None:
    other_key = ServerAddress(MUTUAL.address, ServerTls(b"root", b"certificate", b"other"))
    ids = {build("facts_1", each).package_id for each in (MUTUAL, other_key, ServerAddress("127.0.0.1:9998"))}

    assert len(ids) == 3


def test_a_package_holds_its_type_label_and_connection() -> None:
    outer = _files(build("facts_1", MUTUAL).raw)

    assert json.loads(outer["metadata.json"]) == {"type": "ccaas", "label": "facts_1", "path": ""}
    assert json.loads(_files(outer["code.tar.gz"])["connection.json"]) == {
        "address": "127.0.0.1:9999",
        "client_auth_required": True,
        "client_cert": "certificate",
        "client_key": "key",
        "dial_timeout": "3s",
        "root_cert": "root",
        "tls_required": True,
    }


def test_a_long_chain_of_certificates_fits() -> None:
    chain = b"certificate\n" * 20_000
    package = build("facts_1", ServerAddress("127.0.0.1:1", ServerTls(chain)))

    connection = json.loads(_files(_files(package.raw)["code.tar.gz"])["connection.json"])
    assert connection["root_cert"].encode() == chain


@pytest.mark.parametrize("label", ["", "facts 1", "facts__1", "/facts", "facts_"])
def test_a_label_that_a_peer_would_refuse_is_refused_here(label: str) -> None:
    with pytest.raises(PackageError) as refused:
        build(label, MUTUAL)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "tls", [ServerTls(b"r", b"c"), ServerTls(b"r", None, b"k"), ServerTls(b"r", server_name="elsewhere")]
)
def test_half_of_a_client_is_refused(tls: ServerTls) -> None:
    with pytest.raises(PackageError):
        build("facts_1", ServerAddress("127.0.0.1:1", tls))


def test_the_version_is_the_source_and_stands_in_the_label() -> None:
    assert source_version() == source_version()
    assert label_of("facts", source_version()) == f"facts_{source_version()[:16]}"


def test_the_builder_leads_a_peer_to_the_server(tmp_path: Path) -> None:
    write_builder(tmp_path)
    source, metadata, output, release = (tmp_path / name for name in ("source", "metadata", "output", "release"))
    for folder in (source, metadata, output, release):
        folder.mkdir()
    outer = _files(build("facts_1", MUTUAL).raw)
    (metadata / "metadata.json").write_bytes(outer["metadata.json"])
    connection = _files(outer["code.tar.gz"])["connection.json"]
    (source / "connection.json").write_bytes(connection)

    for command in (["detect", source, metadata], ["build", source, metadata, output], ["release", output, release]):
        program, *arguments = command
        subprocess.run([tmp_path / "bin" / str(program), *arguments], check=True, env={"PATH": os.defpath})

    assert (release / "chaincode/server/connection.json").read_bytes() == connection


def test_the_builder_leaves_other_packages_to_others(tmp_path: Path) -> None:
    write_builder(tmp_path)
    (tmp_path / "metadata.json").write_text('{"type":"golang","label":"a"}')

    done = subprocess.run([tmp_path / "bin/detect", tmp_path, tmp_path], check=False)

    assert done.returncode != 0
