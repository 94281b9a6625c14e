"""The right to deploy to an Albatross host: a CA of ours that the host knows, and what the host's own certificate is of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from core.api import Stalled, secret, secret_file

#: The extension that carries a command (upstream's `src/vmm_asn.ml`); a CA that has it is a part of the path.
COMMAND = x509.ObjectIdentifier("1.3.6.1.4.1.49836.42")
#: What a name is made of (upstream's `Label.valid`).
LABEL = re.compile(r"[A-Za-z0-9.][A-Za-z0-9.-]{0,62}")
#: Keys that upstream makes and OpenSSL signs with.
SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What commands are signed with.

    :param chain: our CA first, and those above it.
    :param server: the CA of the host's own certificate, as PEM.
    :param name: what the secrets' names begin with.
    """

    chain: tuple[x509.Certificate, ...]
    key: SigningKey
    server: str
    name: str

    @classmethod
    def read(cls, name: str) -> Self:
        """Read them from the secrets `NAME_certificate`, `NAME_key` and `NAME_server_ca`.

        :raises Stalled: one is missing, or is not what it should be.
        """
        server = _secret(name, "server_ca")
        _certificates(server, f"{name}_server_ca")
        chain = _certificates(_secret(name, "certificate"), f"{name}_certificate")
        key = _key(_secret(name, "key"), f"{name}_key")
        if _public(chain[0]) != key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
            raise Stalled(
                f"the key in the secret {name}_key is not that of the first certificate in {name}_certificate: put our"
                " own CA first, the one above it after it"
            )
        return cls(chain=chain, key=key, server=server, name=name)

    @property
    def path(self) -> str:
        """Where its unikernels are: the names of the CAs that carry a policy, from the root; empty for the root itself."""
        return ":".join(_common_name(each).lower() for each in reversed(self.chain) if _is_in_path(each))

    def check(self, now: datetime) -> None:
        """See that the host will accept what we sign.

        :raises Stalled: a certificate has expired, or is not valid yet.
        """
        for each in self.chain:
            told = f"the certificate of {_common_name(each)!r} in the secret {self.name}_certificate"
            if each.not_valid_after_utc <= now:
                raise Stalled(
                    f"{told} has expired on {_day(each.not_valid_after_utc)}: have a new one signed (`albatross-client sign`),"
                    f" and put it there"
                )
            if each.not_valid_before_utc > now:
                raise Stalled(
                    f"{told} is not valid before {_day(each.not_valid_before_utc)}: is this host's clock right?"
                )


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _secret(name: str, part: str) -> str:
    value = secret(f"{name}_{part}")
    if not value:
        what = {
            "certificate": "our CA's certificate",
            "key": "our CA's private key",
            "server_ca": "the CA of the host's certificate",
        }
        raise Stalled(f"{what[part]} is missing: put it, as PEM, into {secret_file(f'{name}_{part}')}")
    return value


def _certificates(pem: str, name: str) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        raise Stalled(f"the secret {name} holds no certificate: it has to be one in PEM, or several") from None


def _key(pem: str, name: str) -> SigningKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        # What is wrong with it could tell of it.
        raise Stalled(
            f"the secret {name} holds no private key: it has to be one in PEM, without a passphrase"
        ) from None
    if not isinstance(key, SigningKey):
        raise Stalled(f"the secret {name} holds a key that cannot sign: make one with `albatross-client generate`")
    return key


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_in_path(certificate: x509.Certificate) -> bool:
    return any(each.oid == COMMAND for each in certificate.extensions)


def _common_name(certificate: x509.Certificate) -> str:
    names: Sequence[x509.NameAttribute[str | bytes]] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
