"""Certificates as `albatross-client generate` and `sign` make them, by `cryptography`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.plugins.albatross import grammar

COMMAND = x509.ObjectIdentifier("1.3.6.1.4.1.49836.42")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a sub-CA may use: MB of memory in all, so many unikernels, these processors and bridges."""

    memory: int = 1024
    unikernels: int = 8
    cpuids: Sequence[int] = (0, 1, 2, 3)
    bridges: Sequence[str] = ("br0", "service")

    def told(self) -> dict[str, object]:
        """As the grammar has it."""
        return {
            "cpuids": list(self.cpuids),
            "unikernels": self.unikernels,
            "memory": self.memory,
            "bridges": list(self.bridges),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A CA and its key, as PEM."""

    chain_pem: str
    key_pem: str


class Authority:
    """A root CA.

    :param directory: where what has to be a file is put.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = Ed25519PrivateKey.generate()
        self._root = _sign(None, self._key, "root", self._key, ca=True, ids=False)

    @property
    def root_pem(self) -> str:
        return _pem(self._root)

    def user(self, name: str = "user", policy: Policy | None = None, *, expired: bool = False) -> Credentials:
        """A sub-CA with a policy."""
        key = Ed25519PrivateKey.generate()
        added = ("policy", ("add", (policy or Policy()).told()))
        extension = grammar.encode("CertExtension", {"version": grammar.VERSION, "command": added})
        certificate = _sign(self._root, self._key, name, key, ca=True, extension=extension, expired=expired)
        return Credentials(chain_pem=_pem(certificate) + self.root_pem, key_pem=_key_pem(key))

    def server(self, *, expired: bool = False) -> tuple[str, str]:
        """The endpoint's certificate and key."""
        key = Ed25519PrivateKey.generate()
        purpose = ExtendedKeyUsageOID.SERVER_AUTH
        certificate = _sign(self._root, self._key, "server", key, purpose=purpose, expired=expired)
        return _pem(certificate), _key_pem(key)


def _sign(
    issuer: x509.Certificate | None,
    issuer_key: Ed25519PrivateKey,
    name: str,
    key: Ed25519PrivateKey,
    *,
    ca: bool = False,
    purpose: x509.ObjectIdentifier | None = None,
    extension: bytes | None = None,
    expired: bool = False,
    ids: bool = True,
) -> x509.Certificate:
    now = datetime.now(UTC).replace(microsecond=0)
    begin, end = now - timedelta(days=30), now + (timedelta(days=-1) if expired else timedelta(days=30))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(issuer.subject if issuer else subject, subject, key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=ca,
            key_encipherment=not ca,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=ca,
            crl_sign=ca,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    if ids:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if extension is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(COMMAND, extension), critical=False)
    return builder.sign(issuer_key, None)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
