"""What a project runs now, for its page: health, and what was changed by others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.api import Health, Observation
from plugins.compose.records import ProjectFile
from plugins.compose.standing import Standing, Verdict, summary


def observation(seen: Standing, main: tuple[str, ...], kept: ProjectFile | None) -> Observation:
    """Sum up what a project's containers do.

    :param main: the services that run the release.
    :param kept: the file that they were brought up with; None where that is not known.
    """
    expected = {service: len(made) for service, made in kept.made_from.items()} if kept else {}
    expected = {**dict.fromkeys(main, 1), **expected}
    if not seen.of(expected):
        return Observation(digest=None, health=Health.ABSENT, detail="no container of the project is there")
    starts = [each.started for each in seen.of(main) if each.runs and each.started]
    return Observation(
        digest=seen.digest(main),
        health=_health(seen, expected),
        since=max(starts, default=None),
        detail=", ".join(filter(None, [summary(seen, expected), seen.differing(main)])),
        drift="; ".join(_drift(seen, kept)) if kept else "",
    )


def _health(seen: Standing, expected: Mapping[str, int]) -> Health:
    containers = seen.of(expected)
    # How often it was started again is part of its history; what it does now is its health.
    verdicts = {each.verdict(each.restarts) for each in containers}
    missing = any(not seen.of([service]) for service in expected)
    if Verdict.FAILED in verdicts or missing or not any(each.runs for each in containers):
        return Health.UNHEALTHY
    return Health.STARTING if Verdict.WAITING in verdicts else Health.HEALTHY


def _drift(seen: Standing, kept: ProjectFile) -> Iterator[str]:
    now = seen.made_from
    for service in sorted(now.keys() | kept.made_from.keys()):
        had, has = kept.made_from.get(service, []), now.get(service, [])
        if not had:
            yield f"{service} is not in the file"
        elif not has:
            yield f"{service} was removed"
        elif len(had) != len(has):
            yield f"{service} was scaled from {len(had)} to {len(has)}"
        elif had != has:
            yield f"{service} was changed by hand"
