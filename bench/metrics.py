"""What measuring costs, and being asked for it: with 100,000 jobs that are over and 2,000 that wait."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from bench.reconcile import make
from bench.timing import median, tell
from core import measures, metrics
from core.engine.reconcile import reconcile
from core.models import Job, Ref
from core.services import measurements
from core.states import JobState

OVER, WAITING = 100_000, 2_000


def fill() -> None:
    """As many jobs as there are in years."""
    pattern = Job.objects.latest("pk")
    count = Job.objects.count()
    now = timezone.now()
    rows = []
    for number in range(count, OVER + WAITING):
        waits = number >= OVER
        rows.append(
            Job(
                kind=pattern.kind,
                fingerprint=f"{number:064d}",
                exclusive=f"bench {number}",
                flavour_id=pattern.flavour_id,
                repository_id=pattern.repository_id,
                commit_id=pattern.commit_id,
                title="bench",
                level=pattern.level,
                pool=pattern.pool,
                state=JobState.QUEUED if waits else JobState.SUCCEEDED,
                started_at=None if waits else now,
                finished_at=None if waits else now,
            )
        )
    Job.objects.bulk_create(rows, batch_size=2000)


def main() -> None:
    repository = make()
    fill()
    measures.take()
    for route in range(60):
        for status in ("2xx", "3xx", "4xx"):
            metrics.REQUESTS.measure(0.01, route=f"route/{route}", method="GET", status=status)
    measurements.flush()
    print(f"  {Job.objects.count()} jobs, {Job.objects.active().count()} of them active; 180 series of a histogram")
    client = Client(headers={"host": "localhost"})
    page = median(lambda: client.get("/jobs/"))
    tell("the page of jobs", page)
    tell("/metrics", median(lambda: client.get("/metrics")), page, "the page of jobs")

    def one() -> None:
        Ref.objects.filter(name="refs/heads/branch-500").update(version=2, reconciled_version=1)
        reconcile(repository.pk)

    look = median(one)
    tell("one ref evaluated", look)
    measured = median(lambda: [metrics.RECONCILED.measure(0.01) for _ in range(1000)]) / 1000
    tell("measuring it", measured, look, "evaluating it")

    def flush() -> None:
        for kind in ("build", "release", "deployment", "input"):
            metrics.RAN.measure(1, kind=kind, outcome="succeeded")
        measurements.flush()

    tell("writing 4 series down, every 5 s", median(flush), look, "evaluating one ref")
