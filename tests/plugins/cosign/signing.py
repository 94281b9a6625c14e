"""Signatures as cosign makes and stores them, by the letter of its specifications (SIGNATURE_SPEC, BUNDLE_SPEC).

They owe nothing to what is tested. `RECORDED` was made by Sigstore's own library (`@sigstore/sign` 5.1.0), for `DIGEST`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from containers.registry import Attachment
from tests.containers.registry.images import INDEX, MANIFEST, Publisher, digest

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IDENTITY = "registry.example.org/acme/shop:live"

RECORDED_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEduVkWKUia4uktQl8TzYNiWnKpNZN
dGqzEszjC9HGB+9NU0Bz+krhdtlXv4IX7LiLXXurtuCnNOb6X2E9QHDT8A==
-----END PUBLIC KEY-----
"""
RECORDED_DIGEST = "sha256:7a24d2760230fd372e0c9941cfbcf63533da23e5bbe58feff1f51d53911ac8f7"
RECORDED = (
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"h'
    'int":"test"},"timestampVerificationData":{}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4t'
    "dG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiN2EyNGQyNzYwMjMwZmQzNzJlMGM5"
    "OTQxY2ZiY2Y2MzUzM2RhMjNlNWJiZTU4ZmVmZjFmNTFkNTM5MTFhYzhmNyJ9fV0sInByZWRpY2F0ZVR5cGUiOiJodHRwczovL3Np"
    'Z3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSIsInByZWRpY2F0ZSI6e319","payloadType":"application/vnd.in-toto+jso'
    'n","signatures":[{"sig":"MEYCIQDvOylCgH0OuQRNu3JNgTZS/px/oWN6YH4K++bxDF7OYAIhAJclCZ625leey6fP3AnB4TQ'
    'ZPo/eCEYnOF1jFE+T3oE0","keyid":"test"}]}}'
)


class Signer:
    """Somebody with a key."""

    def __init__(self, key: Any = None) -> None:
        self._key = key or ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> str:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, message: bytes) -> bytes:
        match self._key:
            case ed25519.Ed25519PrivateKey():
                return self._key.sign(message)
            case rsa.RSAPrivateKey():
                return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))

    def simple(self, image: str, identity: str = IDENTITY, **critical: Any) -> Attachment:
        """A signature as cosign stores it since its beginning: `critical` overrides what is in there."""
        payload = {
            "critical": {
                "identity": {"docker-reference": identity},
                "image": {"docker-manifest-digest": image},
                "type": "cosign container image signature",
                **critical,
            },
            "optional": None,
        }
        data = json.dumps(payload).encode()
        annotation = b64encode(self.sign(data)).decode()
        return Attachment(SIMPLE, data, {"dev.cosignproject.cosign/signature": annotation})

    def bundle(self, image: str, predicate: str = "https://sigstore.dev/cosign/sign/v1", name: str = "") -> Attachment:
        """A signature as cosign stores it since version 3."""
        subject: dict[str, Any] = {"digest": {"sha256": image.removeprefix("sha256:")}}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{**subject, "name": name} if name else subject],
            "predicateType": predicate,
            "predicate": {},
        }
        payload, kind = json.dumps(statement).encode(), b"application/vnd.in-toto+json"
        message = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
        document = {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": {
                "payload": b64encode(payload).decode(),
                "payloadType": kind.decode(),
                "signatures": [{"sig": b64encode(self.sign(message)).decode(), "keyid": ""}],
            },
        }
        return Attachment(BUNDLE, json.dumps(document).encode())


def push_tag(publisher: Publisher, image: str, *signatures: Attachment) -> None:
    """Store signatures as cosign does: one manifest under a tag made of the image's digest, a layer each."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **_blob(publisher, b"{}")},
        "layers": [
            {"mediaType": each.media_type, **_blob(publisher, each.data), "annotations": dict(each.annotations)}
            for each in signatures
        ],
    }
    publisher.document(document, tag=image.replace(":", "-") + ".sig")


def push_referrer(publisher: Publisher, image: str, bundle: Attachment) -> dict[str, Any]:
    """Store a bundle as cosign does since version 3: a manifest whose subject is the image. Answers its descriptor."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": bundle.media_type,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", **_blob(publisher, b"{}")},
        "layers": [{"mediaType": bundle.media_type, **_blob(publisher, bundle.data)}],
        "subject": publisher.describe(image),
    }
    return {**publisher.describe(publisher.document(document)), "artifactType": bundle.media_type}


def index_of(*referrers: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(referrers)}).encode()


def push_list(publisher: Publisher, image: str, *referrers: dict[str, Any]) -> None:
    """What a registry without a list of its own is given: an index under a tag made of the image's digest."""
    publisher.index(referrers, tag=image.replace(":", "-"))


def _blob(publisher: Publisher, data: bytes) -> dict[str, Any]:
    return {"digest": publisher.blob(data), "size": len(data)} if data else {"digest": digest(data), "size": 0}
