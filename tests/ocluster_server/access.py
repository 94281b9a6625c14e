"""Who may use the scheduler: its key, the ids of its objects, and the capability files that name both.

A client's id is random; the administrator's follows from the key file (`Vat_config.derived_id` of capnp-rpc). All of it is
kept in a directory, so that a scheduler that starts again has the addresses that it had.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from tests.ocluster_server.messages import Refusal

#: The administrator's object.
ADMIN = "admin"
_BEGIN, _END = datetime(1970, 1, 1, 1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class Access:
    """The ids that are known, and where the scheduler is.

    :param directory: is made where it is missing.
    :param tls: False for addresses that say `insecure`.
    """

    def __init__(self, directory: Path, *, tls: bool) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._tls = directory, tls
        self._key = directory / "key.pem"
        if not self._key.exists():
            _write_secret(self._key, _new_key())
        self._file = directory / "clients.json"
        known = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._ids: dict[str, bytes] = {name: bytes.fromhex(id) for name, id in known.items()}
        self._admin = hmac.digest(sha256(self._key.read_bytes()).digest(), ADMIN.encode(), "sha256")
        self.port = 0

    @property
    def clients(self) -> list[str]:
        return sorted(self._ids)

    @property
    def key(self) -> bytes:
        """The private key, in PEM."""
        return self._key.read_bytes()

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of the public key's SubjectPublicKeyInfo in DER."""
        return key_digest(_load(self.key).public_key())

    def certificate(self) -> bytes:
        """What capnp-rpc makes of the key. In PEM."""
        return certificate(_load(self.key))

    def write_files(self, clients: Iterable[str]) -> None:
        """Know these clients, and write a capability file for each and for the administrator."""
        for client in clients:
            if client not in self._ids:
                self.add(client)
            _write_secret(self._directory / f"{client}.cap", f"{self.address(client)}\n".encode())
        _write_secret(self._directory / f"{ADMIN}.cap", f"{self.address(ADMIN)}\n".encode())

    def add(self, client: str) -> None:
        """Make an id for a client.

        :raises Refusal: it has one.
        """
        if client in self._ids:
            raise Refusal(f'Client "{client}" already registered!')
        self._ids[client] = secrets.token_bytes(20)
        self._save()

    def remove(self, client: str) -> None:
        """Forget a client's id.

        :raises Refusal: it has none.
        """
        if client not in self._ids:
            raise Refusal(f'Unknown client "{client}"')
        del self._ids[client]
        self._save()

    def is_valid(self, client: str) -> bool:
        """Whether it may submit."""
        return client in self._ids

    def address(self, name: str) -> str:
        """The sturdy ref of a client's endpoint, or of the administrator's object."""
        id = self._admin if name == ADMIN else self._ids[name]
        how = f"sha-256:{_base64(self.fingerprint)}" if self._tls else "insecure"
        return f"capnp://{how}@127.0.0.1:{self.port}/{_base64(id)}"

    def named(self, id: bytes) -> str:
        """Whose id it is.

        :raises Refusal: nobody's.
        """
        if hmac.compare_digest(id, self._admin):
            return ADMIN
        for name, known in self._ids.items():
            if hmac.compare_digest(id, known):
                return name
        raise Refusal("Unknown persistent service ID")

    def _save(self) -> None:
        _write_secret(self._file, json.dumps({name: id.hex() for name, id in self._ids.items()}).encode())


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Nobody but CN=capnp says that it is CN=capnp, for all time. In PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "capnp")])
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(_BEGIN).not_valid_after(_END)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key_digest(key: PublicKeyTypes) -> bytes:
    """What a public key is known by."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()


def _load(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _new_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _write_secret(path: Path, content: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
