"""Writing a declaration for the services that a swarm runs already. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from containers.names import DEFAULT_REGISTRY, ImageName
from core.api import Stalled
from plugins.docker_swarm import specs
from plugins.docker_swarm.client import SwarmService

#: The annotation that says where an image's source is (OCI image specification).
SOURCE = "org.opencontainers.image.source"
_GITHUB = re.compile(r"(https://github\.com/([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?))(?:\.git)?(?:/.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A service of a swarm.

    :param image: what it runs, with its tag; None where that cannot be read.
    :param source: the address of the repository that it is built from, where its image tells it.
    :param obstacle: why it cannot be declared; empty where it can.
    """

    name: str
    image: ImageName | None
    scale: int | None
    ports: Sequence[int]
    source: str = ""
    obstacle: str = ""

    @property
    def repository(self) -> str:
        """What it is declared under: the repository that it is built from, else that of its image."""
        if match := _GITHUB.fullmatch(self.source):
            return match[2]
        assert self.image is not None
        path = self.image.repository
        return path if "/" in path else f"library/{path}"


def found(service: SwarmService, labels: Mapping[str, str]) -> Found:
    """Read a service off.

    :param labels: of its image.
    """
    ports = [
        int(port["PublishedPort"])
        for port in (service.spec.get("EndpointSpec") or {}).get("Ports") or []
        if port.get("PublishedPort")
    ]
    obstacle, image = "", None
    try:
        image = ImageName.parse(specs.image_of(service.spec))
    except Stalled as error:
        obstacle = str(error)
    if not specs.is_long_running(service.spec):
        obstacle = "it is a job, which runs to its end"
    scale = specs.scale(service.spec)
    return Found(
        name=service.name, image=image, scale=scale, ports=ports, source=labels.get(SOURCE, ""), obstacle=obstacle
    )


def declaration(services: Iterable[Found], host: str, flavour: str) -> str:
    """A flavour file that declares them, complete and valid as it stands."""
    rows = sorted(services, key=lambda each: each.name)
    lines = [
        f'"""The services that ran on {_plain(host) or "this host"} when this was written by `manage.py import_services`."""',
        "",
        "from core.api import Flavour, Recipe, Repository, Service, Target, Use",
        "",
        "flavour = Flavour(",
        f"    {flavour!r},",
        "    repositories=[",
    ]
    groups: dict[str, list[Found]] = {}
    for row in rows:
        if not row.obstacle:
            groups.setdefault(row.repository, []).append(row)
    for repository, members in sorted(groups.items()):
        lines += [f"        {line}" for line in _repository(repository, members, host)]
    lines += ["    ],", ")"]
    left_out = [f"# {_plain(row.name)} is left out: {_plain(row.obstacle)}" for row in rows if row.obstacle]
    return "\n".join([*lines, *left_out]) + "\n"


def _repository(name: str, members: Sequence[Found], host: str) -> list[str]:
    first = members[0]
    assert first.image is not None
    match = _GITHUB.fullmatch(first.source)
    if match:
        remark = "# Its image names its source. Check the branches, and how it is built."
        source, builder = f'Use("git", url={match[1] + ".git"!r})', 'Use("docker")'
    else:
        remark = "# Its image does not name its source: its tag is followed, and whoever publishes it deploys."
        source, builder = f'Use("image", image={_tagged(first.image)!r})', 'Use("image")'
    lines = [remark, "Repository(", f"    {name!r},", f"    source={source},"]
    lines += [] if match else ["    poll=3600,", "    check=False,"]
    return [*lines, "    recipes=[", *_recipes(members, host, builder, followed=not match), "    ],", "),"]


def _recipes(members: Sequence[Found], host: str, builder: str, *, followed: bool) -> list[str]:
    lines = []
    images: dict[str, list[Found]] = {}
    for member in members:
        assert member.image is not None
        images.setdefault(_tagged(member.image), []).append(member)
    if followed:
        # A followed repository is one tag; what runs another tag of it goes along.
        images = {next(iter(images)): list(members)}
    lines += [f'        Recipe("image", builder={builder}, targets=[']
    for image, rows in sorted(images.items()):
        branch = ImageName.parse(image).tag or "latest"
        lines.append(f"            Target({branch!r}, {image!r}, services=[")
        lines += [
            f'                Service({row.name!r}, deployer=Use("docker_swarm"), host={host!r}),{_remark(row, image)}'
            for row in rows
        ]
        lines.append("            ]),")
    return [*lines, "        ]),"]


def _remark(row: Found, image: str) -> str:
    assert row.image is not None
    remarks = [f"ports {', '.join(map(str, row.ports))}"] if row.ports else []
    remarks += [f"it runs {_tagged(row.image)} now"] if _tagged(row.image) != image else []
    return f"  # {'; '.join(remarks)}" if remarks else ""


def _tagged(image: ImageName) -> str:
    name = image.name if image.registry != DEFAULT_REGISTRY else image.repository.removeprefix("library/")
    return f"{name}:{image.tag or 'latest'}"


def _plain(text: str) -> str:
    """One line, without what would end a comment or a docstring."""
    return " ".join(text.split()).replace('"""', "'''").replace("\\", "/")
