"""Holds deployments of commits that say themselves that they are not meant to be deployed."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from core import api
from core.api import DeploymentQuestion, Gate, GateOptions, Hold


class SkeletonOptions(GateOptions):
    """What is looked for. The options that all gates have come with `GateOptions`."""

    words: tuple[str, ...] = Field(("WIP", "DO NOT DEPLOY"), description="In the first line of the commit's message.")


class SkeletonGate(Gate):
    """Holds a deployment while the title of its commit has one of some words in it."""

    kind = "skeleton"
    Options = SkeletonOptions

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        # It decides by what it is asked alone: any runner asks it, again and again, until it lets go.
        commit, given = question.release.commit, cast(SkeletonOptions, options)
        title = commit.title if commit else ""
        found = [word for word in given.words if word in title]
        if not found:
            return None
        return Hold(reason=f"the title of its commit says {found[0]!r}", lifted_by="another commit")
