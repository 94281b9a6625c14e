"""Whether one of the signatures that are attached to an image is of that image, and by a key that is believed. Pure.

Formats: cosign's simple signing (SIGNATURE_SPEC), and Sigstore's bundle with a DSSE envelope around an in-toto statement
of the predicate type `https://sigstore.dev/cosign/sign/v1`, which cosign writes since version 3.

Nothing is read of what is signed before the signature is known to be by such a key.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from containers.names import ImageName
from containers.registry import Attachment
from core.api import Stalled
from plugins.cosign.keys import PublicKey

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
#: Since version 0.3 of the format the version is in the name, before that it was a parameter.
BUNDLES = ("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json")
_ANNOTATION = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"
_IN_TOTO, _STATEMENT = "application/vnd.in-toto+json", "https://in-toto.io/Statement/"
_SIGN = "https://sigstore.dev/cosign/sign/v1"


class Fault(StrEnum):
    """Why a signature does not count."""

    UNREADABLE = "cannot be read"
    OTHER_KEY = "is by another key"
    OTHER_KIND = "says something else of an image than that it is signed"
    OTHER_IMAGE = "is of another image"
    OTHER_NAME = "is of the image by another name"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it.

    :param by: the name of the key that signed; empty where no signature counts.
    :param faults: why those that do not count do not.
    """

    by: str = ""
    faults: Mapping[Fault, int] | None = None

    @property
    def signed(self) -> bool:
        return bool(self.by)

    @property
    def why(self) -> str:
        """One sentence, without its end: why it is not signed."""
        if not self.faults:
            return "nobody signed it"
        told = " and ".join(f"{count} that {fault}" for fault, count in sorted(self.faults.items()))
        return f"no signature of it counts: there is {told}"


def verify(digest: str, attachments: Sequence[Attachment], keys: Collection[PublicKey], identity: str = "") -> Verdict:
    """Look for a signature of an image by one of some keys. One is enough, whatever else is attached.

    :param digest: of the image (`sha256:…`).
    :param identity: the name that it has to have been signed by; empty where any will do.
    """
    faults: Counter[Fault] = Counter()
    for each in attachments:
        judge = _simple if each.media_type.partition(";")[0] == SIMPLE else _bundle
        try:
            found = judge(each, digest, keys, identity)
        except (ValueError, NotBase64, LookupError, TypeError, AttributeError, RecursionError):
            found = Fault.UNREADABLE
        if isinstance(found, PublicKey):
            return Verdict(by=found.name)
        faults[found] += 1
    return Verdict(faults=faults)


def _simple(each: Attachment, digest: str, keys: Collection[PublicKey], identity: str) -> PublicKey | Fault:
    signature = b64decode(each.annotations[_ANNOTATION], validate=True)
    key = _signer(each.data, signature, keys)
    if key is None:
        return Fault.OTHER_KEY
    critical = json.loads(each.data)["critical"]
    if critical["type"] != _TYPE:
        return Fault.OTHER_KIND
    if critical["image"]["docker-manifest-digest"] != digest:
        return Fault.OTHER_IMAGE
    return key if _same(critical["identity"]["docker-reference"], identity) else Fault.OTHER_NAME


def _bundle(each: Attachment, digest: str, keys: Collection[PublicKey], identity: str) -> PublicKey | Fault:
    envelope = json.loads(each.data).get("dsseEnvelope")
    if envelope is None:
        return Fault.OTHER_KIND
    payload, kind = b64decode(envelope["payload"], validate=True), str(envelope["payloadType"])
    message = b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)
    signatures = [b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
    key = next((found for one in signatures if (found := _signer(message, one, keys))), None)
    if key is None:
        return Fault.OTHER_KEY
    statement = json.loads(payload) if kind == _IN_TOTO else {}
    if not str(statement.get("_type", "")).startswith(_STATEMENT) or statement.get("predicateType") != _SIGN:
        return Fault.OTHER_KIND
    subjects: list[Any] = statement["subject"]
    named = [one for one in subjects if one["digest"].get("sha256") == digest.removeprefix("sha256:")]
    if not named:
        return Fault.OTHER_IMAGE
    # Such a statement need not say by which name.
    return key if any(_same(str(one.get("name", "")), identity) for one in named) else Fault.OTHER_NAME


def _signer(message: bytes, signature: bytes, keys: Collection[PublicKey]) -> PublicKey | None:
    return next((key for key in keys if key.signed(message, signature)), None)


def _same(said: str, wanted: str) -> bool:
    """Whether a name is the one that is wanted, however each is written; a tag counts where one is wanted."""
    if not wanted:
        return True
    try:
        name, other = ImageName.parse(said), ImageName.parse(wanted)
    except Stalled:
        return False
    same = (name.registry, name.repository) == (other.registry, other.repository)
    return same and other.tag in ("", name.tag)
