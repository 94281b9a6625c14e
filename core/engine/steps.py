"""The steps around a move: what a service's declaration has done before it is moved, and after it was.

They are part of the deployment's job: their output is in its log, a cancel ends them, and so does their time. Killed while
they go on, the job is run again from its first step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core import configuration
from core.engine.soak import Found, take_back
from core.errors import DeploymentFailed, OperationError, Stalled, Waiting
from core.gate_values import StepOptions, StepRequest
from core.interfaces import Deployer, Step
from core.metrics import CALLS
from core.models import Deployment
from core.operation_values import Context, DeployRequest
from core.plugins import plugins
from core.queries.gates import facts
from core.services.places import options_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step, ready to be run."""

    step: Step
    options: StepOptions
    data: Path


@dataclass(frozen=True, slots=True)
class Around:
    """The steps around one move."""

    told: dict[str, Any]
    first: Sequence[Prepared]
    last: Sequence[Prepared]

    def __bool__(self) -> bool:
        return bool(self.first or self.last)

    @property
    def seconds(self) -> int:
        """How long all of them may take together."""
        return sum(each.options.timeout for each in (*self.first, *self.last))

    async def before(self, context: Context) -> None:
        """Run the steps before the move.

        :raises DeploymentFailed: one failed, and so the service is not moved.
        """
        for each in self.first:
            if fault := await self._run(each, "before", context):
                raise DeploymentFailed(f"{fault}; the service was not moved")

    async def after(self, deployer: Deployer, request: DeployRequest, context: Context, *, found: Found) -> None:
        """Run the steps after the move.

        :param found: told what is wrong before anything is done about it.
        :raises DeploymentFailed: one failed, and so the service was taken back to what it ran before.
        """
        for each in self.last:
            if fault := await self._run(each, "after", context):
                await found(fault)
                raise await take_back(deployer, request, fault, request.release.digest, context)

    async def _run(self, prepared: Prepared, when: Literal["before", "after"], context: Context) -> str:
        """Run one; say in a sentence what went wrong if the deployment fails by it."""
        title = prepared.step.title(prepared.options)
        context.log.note(f"{when} the move: {title}")
        fault = await self._fault(prepared, StepRequest(**self.told, when=when), replace(context, data=prepared.data))
        if not fault:
            return ""
        if prepared.options.failure == "tell":
            context.log.note(f"{title} failed, and the deployment goes on: {fault}")
            return ""
        return f"{title}, {when} the move, failed: {fault}"

    async def _fault(self, prepared: Prepared, request: StepRequest, context: Context) -> str:
        seconds = prepared.options.timeout
        try:
            with CALLS.timed(role="step", kind=prepared.step.kind, operation="run"):
                async with asyncio.timeout(seconds):
                    await prepared.step.run(request, prepared.options, context)
        except TimeoutError:
            return f"it was ended after {seconds} s; to allow more, raise its option `timeout`"
        except Waiting:
            raise
        except OperationError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  whatever a step raises is its own failure
            return f"{type(error).__name__}: {error}"
        return ""


def around(deployment: Deployment) -> Around:
    """The steps around a deployment, as its service declares them.

    :raises ConfigurationError: no plugin offers one.
    :raises Stalled: its options are not what it understands.
    :raises Waiting: its plugin was disabled.
    """
    service = deployment.service
    first, last = [_prepared(each) for each in service.before], [_prepared(each) for each in service.after]
    return Around(facts(deployment) if first or last else {}, first, last)


def _prepared(use: Sequence[Any]) -> Prepared:
    kind, kept = use
    plugins.check_on("steps", kind)
    step = plugins.step(kind)
    options = options_of(step.Options, kept)
    if not isinstance(options, StepOptions):
        raise Stalled(f"step {kind}: its Options do not inherit core.api.StepOptions")
    return Prepared(step, options, configuration.current().plugin_dir(kind))
