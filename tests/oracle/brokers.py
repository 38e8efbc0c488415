"""A mosquitto for one test: loopback, TLS 1.3 only, a certificate from every client."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oracle.sources.broker import free_port


@dataclass(frozen=True)
class Certificates:
    """A root and what it issues, as PEM files of one directory."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    @classmethod
    def create(cls, directory: Path) -> Certificates:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
        builder = _builder(name, name, key).add_extension(x509.BasicConstraints(True, None), critical=True)
        root = builder.sign(key, hashes.SHA256())
        (directory / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
        return cls(directory, key, root)

    def issue(self, name: str) -> dict[str, str]:
        """Paths of the root, and of a new certificate and key for `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        issued = _builder(subject, self.root.subject, key).add_extension(loopback, critical=False)
        certificate = issued.sign(self.key, hashes.SHA256())
        paths = {"ca": "ca.pem", "certificate": f"{name}.pem", "key": f"{name}.key"}
        files = {what: str(self.directory / file) for what, file in paths.items()}
        Path(files["certificate"]).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        Path(files["key"]).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


@contextmanager
def mosquitto(directory: Path, certificates: Certificates) -> Generator[int]:
    """Yields the port, once it answers."""
    port = free_port()
    server = certificates.issue("broker")
    settings = directory / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncafile {server['ca']}\n"
        f"certfile {server['certificate']}\nkeyfile {server['key']}\n"
        "require_certificate true\ntls_version tlsv1.3\nmax_inflight_messages 1000\nuser root\n"
    )
    with (directory / "mosquitto.log").open("w") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(settings)], stdout=log, stderr=log)
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(5)


def client_context(files: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files["certificate"], files["key"])
    return context


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("mosquitto does not answer")


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )
