"""What is attested of a release and of a deployment: in-toto statements, as values. Pure.

Formats: in-toto Statement v1 (https://in-toto.io/Statement/v1) and SLSA Provenance v1 (https://slsa.dev/provenance/v1);
what is the deployer's own is described in `docs/reference/provenance.md`.

The same facts make the same bytes (`encoded`), so that a statement can be compared, and signed, by its bytes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
#: How a release is made, and what is said of a deployment. They are names, whatever becomes of any server.
BUILD_TYPE = "urn:deployer:build:v1"
DEPLOYMENT = "urn:deployer:deployment:v1"

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{40}")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedInput:
    """An input that builds were given.

    :param arguments: the build arguments that had its value.
    """

    name: str
    reader: str
    value: str
    arguments: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """A job that had a part in it. `what`: `linux/amd64` for a build, `release` for the publication.

    :param url: its page.
    """

    what: str
    url: str
    started_at: datetime | None
    finished_at: datetime | None
    approved_by: str = ""
    approved_at: datetime | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a release was made.

    :param digest: of its index (`sha256:…`), `manifests` those of the images in it, by platform, as far as known.
    :param address: where the deployer's pages are, without a slash at the end.
    :param clone_url: where the repository can be had from, without credentials; empty where it cannot.
    :param source: the kind of the repository's source.
    :param version: of the deployer that published it; empty where nobody wrote that down.
    :param publication: its publication, and `builds` what was published.
    """

    image: str
    digest: str
    address: str
    flavour: str
    repository: str
    source: str
    clone_url: str
    ref: str
    commit: str
    author: str
    recipe: str
    builder: str
    platforms: Sequence[str]
    fingerprint: str
    version: str = ""
    manifests: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[UsedInput] = ()
    builds: Sequence[JobFact] = ()
    publication: JobFact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A deployment that has ended.

    :param image: the name of the release that the service was to be moved to, and `digest` what that was then.
    :param cause: `push`, `rollback`, `asked for`, `published again` or `moved back`.
    :param outcome: `succeeded`, `failed` or `cancelled`.
    :param previous: the digest that the service ran before; empty where it ran nothing.
    """

    image: str
    digest: str
    flavour: str
    repository: str
    ref: str
    commit: str
    author: str
    release_url: str
    url: str
    service: str
    host: str
    uri: str
    deployer: str
    previous: str
    previous_commit: str
    rollback: bool
    cause: str
    asked_by: str
    asked_why: str
    created_at: datetime
    job: JobFact
    outcome: str
    reason: str


#: Replaces secrets in a text.
Hide = Callable[[str], str]


def provenance(made: Made, hide: Hide) -> Document:
    """The provenance of a release: a statement with a predicate of SLSA Provenance v1.

    :param hide: asked of every text that people or sources wrote.
    """
    publication = made.publication
    jobs = [*made.builds, *([publication] if publication else [])]
    begun = [each.started_at for each in jobs if each.started_at]
    metadata = {
        "invocationId": publication.url if publication else "",
        "startedOn": _time(min(begun)) if begun else "",
        "finishedOn": _time(publication.finished_at) if publication and publication.finished_at else "",
    }
    predicate: Document = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "flavour": made.flavour,
                "repository": hide(made.clone_url) or made.repository,
                "ref": hide(made.ref),
                "commit": made.commit,
                "recipe": hide(made.recipe),
                "image": made.image,
                "platforms": sorted(made.platforms),
                "args": {hide(name): hide(value) for name, value in made.args.items()},
            },
            "internalParameters": _filled(
                {
                    "author": hide(made.author),
                    "approvedBy": publication.approved_by if publication else "",
                    "approvedOn": _time(publication.approved_at) if publication and publication.approved_at else "",
                    "fingerprint": made.fingerprint,
                    "builds": {each.what: each.fingerprint for each in made.builds},
                }
            ),
            "resolvedDependencies": [_source(made, hide), *(_input(each, hide) for each in made.inputs)],
        },
        "runDetails": {
            "builder": _filled(
                {
                    "id": f"{made.address}/builders/{made.builder}",
                    "version": {"deployer": made.version} if made.version else {},
                }
            ),
            "metadata": _filled(metadata),
            "byproducts": [
                {"name": f"log: {each.what}", "uri": f"{each.url}log", "mediaType": "text/plain"} for each in jobs
            ],
        },
    }
    return _statement(_subjects(made), PROVENANCE, predicate)


def deployment(moved: Moved, hide: Hide) -> Document:
    """The record of a deployment, about the image that the service was to be moved to."""
    predicate = _filled(
        {
            "service": _filled(
                {
                    "name": moved.service,
                    "host": moved.host,
                    "uri": hide(moved.uri),
                    "deployer": moved.deployer,
                    "flavour": moved.flavour,
                }
            ),
            "release": _filled(
                {
                    "url": moved.release_url,
                    "repository": moved.repository,
                    "ref": hide(moved.ref),
                    "commit": moved.commit,
                    "author": hide(moved.author),
                }
            ),
            "previous": _filled({"digest": _digests(moved.previous), "commit": moved.previous_commit}),
            "rollback": moved.rollback,
            "cause": moved.cause,
            "askedBy": moved.asked_by,
            "askedWhy": hide(moved.asked_why),
            "approvedBy": moved.job.approved_by,
            "approvedOn": _time(moved.job.approved_at) if moved.job.approved_at else "",
            "createdOn": _time(moved.created_at),
            "startedOn": _time(moved.job.started_at) if moved.job.started_at else "",
            "finishedOn": _time(moved.job.finished_at) if moved.job.finished_at else "",
            "outcome": moved.outcome,
            "reason": hide(moved.reason),
            "url": moved.url,
            "job": moved.job.url,
        }
    )
    return _statement([{"name": moved.image, "digest": _digests(moved.digest)}], DEPLOYMENT, predicate)


def encoded(document: Document) -> bytes:
    """A document as bytes: the same for the same document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _statement(subject: Sequence[Document], kind: str, predicate: Document) -> Document:
    return {"_type": STATEMENT, "subject": list(subject), "predicateType": kind, "predicate": predicate}


