"""Pushing at a rate, and how long each push took until it was live everywhere."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import requests
from django.utils import timezone

from bench.scale.plugin import outside
from bench.scale.size import Size, commit
from core.models import Job, Repository
from core.services import heads
from core.states import JobKind, JobState

#: Seconds that a push may take, beyond what its work takes, before it counts as stuck.
PATIENCE = 60.0
_PAGES = ("/", "/services/", "/jobs/", "/api/services?limit=50", "/api/jobs?limit=50")


@dataclass(frozen=True, slots=True)
class Push:
    repository: str
    hash: str
    at: datetime

    @property
    def work(self) -> float:
        """Seconds that its build, its publication and its move take, whoever has them done."""
        look = outside.LOOK
        return look + outside.build_seconds(self.hash) + outside.publish_seconds() + outside.deploy_seconds()


@dataclass(frozen=True, slots=True)
class Delay:
    """How long pushes took beyond their work, in seconds; those of one load.

    :param pushes: without those that a newer one took the place of.
    :param seen: until the build was queued.
    :param claimed: a job, after it was queued.
    :param stuck: pushes that were not live in time.
    """

    pushes: int
    p50: float
    p95: float
    worst: float
    seen: float
    claimed: float
    stuck: int


def push(size: Size, rate: float, seconds: float, names: Sequence[str], started: int) -> list[Push]:
    """Push to one repository after the other.

    :param rate: pushes in a second.
    :param started: pushes that were made before: no repository comes again before all others.
    """
    pushes = []
    begin = time.monotonic()
    rows = {row.name: row for row in Repository.objects.all()}
    for number in range(int(rate * seconds)):
        time.sleep(max(begin + number / rate - time.monotonic(), 0))
        name = names[(started + number) % len(names)]
        hash = commit("push", started + number)
        outside.push(name, {"refs/heads/live": hash})
        pushes.append(Push(name, hash, timezone.now()))
        heads.ask([rows[name]], timezone.now())
    return pushes


def _newest(pushes: Sequence[Push]) -> list[Push]:
    """Of each repository the last: where one comes again soon, those before it are meant to come to nothing."""
    return list({each.repository: each for each in pushes}.values())


def wait(pushes: Sequence[Push], services: int) -> None:
    """Wait until the newest of each repository is live, or the last may be called stuck."""
    end = time.monotonic() + max(each.work for each in pushes) + PATIENCE
    hashes = [each.hash for each in _newest(pushes)]
    done = Job.objects.filter(kind=JobKind.DEPLOYMENT, commit__hash__in=hashes, state=JobState.SUCCEEDED)
    while done.count() < len(hashes) * services and time.monotonic() < end:
        time.sleep(0.5)


def delay(pushes: Sequence[Push], services: int) -> Delay:
    """What became of the newest of each repository.

    :param services: of each repository.
    """
    pushes = _newest(pushes)
    jobs: dict[str, list[Job]] = {each.hash: [] for each in pushes}
    for job in Job.objects.filter(commit__hash__in=list(jobs)).select_related("commit"):
        assert job.commit is not None
        jobs[job.commit.hash].append(job)
    took, seen, claimed, stuck = [], [], [], 0
    for each in pushes:
        done = [job for job in jobs[each.hash] if job.kind == JobKind.DEPLOYMENT and job.finished_at]
        if len(done) < services:
            stuck += 1
            continue
        last = max(job.finished_at for job in done if job.finished_at)
        took.append((last - each.at).total_seconds() - each.work)
        seen.append((min(job.created_at for job in jobs[each.hash]) - each.at).total_seconds())
        claimed += [(job.started_at - job.created_at).total_seconds() for job in jobs[each.hash] if job.started_at]
    return Delay(
        len(pushes), _part(took, 50), _part(took, 95), _part(took, 100), _part(seen, 95), _part(claimed, 95), stuck
    )


def _part(values: Sequence[float], percent: int) -> float:
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


class Reader(threading.Thread):
    """Somebody who looks at pages all the time, and how long they take."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._address = f"http://127.0.0.1:{port}"
        self._over = threading.Event()
        self._took: list[float] = []

    def run(self) -> None:
        number = 0
        while not self._over.wait(0.25):
            begin = time.perf_counter()
            requests.get(self._address + _PAGES[number % len(_PAGES)], timeout=60).raise_for_status()
            self._took.append(time.perf_counter() - begin)
            number += 1

    def end(self) -> tuple[float, float]:
        """Stop; the median and the 95th percentile, in seconds."""
        self._over.set()
        self.join(90)
        return (statistics.median(self._took), _part(self._took, 95)) if self._took else (float("nan"),) * 2
