"""Who we are in TLS, and who the server has to be.

capnp-rpc asks every client for a certificate and takes any: its key is the client's identity. A server keeps one
connection for each key and may close either of two, so every connection here has a key of its own.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

#: What capnp-rpc writes into its own certificates; nobody looks at them.
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "capnp")])
_BEGIN, _END = datetime(1970, 1, 1, 1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def fingerprint(certificate: bytes) -> bytes:
    """The SHA-256 of a certificate's public key (its SubjectPublicKeyInfo in DER), as sturdy refs tell it.

    :param certificate: in DER.
    """
    key = x509.load_der_x509_certificate(certificate).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def client_context() -> ssl.SSLContext:
    """TLS with a certificate that is used once. The server is not verified here: its fingerprint is, once it is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    shared = "/dev/shm"  # noqa: S108  a directory in memory: the key never reaches a disk
    # OpenSSL takes the pair from a file alone; this one can be read by its owner only.
    with tempfile.NamedTemporaryFile(dir=shared if os.access(shared, os.W_OK) else None) as file:
        Path(file.name).write_bytes(_make_pair())
        context.load_cert_chain(file.name)
    return context


def _make_pair() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(issuer_name=_NAME, subject_name=_NAME, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(_BEGIN).not_valid_after(_END)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
