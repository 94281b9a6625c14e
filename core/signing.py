"""Signing what the deployer attests: DSSE envelopes, and Sigstore's bundles of them.

DSSE: https://github.com/secure-systems-lab/dsse (`protocol.md`, `envelope.md`); bundles: Sigstore's protobuf-specs, v0.3.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from core import configuration
from core.configuration import PREFIX
from core.errors import ConfigurationError

#: What a signed in-toto statement is called.
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SETTING = f"{PREFIX}PROVENANCE_KEY"
_HOW = "`openssl genpkey -algorithm ed25519 -out provenance.pem` makes one"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, which no text shows."""

    _key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        """The public key, as PEM (SubjectPublicKeyInfo)."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> str:
        """Tells the key from others: SHA-256 of its public half (SubjectPublicKeyInfo, DER), in hexadecimal."""
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(public).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """The same message gets the same signature: Ed25519, or ECDSA with the nonce of RFC 6979."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, _ecdsa())


def _ecdsa() -> ec.ECDSA:
    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        # An OpenSSL older than 3.2: as good a signature, another one each time.
        return ec.ECDSA(hashes.SHA256())


def signer() -> Signer | None:
    """The key of this installation; None where it has none.

    :raises ConfigurationError: it cannot be read, or is of a kind that is not used here.
    """
    given = configuration.current().provenance_key
    if not given:
        return None
    try:
        # Where secrets are files, as in /run/secrets, the setting is what is in one of them.
        data = given.encode() if "PRIVATE KEY" in given else Path(given).read_bytes()
        key = load_pem_private_key(data, password=None)
    except OSError as error:
        raise ConfigurationError(f"{SETTING} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own words may show what is in the file.
        raise ConfigurationError(f"{SETTING} is no private key in PEM without a password: {_HOW}") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Signer(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return Signer(key)
    raise ConfigurationError(f"{SETTING} is neither of Ed25519 nor of ECDSA on P-256: {_HOW}")


def encoded_for_signing(kind: str, payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding (PAE) of the payload and its type."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def envelope(statement: bytes, by: Signer) -> bytes:
    """A signed statement."""
    return json.dumps(_envelope(statement, by), sort_keys=True, separators=(",", ":")).encode()


def bundle(statement: bytes, by: Signer) -> bytes:
    """A signed statement as newer tools of Sigstore want it: the envelope, and which key it is to be verified with."""
    document = {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": by.id}},
        "dsseEnvelope": _envelope(statement, by),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _envelope(statement: bytes, by: Signer) -> dict[str, object]:
    signature = by.sign(encoded_for_signing(PAYLOAD_TYPE, statement))
    return {
        "payload": b64encode(statement).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": by.id, "sig": b64encode(signature).decode()}],
    }
