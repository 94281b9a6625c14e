"""Public keys, and what it takes for a signature to be by one. Pure.

As cosign has it (SIGNATURE_SPEC, Signature Schemes): ECDSA on P-256 with SHA-256; and besides, as its tools have them,
Ed25519 and RSA (PKCS #1 v1.5) with SHA-256. Which it is, the key says, and never the signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

#: Bits of the shortest RSA key that is believed (NIST SP 800-131A).
_SHORTEST_RSA = 2048
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)

_Key = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are believed by."""

    _key: _Key

    @property
    def name(self) -> str:
        """The beginning of the SHA-256 of the key (SubjectPublicKeyInfo, DER): to tell it from others."""
        return sha256(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:12]

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature of these bytes is by this key."""
        try:
            match self._key:
                case ed25519.Ed25519PublicKey():
                    self._key.verify(signature, message)
                case ec.EllipticCurvePublicKey():
                    self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
                case rsa.RSAPublicKey():
                    self._key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def read(text: str) -> tuple[PublicKey, ...]:
    """Read one key or several from PEM.

    :raises ValueError: there is none, or one of a kind that is not believed.
    """
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        raise ValueError("it is no public key: PEM begins with -----BEGIN PUBLIC KEY-----")
    return tuple(_one(block[0], block[1]) for block in blocks)


def _one(pem: str, label: str) -> PublicKey:
    if "PRIVATE" in label:
        raise ValueError("it is a private key, which belongs to whoever signs: give the public one, such as cosign.pub")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is a public key that cannot be read") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(key)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey(key)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SHORTEST_RSA:
        return PublicKey(key)
    raise ValueError(f"it has to be ECDSA on P-256, Ed25519, or RSA of at least {_SHORTEST_RSA} bits")
