"""What Prometheus is told: what the processes measured, and how things stand in the database now.

Cheap enough to be asked every few seconds: nothing here counts what is over, and what goes on has its own indexes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import isinf

from django.db.models import Count, F, Min, Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from core import configuration, measures
from core.measures import PLUGIN_PREFIX, PREFIX, Histogram
from core.models import Flavour, Job, Measurement, Message, PluginFact, Ref, Repository, Service
from core.queries import pools
from core.services import holds, measurements, runners, unhealthy
from core.states import Health, JobKind, JobState
from core.versions import VERSION

_NUMBER = re.compile(r"[a-z][a-z0-9_]{0,60}")


def exposition(now: datetime, late: int) -> bytes:
    """All metrics in Prometheus' text format.

    :param late: how many schedules should have run and did not.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(now, late))
    return generate_latest(registry)


class _Everything(Collector):
    def __init__(self, now: datetime, late: int) -> None:
        self._now, self._late = now, late

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: the registry belongs to one answer."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("deployer", "The deployer that answers.", value={"version": VERSION})
        yield from _measured()
        yield from _jobs(self._now)
        yield from _looks()
        yield from _services()
        yield from _held(self._now)
        yield from _pools()
        yield from _facts()
        lease = timedelta(seconds=configuration.current().lease_seconds)
        yield _gauge("runners", "Runners that gave a sign within a lease.", runners.alive(self._now, lease))
        yield _gauge("schedules_late", "Schedules that should have run and did not.", self._late)


def _measured() -> Iterator[Metric]:
    kept: dict[str, list[Measurement]] = defaultdict(list)
    for row in Measurement.objects.order_by("pk"):
        kept[row.name].append(row)
    for name, measure in sorted(measures.declared().items()):
        rows = [row for row in kept[name] if measurements.current(name, row)]
        if isinstance(measure, Histogram):
            yield _histogram(measure, rows)
        else:
            counter = CounterMetricFamily(name, measure.about, labels=measure.labels)
            for row in rows:
                counter.add_metric(row.labels, row.count)
            yield counter


def _histogram(measure: Histogram, rows: Iterable[Measurement]) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.about, labels=measure.labels)
    for row in rows:
        buckets: list[tuple[str, float]] = []
        so_far = 0
        for bound, count in zip((*measure.bounds, float("inf")), row.buckets, strict=True):
            so_far += count
            buckets.append(("+Inf" if isinf(bound) else str(float(bound)), so_far))
        family.add_metric(row.labels, buckets, row.total)
    return family


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, about, value=value)


def _jobs(now: datetime) -> Iterator[Metric]:
    ready = Q(not_before=None) | Q(not_before__lte=now)
    rows = Job.objects.active().order_by().values("kind", "state")
    found = {
        (row["kind"], row["state"]): row
        for row in rows.annotate(count=Count("pk"), oldest=Min("created_at", filter=ready))
    }
    jobs = GaugeMetricFamily(PREFIX + "jobs", "Jobs that wait or run.", labels=("kind", "state"))
    oldest = GaugeMetricFamily(
        PREFIX + "oldest_queued_seconds",
        "Since when the oldest job waits, of those that are not put off; 0 where none waits.",
        labels=("kind",),
    )
    for kind in JobKind:
        for state in (JobState.QUEUED, JobState.RUNNING):
            row = found.get((kind, state))
            jobs.add_metric((kind, state), row["count"] if row else 0)
        queued = found.get((kind, JobState.QUEUED))
        since = queued["oldest"] if queued else None
        oldest.add_metric((kind,), max((now - since).total_seconds(), 0) if since else 0)
    yield jobs
    yield oldest
    in_force = Q(flavour__threshold_lifts_at=None) | Q(flavour__threshold_lifts_at__gt=now)
    unapproved = Job.objects.queued().filter(in_force, approved_at=None, level__gte=F("flavour__threshold"))
    # To join the jobs that wait would cost as much as all else, for nothing where there is no threshold.
    waiting = unapproved.count() if Flavour.objects.exclude(threshold=None).exists() else 0
    yield _gauge("jobs_waiting_for_approval", "Jobs that wait until somebody approves them.", waiting)


