"""A wait after builds of the same commit: until they have succeeded, and for some minutes more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from core import api
from core.api import BuildFact, DeploymentQuestion, Gate, GateOptions, Hold, JobState


class AfterCheckOptions(GateOptions):
    """Which builds, and for how long after them."""

    recipes: tuple[str, ...] = Field(
        (), description="The recipes of the same repository whose builds have to succeed; none: all of them."
    )
    minutes: int = Field(0, ge=0, le=60 * 24 * 14, description="Minutes that have to pass after the last of them.")


class AfterCheckGate(Gate):
    """Waits until the builds of the commit have succeeded (check builds, or those of its release), and some time after."""

    kind = "after_check"
    Options = AfterCheckOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, AfterCheckOptions)
        what = " and ".join(options.recipes) or "all recipes"
        return f"after_check ({what}{f', {options.minutes} min' if options.minutes else ''})"

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        assert isinstance(options, AfterCheckOptions)
        known = {each.recipe for each in question.builds}
        if unknown := [each for each in options.recipes if each not in known]:
            return Hold(
                reason=f"{question.repository} has no recipe {' nor '.join(unknown)}",
                lifted_by="correcting its option `recipes`",
            )
        builds = [each for each in question.builds if not options.recipes or each.recipe in options.recipes]
        return _undone(builds) or _too_soon(builds, question, options)


def _undone(builds: Sequence[BuildFact]) -> Hold | None:
    if broken := [each for each in builds if each.state in (JobState.FAILED, JobState.CANCELLED)]:
        told = ", ".join(f"the build of {_what(each)} {_ended(each)}: {each.url}" for each in broken)
        return Hold(reason=told, lifted_by="building it again with success")
    if waited := [each for each in builds if each.state is not JobState.SUCCEEDED]:
        return Hold(reason=f"waits for the build of {', '.join(map(_what, waited))}", retry_in=10)
    return None


def _ended(build: BuildFact) -> str:
    return "failed" if build.state is JobState.FAILED else "was cancelled"


def _too_soon(builds: Sequence[BuildFact], question: DeploymentQuestion, options: AfterCheckOptions) -> Hold | None:
    last = max((each.finished_at for each in builds if each.finished_at), default=None)
    end = last + timedelta(minutes=options.minutes) if last else question.now
    if end <= question.now:
        return None
    return Hold(reason=f"{options.minutes} minutes have to pass after the last build", until=end)


def _what(build: BuildFact) -> str:
    return f"{build.recipe} on {build.platform}"
