"""The certificate that carries one command, as upstream's client makes it."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plugins.albatross import commands
from plugins.albatross.credentials import COMMAND, Credentials

#: How long it is valid, and how far the host's clock may be behind.
_LIFE, _SLACK = timedelta(seconds=300), timedelta(seconds=10)


def sign(credentials: Credentials, name: str, command: bytes, now: datetime) -> bytes:
    """Make the certificate of a command; answer a key of its own, it and those above it, as PEM.

    :param name: of the unikernel.
    :param command: from `plugins.albatross.commands`.
    """
    key = ed25519.Ed25519PrivateKey.generate()
    begin = now.replace(microsecond=0) - _SLACK
    builder = x509.CertificateBuilder(
        issuer_name=credentials.chain[0].subject,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begin,
        not_valid_after=begin + _SLACK + _LIFE,
    )
    for extension, critical in _extensions(credentials, key, command):
        builder = builder.add_extension(extension, critical)
    unhashed = isinstance(credentials.key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    certificate = builder.sign(credentials.key, None if unhashed else hashes.SHA256())
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return own + b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *credentials.chain))


def _extensions(
    credentials: Credentials, key: ed25519.Ed25519PrivateKey, command: bytes
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True),
        # Not critical, as upstream has it: OpenSSL knows nothing of it.
        (x509.UnrecognizedExtension(COMMAND, commands.extension(command)), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(credentials.key.public_key()), False),
    ]
