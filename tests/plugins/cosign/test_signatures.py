"""Which signatures count, and what is said of those that do not."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError

from containers.registry import Attachment
from plugins.cosign import keys, signatures
from plugins.cosign.options import CosignOptions
from plugins.cosign.signatures import Fault
from tests.plugins.cosign.signing import IDENTITY, RECORDED, RECORDED_DIGEST, RECORDED_KEY, SIMPLE, Signer

IMAGE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def faults(*attachments: Attachment, by: Signer, identity: str = "") -> dict[Fault, int]:
    verdict = signatures.verify(IMAGE, attachments, keys.read(by.public), identity)
    assert not verdict.signed
    return dict(verdict.faults or {})


def signed(*attachments: Attachment, by: Signer, identity: str = "") -> bool:
    return signatures.verify(IMAGE, attachments, keys.read(by.public), identity).signed


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["ecdsa", "ed25519", "rsa"],
)
@pytest.mark.parametrize("kind", ["simple", "bundle"])
def test_a_signature_by_the_declared_key_counts(key: Any, kind: str) -> None:
    ann, eve = Signer(key), Signer()
    assert signed(getattr(ann, kind)(IMAGE), by=ann)
    assert faults(getattr(eve, kind)(IMAGE), by=ann) == {Fault.OTHER_KEY: 1}
    assert faults(getattr(ann, kind)(OTHER), by=ann) == {Fault.OTHER_IMAGE: 1}


def test_what_sigstores_own_library_made_counts() -> None:
    made = Attachment("application/vnd.dev.sigstore.bundle.v0.3+json", RECORDED.encode())
    verdict = signatures.verify(RECORDED_DIGEST, [made], keys.read(RECORDED_KEY))
    assert verdict.signed
    assert not signatures.verify(IMAGE, [made], keys.read(RECORDED_KEY)).signed


def test_of_several_signatures_one_is_enough_and_of_several_keys_too() -> None:
    ann, ben, eve = Signer(), Signer(), Signer()
    attachments = [eve.simple(IMAGE), ann.simple(OTHER), eve.bundle(IMAGE), ben.simple(IMAGE)]
    assert signed(*attachments, by=ben)
    both = keys.read(ann.public + ben.public)
    assert signatures.verify(IMAGE, attachments, both).by == keys.read(ben.public)[0].name
    assert faults(*attachments, by=ann) == {Fault.OTHER_KEY: 3, Fault.OTHER_IMAGE: 1}


def test_nothing_that_was_changed_afterwards_counts() -> None:
    ann = Signer()
    simple = ann.simple(OTHER)
    changed = replace(simple, data=simple.data.replace(OTHER.encode(), IMAGE.encode()))
    assert faults(changed, by=ann) == {Fault.OTHER_KEY: 1}
    bundle = json.loads(ann.bundle(IMAGE).data)
    bundle["dsseEnvelope"]["payloadType"] = "text/plain"
    assert faults(replace(ann.bundle(IMAGE), data=json.dumps(bundle).encode()), by=ann) == {Fault.OTHER_KEY: 1}
    elsewhere = json.loads(ann.bundle(OTHER).data)
    elsewhere["dsseEnvelope"]["payload"] = json.loads(ann.bundle(IMAGE).data)["dsseEnvelope"]["payload"]
    assert faults(replace(ann.bundle(IMAGE), data=json.dumps(elsewhere).encode()), by=ann) == {Fault.OTHER_KEY: 1}


def test_what_the_key_signed_for_another_purpose_does_not_count() -> None:
    """An attestation about an image is no signature of it: who scanned it may have found it bad."""
    ann = Signer()
    assert faults(ann.simple(IMAGE, type="atomic container signature"), by=ann) == {Fault.OTHER_KIND: 1}
    assert faults(ann.bundle(IMAGE, predicate="https://slsa.dev/provenance/v1"), by=ann) == {Fault.OTHER_KIND: 1}
    blob = {"mediaType": "x", "messageSignature": {"signature": b64encode(ann.sign(b"x")).decode()}}
    assert faults(replace(ann.bundle(IMAGE), data=json.dumps(blob).encode()), by=ann) == {Fault.OTHER_KIND: 1}


@pytest.mark.parametrize(
    ("said", "wanted", "counts"),
    [
        (IDENTITY, "", True),
        (IDENTITY, IDENTITY, True),
        (IDENTITY, "registry.example.org/acme/shop", True),
        (IDENTITY, "registry.example.org/acme/shop:staging", False),
        (IDENTITY, "registry.example.org/acme/shopping", False),
        ("index.docker.io/library/busybox", "busybox", True),
        (f"registry.example.org/acme/shop@{IMAGE}", "registry.example.org/acme/shop", True),
        ("Not a name", "busybox", False),
        ("", "busybox", False),
    ],
)
@pytest.mark.parametrize("kind", ["simple", "bundle"])
def test_the_name_that_was_signed_has_to_be_the_wanted_one(said: str, wanted: str, counts: bool, kind: str) -> None:
    ann = Signer()
    made = ann.simple(IMAGE, said) if kind == "simple" else ann.bundle(IMAGE, name=said)
    verdict = signatures.verify(IMAGE, [made], keys.read(ann.public), wanted)
    assert verdict.signed == counts
    assert counts or verdict.faults == {Fault.OTHER_NAME: 1}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"critical": 1}'])
def test_rubbish_that_is_signed_holds_and_breaks_nothing(data: bytes) -> None:
    ann = Signer()
    annotation = {"dev.cosignproject.cosign/signature": b64encode(ann.sign(data)).decode()}
    for each in (
        Attachment(SIMPLE, data, annotation),
        Attachment(SIMPLE, data, {"dev.cosignproject.cosign/signature": "not base64!"}),
        Attachment(SIMPLE, data),
        replace(ann.bundle(IMAGE), data=data),
        replace(ann.bundle(IMAGE), data=b'{"dsseEnvelope": ' + (data or b"1") + b"}"),
    ):
        assert sum(faults(each, by=ann).values()) == 1


def test_why_it_is_not_signed_is_one_sentence() -> None:
    ann, eve = Signer(), Signer()
    assert signatures.verify(IMAGE, [], keys.read(ann.public)).why == "nobody signed it"
    told = signatures.verify(IMAGE, [eve.simple(IMAGE), ann.simple(OTHER)], keys.read(ann.public)).why
    assert told == "no signature of it counts: there is 1 that is by another key and 1 that is of another image"


def test_a_key_is_called_by_its_own_hash() -> None:
    ann = Signer()
    der = b"".join(ann.public.encode().splitlines()[1:-1])
    assert keys.read(ann.public)[0].name == sha256(b64decode(der)).hexdigest()[:12]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
        ("-----BEGIN PUBLIC KEY-----", "it is no public key"),
        (
            "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED COSIGN PRIVATE KEY-----",
            "private key",
        ),
        (Signer(rsa.generate_private_key(65537, 1024)).public, "at least 2048 bits"),
        (Signer(ec.generate_private_key(ec.SECP384R1())).public, "ECDSA on P-256"),
        ("cosign.pub", "neither a public key"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_when_it_is_declared(key: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CosignOptions(key=key)
