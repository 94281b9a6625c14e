"""What is declared of a compose project, checked when the declaration is read."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, Field, model_validator

from core.api import Options
from plugins.compose import caddy, ecs, templates
from plugins.compose.caddy import CaddySite
from plugins.compose.ecs import EcsService

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Variables that the programs themselves read: they would not only stand in the file.
_RESERVED = re.compile(r"DOCKER_.*|COMPOSE_.*|LD_.*|AWS_.*|BUILDKIT_.*|PATH|HOME|IMAGE|PYTHON.*", re.IGNORECASE)
#: The name of a project (compose-spec, `name`).
PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _project(value: str) -> str:
    if value and not PROJECT.fullmatch(value):
        raise ValueError("a project's name has small letters, digits, `_` and `-`, and begins with a letter or a digit")
    return value


def _template(value: str) -> str:
    if value:
        templates.check(value)
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name) or "\0" in text:
            raise ValueError(f"{name!r} cannot be an environment variable")
        if _RESERVED.fullmatch(name):
            raise ValueError(f"{name} cannot be set, as it has a meaning of its own: choose another name")
    return value


class ComposeOptions(Options):
    """How a compose project is run: from a template, for Caddy sites, or on AWS ECS."""

    project: Annotated[str, AfterValidator(_project)] = Field(
        "", description="Name of the project; if empty, the service's."
    )
    template: Annotated[str, AfterValidator(_template)] = Field(
        "",
        description="A compose file, in which `image: ${IMAGE}` stands for the release in at least one service.",
        json_schema_extra={"format": "multi-line"},
    )
    caddy: CaddySite | None = Field(None, description="Instead of a template: domains that Caddy serves.")
    ecs: EcsService | None = Field(
        None, description="Instead of a template: a service on AWS ECS, whose Docker context is the service's `host`."
    )
    env: Annotated[dict[str, str], AfterValidator(_variables)] = Field(
        default_factory=dict, description="What `${NAME}` stands for in the file; nothing else is put in."
    )
    wait: float = Field(
        120, gt=0, le=7200, description="Seconds in which all containers have to be healthy, once the images are there."
    )
    pull: Literal["missing", "always", "never"] = Field(
        "missing", description="Which images of the file are pulled before anything is changed."
    )
    remove_orphans: bool = Field(False, description="Remove the project's containers of services not in the file.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(map(bool, (self.template, self.caddy, self.ecs))) != 1:
            raise ValueError("exactly one of `template`, `caddy` and `ecs` has to be set")
        return self

    @property
    def summary(self) -> str:
        """What it is made from, in a few words."""
        if self.caddy:
            return f"Caddy for {', '.join(self.caddy.domains)}"
        if self.ecs:
            return f"AWS ECS, service {self.ecs.branch}"
        return f"a template, with the release as {', '.join(templates.main_services(self.template))}"

    def file_template(self, project: str) -> str:
        """The compose file in which the release is not filled in yet."""
        if self.caddy:
            return yaml.safe_dump(caddy.content(self.caddy, project, templates.IMAGE), sort_keys=False)
        if self.ecs:
            return yaml.safe_dump(ecs.content(self.ecs, templates.IMAGE), sort_keys=False)
        return self.template
