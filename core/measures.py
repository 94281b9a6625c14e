"""Counting and timing, gathered in this process until it is written down (`core.services.measurements`).

A measure is declared once, as a constant of a module, with all the labels that it will ever have. What a label can be
has to be bounded: a kind, an outcome, a flavour; never a commit, a branch or a sentence.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import Waiting

#: What the names of all metrics begin with, and those of plugins.
PREFIX, PLUGIN_PREFIX = "deployer_", "deployer_plugin_"
#: Upper bounds in seconds: from what is nearly at once to what takes hours.
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)
#: Series of one measure in one process. What goes beyond counts as one, whose labels are all `_OTHER`.
_MOST_SERIES = 300
_OTHER = "other"
#: Characters of a label's value that count.
_LONGEST = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{1,80}")

Labels = tuple[str, ...]


@dataclass(slots=True)
class Sum:
    """What came together of one series: how many, how much in all, and how many up to each bound (none in a counter)."""

    count: float = 0
    total: float = 0.0
    buckets: list[int] = field(default_factory=list)


class _Gathered:
    """What this process has measured and not written down yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, Labels], Sum] = {}
        self._series: dict[str, set[Labels]] = {}

    def add(self, measure: Counter | Histogram, labels: Labels, count: float, value: float) -> None:
        with self._lock:
            seen = self._series.setdefault(measure.name, set())
            if labels not in seen and len(seen) >= _MOST_SERIES:
                labels = (_OTHER,) * len(labels)
            seen.add(labels)
            found = self._sums.setdefault((measure.name, labels), Sum())
            found.count += count
            found.total += value
            if isinstance(measure, Histogram):
                # One more than there are bounds: what is above all of them.
                found.buckets = found.buckets or [0] * (len(measure.bounds) + 1)
                found.buckets[bisect_left(measure.bounds, value)] += 1

    def take(self) -> dict[tuple[str, Labels], Sum]:
        with self._lock:
            taken, self._sums = self._sums, {}
        return taken

    def give_back(self, sums: Mapping[tuple[str, Labels], Sum]) -> None:
        with self._lock:
            for key, former in sums.items():
                now = self._sums.get(key)
                self._sums[key] = former if now is None else _together(former, now)


def _together(one: Sum, other: Sum) -> Sum:
    buckets = [a + b for a, b in zip(one.buckets, other.buckets, strict=True)]
    return Sum(one.count + other.count, one.total + other.total, buckets)


_gathered = _Gathered()
_declared: dict[str, Counter | Histogram] = {}


class _Measure:
    """What counters and histograms have in common.

    :param name: in small letters, without the prefix that it gets.
    :param about: one sentence for those who read it in Prometheus.
    :param labels: the names of its labels.
    """

    _prefix = PLUGIN_PREFIX

    def __init__(self, name: str, about: str, labels: Sequence[str] = ()) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a measure: small letters, digits and `_`")
        self.name = self._prefix + name
        self.about = about
        self.labels = tuple(labels)

    def _values(self, given: Mapping[str, object]) -> Labels:
        if set(given) != set(self.labels):
            raise ValueError(f"{self.name} has the labels {', '.join(self.labels) or 'none'}, not {', '.join(given)}")
        return tuple(str(given[label])[:_LONGEST] for label in self.labels)


class Counter(_Measure):
    """How often something happened. For plugins: `deployer_plugin_<name>_total` at `/metrics`.

    :param name: begins with the plugin's name, in small letters: `github_requests`.
    :param about: one sentence for those who read it in Prometheus.
    :param labels: the names of its labels; what their values can be has to be bounded.
    """

    def __init__(self, name: str, about: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, about, labels)
        _declared[self.name] = self

    def count(self, times: float = 1, /, **labels: object) -> None:
        """Count it. Quick, and possible in any thread.

        :raises ValueError: these are not its labels.
        """
        _gathered.add(self, self._values(labels), times, 0.0)


class Histogram(_Measure):
    """How long something took, or how much it was. For plugins: `deployer_plugin_<name>` at `/metrics`.

    :param name: begins with the plugin's name, in small letters, and ends with the unit: `github_answer_seconds`.
    :param about: one sentence for those who read it in Prometheus.
    :param labels: the names of its labels; what their values can be has to be bounded.
    :param bounds: the upper bounds of its buckets, rising; by default those for seconds, up to an hour.
    """

    def __init__(self, name: str, about: str, labels: Sequence[str] = (), *, bounds: Sequence[float] = SECONDS) -> None:
        super().__init__(name, about, labels)
        self.bounds = tuple(bounds)
        _declared[self.name] = self

    def measure(self, value: float, /, **labels: object) -> None:
        """Take one value into account. Quick, and possible in any thread.

        :raises ValueError: these are not its labels.
        """
        _gathered.add(self, self._values(labels), 1, value)

    @contextmanager
    def timed(self, **labels: object) -> Iterator[None]:
        """Measure how long a block takes; its outcome becomes the label `outcome`.

        That is `succeeded`, `failed`, `waiting` where it is to be tried later, or `cancelled`.
        """
        began, outcome = time.monotonic(), "cancelled"
        try:
            yield
            outcome = "succeeded"
        except Waiting:
            outcome = "waiting"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            self.measure(time.monotonic() - began, **labels, outcome=outcome)


class CoreCounter(Counter):
    """A counter of the core's own."""

    _prefix = PREFIX


class CoreHistogram(Histogram):
    """A histogram of the core's own."""

    _prefix = PREFIX


def declared() -> Mapping[str, Counter | Histogram]:
    """Every measure that this process knows, by its full name."""
    return dict(_declared)


def take() -> dict[tuple[str, Labels], Sum]:
    """What was measured since the last time, by name and labels. Whoever takes it writes it down or gives it back."""
    return _gathered.take()


def give_back(sums: Mapping[tuple[str, Labels], Sum]) -> None:
    """It could not be written down: keep it for the next time."""
    _gathered.give_back(sums)