def _subjects(made: Made) -> list[Document]:
    """The index, and the image of each platform; a subject's name is its own."""
    own: list[Document] = [{"name": made.image, "digest": _digests(made.digest)}]
    for platform, digest in sorted(made.manifests.items()):
        if digest != made.digest:
            own.append({"name": f"{made.image}?platform={platform}", "digest": _digests(digest)})
    return own


def _digests(digest: str) -> dict[str, str]:
    """A digest as in-toto has it: by the name of its algorithm."""
    algorithm, _, value = digest.partition(":")
    return {algorithm: value} if value else {}


def _source(made: Made, hide: Hide) -> Document:
    if not made.clone_url and len(made.commit) == 64:  # a source of images: a commit of it is a digest
        return {"name": "source", "uri": f"{made.source}:{made.repository}", "digest": {"sha256": made.commit}}
    url = hide(made.clone_url)
    # As SPDX writes where a package can be had from (specification 2.3, section 7.7), and SLSA after it.
    uri = f"git+{url}@{hide(made.ref)}" if url else f"{made.source}:{made.repository}@{hide(made.ref)}"
    return {"name": "source", "uri": uri, "digest": {"gitCommit": made.commit}}


def _input(used: UsedInput, hide: Hide) -> Document:
    told: Document = {
        "name": f"input: {used.name}",
        "annotations": {"reader": used.reader, "arguments": [hide(each) for each in used.arguments]},
    }
    if found := _DIGEST.fullmatch(used.value):
        return {**told, "digest": {"sha256": found[1]}}
    if _COMMIT.fullmatch(used.value):
        return {**told, "digest": {"gitCommit": used.value}}
    return {**told, "content": base64.b64encode(hide(used.value).encode()).decode(), "mediaType": "text/plain"}


def _filled(document: Document) -> Document:
    """Without what is empty: there is nothing to say of it."""
    return {name: value for name, value in document.items() if value not in ("", {}, None)}


def _time(moment: datetime) -> str:
    """RFC 3339, in UTC, by whole seconds, as SLSA asks for."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
