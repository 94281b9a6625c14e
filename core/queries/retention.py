"""The facts that `core.pipeline.retention` decides on, and where the logs of jobs are that may go. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Max, Q, QuerySet

from core.models import Commit, Deployment, Flavour, Job, Message, Probe, Ref, Release, Repository, Rollback, Service
from core.pipeline.declaration import Retention
from core.pipeline.retention import Facts, JobFact, RefFact, ReleaseFact, ServiceFact
from core.states import JobKind, JobState, Purpose

#: Jobs, and closed refs, that are looked at at once.
BATCH = 500


def repositories() -> list[Repository]:
    """Every repository, of whatever is not declared any more too, with its flavour."""
    return list(Repository.objects.select_related("flavour").order_by("pk"))


def facts_of(repository: int, retention: Retention, after: int, now: datetime) -> Facts:
    """Facts about a repository: all that says what is needed, and the next old jobs.

    :param after: the job to go on behind; 0 at first, and then closed refs are looked at too.
    """
    rows = _old(Job.objects.filter(repository=repository), retention, after, now)
    refs = list(Ref.objects.filter(repository=repository, gone_at=None).values_list("pk", "commit", "gone_at"))
    if not after and retention.refs is not None:
        closed = Ref.objects.filter(repository=repository, gone_at__lt=now - timedelta(days=retention.refs))
        refs += closed.order_by("pk").values_list("pk", "commit", "gone_at")
    releases = Release.objects.filter(target__recipe__repository=repository)
    return Facts(
        jobs=_jobs(rows),
        refs=[RefFact(id=pk, commit=commit, gone_at=gone_at) for pk, commit, gone_at in refs],
        releases=[
            ReleaseFact(id=pk, target=target, commit=commit, published=bool(digest) and removed is None)
            for pk, target, commit, digest, removed in releases.values_list(
                "pk", "target", "commit", "digest", "image_removed_at"
            )
        ],
        services=_services(repository),
        meant_commits=meant_commits(repository, now),
        meant_releases=_meant_releases(repository),
    )


def facts_of_inputs(flavour: int, retention: Retention, after: int, now: datetime) -> Facts:
    """Facts about the readings of a flavour's inputs: the next old ones."""
    rows = Job.objects.filter(flavour=flavour, kind=JobKind.INPUT, repository=None)
    return Facts(jobs=_jobs(_old(rows, retention, after, now)))


def _old(rows: QuerySet[Job], retention: Retention, after: int, now: datetime) -> list[Job]:
    """The next jobs of which something could go."""
    gone = Q(pk__in=[])
    if retention.logs is not None:
        gone |= Q(finished_at__lt=now - timedelta(days=retention.logs), log_removed_at=None) & ~Q(log="")
    if retention.builds is not None:
        passing = Q(kind=JobKind.INPUT) | Q(build__purpose=Purpose.CHECK)
        gone |= Q(finished_at__lt=now - timedelta(days=retention.builds)) & passing
    related = rows.filter(gone, pk__gt=after).select_related("build", "deployment_of")
    return list(related.order_by("pk")[:BATCH])


def _jobs(rows: Sequence[Job]) -> list[JobFact]:
    newest = _newest(rows)
    parts: dict[int, set[int]] = defaultdict(set)
    builds = {row.build_id for row in rows if row.build_id}
    for build, release in Release.builds.through.objects.filter(build__in=builds).values_list("build", "release"):
        parts[build].add(release)
    return [_job(row, newest, parts) for row in rows]


def _job(row: Job, newest: Collection[int], parts: dict[int, set[int]]) -> JobFact:
    deployment: Deployment | None = getattr(row, "deployment_of", None)
    releases = {row.release_id, deployment.release_id if deployment else None}
    if row.build_id:
        releases |= parts.get(row.build_id, set())
    check = row.build is not None and row.build.purpose == Purpose.CHECK
    return JobFact(
        id=row.pk,
        finished_at=None if row.is_active else row.finished_at,
        newest=row.pk in newest,
        passing=check or row.kind == JobKind.INPUT,
        has_log=bool(row.log) and row.log_removed_at is None,
        commit=row.commit_id,
        build=row.build_id,
        releases=frozenset(each for each in releases if each is not None),
    )


def _newest(rows: Iterable[Job]) -> set[int]:
    """Which of some jobs are the newest that carry out their operation."""
    fingerprints = {row.fingerprint for row in rows}
    found = Job.objects.filter(fingerprint__in=fingerprints).order_by().values("fingerprint").annotate(last=Max("pk"))
    return {row["last"] for row in found}


def _services(repository: int) -> list[ServiceFact]:
    rows = list(Service.objects.filter(target__recipe__repository=repository, retired_at=None))
    rollbacks = dict(Rollback.objects.filter(service__in=rows, lifted_at=None).values_list("service", "release"))
    deployed: dict[int, list[int]] = defaultdict(list)
    done = Deployment.objects.filter(service__in=rows, job__state=JobState.SUCCEEDED).order_by("-pk")
    for service, release in done.values_list("service", "release"):
        deployed[service].append(release)
    return [
        ServiceFact(
            target=row.target_id,
            current=row.current_id,
            rollback=rollbacks.get(row.pk),
            deployed=deployed[row.pk],
        )
        for row in rows
    ]


def _meant_releases(repository: int) -> frozenset[int]:
    """The releases that jobs which go on are about, and what those go back to where it goes wrong."""
    active = Job.objects.active().filter(repository=repository)
    direct = active.exclude(release=None).values_list("release", flat=True)
    undone = Deployment.objects.filter(job__in=active).values_list("release", "previous")
    # A service that moved here from another repository may still run what was released there.
    run = Service.objects.filter(retired_at=None, current__target__recipe__repository=repository)
    back = Rollback.objects.filter(lifted_at=None, release__target__recipe__repository=repository)
    found = {*direct, *(each for pair in undone for each in pair)}
    found |= {*run.values_list("current", flat=True), *back.values_list("release", flat=True)}
    return frozenset(each for each in found if each is not None)


def meant_commits(repository: int, now: datetime) -> frozenset[int]:
    """The commits that something undone is about: a message, a question that waits for its answer, a job."""
    unsent = Message.objects.filter(version__gt=F("sent_version"), payload__repository=repository)
    hashes = {payload.get("commit") for payload in unsent.values_list("payload", flat=True)}
    waiting = Probe.objects.filter(answered_at=None, asked_at__gt=now - timedelta(days=1))
    hashes |= {question.get("commit") for question in waiting.values_list("question", flat=True)}
    known = Commit.objects.filter(repository=repository, hash__in=[each for each in hashes if each])
    active = Job.objects.active().filter(repository=repository).exclude(commit=None)
    return frozenset({*known.values_list("pk", flat=True), *active.values_list("commit", flat=True)})


def logs_of(jobs: Collection[int]) -> dict[int, str]:
    """The names of the logs of jobs that have one."""
    rows = Job.objects.filter(pk__in=jobs, log_removed_at=None).exclude(log="")
    return dict(rows.values_list("pk", "log"))


def policy_of(flavour: Flavour) -> str:
    """Whose policy it is and what it says of logs, for the page of a job whose log went."""
    return f"the policy of {flavour.name}: logs are kept for {flavour.kept.logs} days"
