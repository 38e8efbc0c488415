"""The command: its options, TLS and what a supervisor sees of it."""

import asyncio
import datetime
import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chaincode.server.options import Options, ServerError, Tls, read_options
from chaincode.server.serving import ChaincodeServer
from tests.chaincode.peer_player import CHAINCODE_ID, Ledger, connected, proposal_of, serving
from tests.chaincode.test_server_stream import opened

ROOT = Path(__file__).parents[2]


@dataclass
class Authority:
    """A certificate authority of its own, and pairs of certificate and key (PEM) from it."""

    name: str

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.name, self._key.public_key(), 1, ca=True)

    def pair(self, name: str, days: int = 1) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._sign(name, key.public_key(), days), pem

    def _sign(self, name: str, public: ec.EllipticCurvePublicKey, days: int, *, ca: bool = False) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(addresses, critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)


def as_client(authority: Authority, pair: tuple[bytes, bytes] | None) -> grpc.ChannelCredentials:
    certificate, key = pair or (None, None)
    return grpc.ssl_channel_credentials(authority.certificate, key, certificate)


async def test_a_peer_with_its_organisations_certificate_is_served_and_a_stranger_is_not() -> None:
    ours, theirs = Authority("ours"), Authority("theirs")
    certificate, key = ours.pair("server")
    async with serving(tls=Tls(certificate, key, ours.certificate)) as (server, address):
        async with connected(address, credentials=as_client(ours, ours.pair("peer"))) as peer:
            signed = proposal_of([b"no_such_function", b"{}"])
            assert (await peer.transact(signed, opened(Ledger(), signed))).status == 404
        for stranger in (theirs.pair("peer"), None):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async with connected(address, credentials=as_client(ours, stranger)):
                    pass
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert not server.streams


async def test_with_tls_alone_any_peer_is_served_that_trusts_the_server() -> None:
    ours = Authority("ours")
    certificate, key = ours.pair("server")
    tls = Tls(certificate, key)
    async with serving(tls=tls) as (_, address), connected(address, credentials=as_client(ours, None)) as peer:
        assert peer.registered_as == CHAINCODE_ID


async def test_a_second_server_on_the_same_address_is_refused() -> None:
    async with serving() as (_, address):
        with pytest.raises(ServerError) as refused:
            await ChaincodeServer(Options(CHAINCODE_ID, address)).start()
    assert refused.value.code == "unavailable"


async def test_an_idle_peer_that_pings_is_not_cut_off() -> None:
    """A ping every second, as often as gRPC lets a client; a server with its defaults hangs up after four seconds."""
    pinging = (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    )
    async with serving() as (_, address), connected(address, options=pinging) as peer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(peer.stream.code()), 6)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Paths of PEM files: a good pair, another key, a pair that expired, an authority, and no PEM at all."""
    ours = Authority("ours")
    good, old = ours.pair("server"), ours.pair("server", days=-1)
    held = {"cert": good[0], "key": good[1], "other-key": ours.pair("x")[1], "old-cert": old[0], "old-key": old[1]}
    held |= {"ca": ours.certificate, "no-pem": b"hello"}
    for name, raw in held.items():
        (tmp_path / name).write_bytes(raw)
    return {name: str(tmp_path / name) for name in held} | {"absent": str(tmp_path / "absent")}


@pytest.mark.parametrize(
    ("arguments", "code", "detail"),
    [
        ("", "malformed", "chaincode id ''"),
        ("--ccid facts", "malformed", "chaincode id 'facts'"),
        ("--ccid {id}", "malformed", "address ''"),
        ("--ccid {id} --address 127.0.0.1", "malformed", "address"),
        ("--ccid {id} --address 127.0.0.1:70000", "malformed", "address"),
        ("--ccid {id} --address 0.0.0.0:9", "forbidden", "open to other machines"),
        ("--ccid {id} --address localhost.example:9", "forbidden", "open to other machines"),
        ("--ccid {id} --address 127.0.0.1:9 --tls-cert {cert}", "malformed", "half of the options"),
        ("--ccid {id} --address 127.0.0.1:9 --client-ca {ca}", "malformed", "half of the options"),
        (
            "--ccid {id} --address 127.0.0.1:9 --tls-cert {cert} --tls-key {other-key}",
            "malformed",
            "is not the certificate's",
        ),
        ("--ccid {id} --address 127.0.0.1:9 --tls-cert {no-pem} --tls-key {key}", "malformed", "do not parse"),
        ("--ccid {id} --address 127.0.0.1:9 --tls-cert {cert} --tls-key {key} --client-ca {no-pem}", "malformed", "do"),
        ("--ccid {id} --address 127.0.0.1:9 --tls-cert {absent} --tls-key {key}", "not_found", "cannot read"),
        ("--ccid {id} --address 127.0.0.1:9 --tls-cert {old-cert} --tls-key {old-key}", "forbidden", "expired at"),
    ],
)
def test_options_that_cannot_work_are_refused(arguments: str, code: str, detail: str, files: dict[str, str]) -> None:
    with pytest.raises(ServerError) as refused:
        read_options(arguments.format(id=CHAINCODE_ID, **files).split(), {})
    assert refused.value.code == code
    assert detail in refused.value.detail
    assert refused.value.hint


def test_the_environment_stands_in_for_options(files: dict[str, str]) -> None:
    environment = {"CHAINCODE_ID": CHAINCODE_ID, "CHAINCODE_SERVER_ADDRESS": "127.0.0.1:9"}
    assert read_options([], environment) == Options(CHAINCODE_ID, "127.0.0.1:9")
    tls = f"--address 0.0.0.0:8 --tls-cert {files['cert']} --tls-key {files['key']} --client-ca {files['ca']}"
    options = read_options(tls.split(), environment)
    assert options.address == "0.0.0.0:8"
    assert options.tls is not None
    assert options.tls.client_ca is not None
    assert "PRIVATE KEY" not in repr(options)


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "chaincode.server", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'client_sdk'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_refused_option_is_one_line_and_status_2() -> None:
    with command("--ccid", "facts") as process:
        _, told = process.communicate(timeout=20)
    assert process.returncode == 2
    name, _, problem = told.strip().partition(" ")
    assert name == "refused"
    assert json.loads(problem)["code"] == "malformed"


async def test_the_command_says_where_it_listens_serves_and_stops_when_told() -> None:
    with command("--ccid", CHAINCODE_ID, "--address", "127.0.0.1:0") as process:
        assert process.stdout is not None
        name, _, told = process.stdout.readline().partition(" ")
        assert name == "ready"
        async with connected(json.loads(told)["address"]) as peer:
            signed = proposal_of([b"no_such_function", b"{}"])
            assert (await peer.transact(signed, opened(Ledger(), signed))).status == 404
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert await peer.stream.code() == grpc.StatusCode.OK
            assert await asyncio.to_thread(process.wait, 10) == 0
            assert time.monotonic() - began < 3
