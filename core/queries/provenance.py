"""What is attested of releases and deployments, as bytes: as statements, or signed."""

from __future__ import annotations

from enum import StrEnum

from core import signing
from core.errors import ConfigurationError, RefusedError
from core.models import Deployment, Provenance, Release
from core.pipeline import statements
from core.pipeline.statements import Moved
from core.queries import deployments
from core.services import provenance
from core.states import JOB


class Form(StrEnum):
    """How it is wanted: as it is, signed (DSSE), or signed as Sigstore's tools have it."""

    STATEMENT = "statement"
    ENVELOPE = "envelope"
    BUNDLE = "bundle"


#: What each form is called (IANA's names where there are any).
MEDIA_TYPES = {
    Form.STATEMENT: signing.PAYLOAD_TYPE,
    Form.ENVELOPE: "application/vnd.dsse.envelope.v1+json",
    Form.BUNDLE: signing.BUNDLE,
}


def of_release(key: int, form: Form) -> bytes:
    """The provenance of a release. The same bytes each time, until it is published again.

    :raises Release.DoesNotExist: there is none.
    :raises RefusedError: it was not published, or there is no key to sign with that can be read.
    """
    related = ("target__recipe__repository__flavour", "commit", "job__flavour", "job__approved_by")
    release = Release.objects.select_related(*related).get(pk=key)
    if not release.digest:
        raise RefusedError(f"{release} was not published yet: nothing can be attested of it")
    row = Provenance.objects.filter(release=release).first()
    if row is not None and row.statement is not None:
        return _as(row.statement, form)
    # It was published before how it was made was written down: by what is still known, and not by which version.
    return _as(provenance.statement(release, row.manifests if row else {}, version=""), form)


def of_deployment(key: int, form: Form) -> bytes:
    """The record of a deployment that has ended; the same bytes each time.

    :raises Deployment.DoesNotExist: there is none.
    :raises RefusedError: it has not ended, or there is no key to sign with that can be read.
    """
    row = deployments.rows().get(pk=key)
    if row.job.state not in JOB.final:
        raise RefusedError(f"{row} has not ended yet: nothing can be attested of it")
    return _as(statements.deployment(_moved(row), provenance.hider()), form)


def _moved(row: Deployment) -> Moved:
    service, release, job = row.service, row.release, row.job
    address = job.flavour.address
    cause = deployments.cause(row)[1]
    return Moved(
        image=release.image,
        digest=row.digest or release.digest,
        flavour=job.flavour.name,
        repository=release.commit.repository.name,
        ref=f"refs/heads/{service.target.branch}",
        commit=release.commit.hash,
        author=release.commit.author,
        release_url=f"{address}/releases/{release.pk}/",
        url=f"{address}/deployments/{row.pk}/",
        service=service.name,
        host=service.host,
        uri=service.uri,
        deployer=service.deployer,
        previous=row.previous_digest,
        previous_commit=row.previous.commit.hash if row.previous else "",
        rollback=row.rollback,
        cause=cause,
        asked_by=row.asked_by.get_username() if row.asked_by else "",
        asked_why=row.asked_why,
        created_at=row.created_at,
        job=provenance.fact(job, "deployment"),
        outcome=job.state,
        reason=job.reason,
    )


def _as(document: statements.Document, form: Form) -> bytes:
    statement = provenance.handed_out(document)
    if form is Form.STATEMENT:
        return statement
    try:
        by = signing.signer()
    except ConfigurationError as error:
        raise RefusedError(str(error)) from None
    if by is None:
        raise RefusedError(f"there is no key to sign with: name the file of one in {signing.SETTING}")
    return signing.bundle(statement, by) if form is Form.BUNDLE else signing.envelope(statement, by)