def _looks() -> Iterator[Metric]:
    repositories = Repository.objects.filter(retired_at=None).order_by()
    counts = repositories.aggregate(all=Count("pk"), failing=Count("pk", filter=~Q(look_error="")))
    yield _gauge("repositories", "Repositories that are looked after.", counts["all"])
    yield _gauge("repositories_failing", "Repositories whose last look failed.", counts["failing"])
    stale = Ref.objects.filter(version__gt=F("reconciled_version")).count()
    yield _gauge("refs_to_evaluate", "Refs that something changed for and that were not evaluated since.", stale)
    unsent = GaugeMetricFamily(
        PREFIX + "messages_unsent", "Statuses and notifications that are still to be told.", labels=("recipient",)
    )
    rows = Message.objects.filter(version__gt=F("sent_version")).order_by().values("recipient")
    found = dict(rows.annotate(count=Count("pk")).values_list("recipient", "count"))
    for recipient in ("source", "notifier"):
        unsent.add_metric((recipient,), found.get(recipient, 0))
    yield unsent


def _services() -> Iterator[Metric]:
    all_, drifted, unwell, marked = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    marks = set(unhealthy.marks().values_list("service", flat=True))
    rows = Service.objects.filter(retired_at=None).select_related("target__recipe__repository__flavour")
    for row in rows:
        flavour = row.target.recipe.repository.flavour.name
        all_[flavour] += 1
        drifted[flavour] += bool(row.drift)
        marked[flavour] += row.pk in marks
        unwell[flavour] += row.current_id is not None and row.observed_health in (Health.UNHEALTHY, Health.ABSENT)
    for name, about, counts in (
        ("services", "Services in use.", all_),
        ("services_drifted", "Services that do not run what their latest deployment says.", drifted),
        ("services_unhealthy", "Services that were deployed and are unhealthy or not there.", unwell),
        ("services_marked", "Services of which a release is not tried again, as they were not well with it.", marked),
    ):
        family = GaugeMetricFamily(PREFIX + name, about, labels=("flavour",))
        for flavour in sorted(all_):
            family.add_metric((flavour,), counts[flavour])
        yield family


def _held(now: datetime) -> Iterator[Metric]:
    held = holds.in_force(now)
    family = GaugeMetricFamily(PREFIX + "holds", "Locks and freezes in force.", labels=("kind",))
    family.add_metric(("lock",), len(held.locks))
    family.add_metric(("freeze",), len(held.freezes))
    yield family


def _pools() -> Iterator[Metric]:
    own = GaugeMetricFamily(PREFIX + "pool_jobs", "Our jobs in a pool.", labels=("pool", "state"))
    capacity = GaugeMetricFamily(PREFIX + "pool_capacity", "Jobs that a pool takes at once.", labels=("pool",))
    for each in pools.own():
        own.add_metric((each.name, JobState.QUEUED), each.queued)
        own.add_metric((each.name, JobState.RUNNING), each.running)
        if each.capacity is not None:
            capacity.add_metric((each.name,), each.capacity)
    yield own
    yield capacity
    told = GaugeMetricFamily(
        PREFIX + "builder_pool",
        "What a builder tells of its machines, others' builds included: capacity, running, queued.",
        labels=("builder", "pool", "what"),
    )
    for builder in pools.told():
        for pool in builder.pools:
            told.add_metric((builder.builder, pool.name, "capacity"), pool.capacity)
            told.add_metric((builder.builder, pool.name, "running"), pool.running)
            told.add_metric((builder.builder, pool.name, "queued"), pool.queued)
    yield told


def _facts() -> Iterator[Metric]:
    """What plugins tell of themselves in numbers, such as what is left of a rate limit."""
    families: dict[str, GaugeMetricFamily] = {}
    warnings = GaugeMetricFamily(PREFIX + "plugin_warnings", "Facts that a plugin warns of.", labels=("plugin",))
    warned: Counter[str] = Counter()
    declared = measures.declared()
    for row in PluginFact.objects.all():
        warned[row.plugin] += row.warning
        for name, value in row.numbers.items():
            full = f"{PLUGIN_PREFIX}{row.plugin}_{name}"
            if (
                full not in declared
                and _NUMBER.fullmatch(name)
                and _NUMBER.fullmatch(row.plugin)
                and isinstance(value, int | float)
            ):
                about = f"What plugin {row.plugin} tells of itself."
                family = families.setdefault(full, GaugeMetricFamily(full, about, labels=("fact",)))
                family.add_metric((row.label,), value)
    for plugin, count in sorted(warned.items()):
        warnings.add_metric((plugin,), count)
    yield warnings
    yield from families.values()
