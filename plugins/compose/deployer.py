"""Deploys compose projects: on the engine of the service's host, or on AWS ECS."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from containers import engine as engine_of
from core.api import Context, Deployer, DeployRequest, Observation, ServicePlace, Stalled
from plugins.compose import engines, observing, stacks, templates
from plugins.compose.move import Move
from plugins.compose.options import PROJECT, ComposeOptions
from plugins.compose.programs import Programs
from plugins.compose.project import Project
from plugins.compose.records import Records


class ComposeDeployer(Deployer):
    """Fills the release into a compose file, pulls, brings it up, and follows the containers until they are healthy.

    What runs is read from the engine, never from compose's word. When it does not become healthy, the file before is
    brought up again. Containers are replaced by compose, one after the other: between the old and the new there is a
    moment without.
    """

    kind = "compose"
    Options = ComposeOptions

    def __init__(self) -> None:
        self._programs = Programs()

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        options, project = cast(ComposeOptions, service.options), project_of(service)
        if options.ecs:
            return await stacks.observe(service.host, project, options.ecs)
        async with engine_of.connect(service.host) as engine:
            seen = await engines.look(engine, project)
        main = templates.main_services(options.file_template(project))
        digest = seen.digest(main)
        return observing.observation(seen, main, _records(service, data).settled(digest) if digest else None)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        service = request.service
        options, project = cast(ComposeOptions, service.options), project_of(service)
        records = _records(service, context.data)
        with records.held():
            if options.ecs:
                await stacks.deploy(service.host, project, options, request.release, context)
                return
            async with engine_of.connect(service.host) as engine:
                here = Project(engine, project, options, records.path, self._programs, context)
                await Move(here, records, options, request, context).run()


def project_of(service: ServicePlace) -> str:
    """The name of a service's project.

    :raises Stalled: the service's name cannot be one.
    """
    name = cast(ComposeOptions, service.options).project or service.name
    if not PROJECT.fullmatch(name):
        raise Stalled(
            f"{name!r} cannot be the name of a compose project (small letters, digits, `_` and `-`): "
            "set the option `project`"
        )
    return name


def _records(service: ServicePlace, data: Path) -> Records:
    return Records(data, f"{project_of(service)}@{service.host}" if service.host else project_of(service))
