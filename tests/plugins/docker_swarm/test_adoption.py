"""A swarm that runs services already is adopted as it is."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from containers.names import ImageName
from core.api import Flavour
from core.pipeline import validate
from core.services.declarations import offers
from plugins.docker_swarm.adoption import Found, declaration
from tests.docker_real import BASE, unique
from tests.e2e.harness import free_port
from tests.plugins.docker_swarm.world import World, published_port


def read(text: str) -> Flavour:
    """Load a flavour file as a process would, and check it."""
    names: dict[str, Any] = {}
    exec(compile(text, "imported.py", "exec"), names)
    flavour: Flavour = names["flavour"]
    validate.check(flavour, offers(), place="imported.py")
    return flavour


def test_what_a_swarm_runs_is_declared_and_valid(world: World, tmp_path: Path) -> None:
    built, port = unique("built"), free_port()
    client = world.engine.client()
    client.images.build(
        path=str(_dockerfile(tmp_path)), tag=f"{built}:live", rm=True,
        labels={"org.opencontainers.image.source": "https://github.com/acme/shop/commit/0123"},
    )  # fmt: skip
    world.create(endpoint_spec=published_port(port))
    other = World(world.engine, world.registry, unique("shop"), "")
    other.create(image=f"{built}:live")
    listed, out = StringIO(), tmp_path / "imported.py"
    try:
        call_command("import_services", "--host", world.engine.url, "--output", str(out), stderr=listed)
        with pytest.raises(CommandError, match="is there already"):
            call_command("import_services", "--host", world.engine.url, "--output", str(out), stderr=StringIO())
    finally:
        other.remove()
    assert f"{world.name}  base:latest  scale 1" in listed.getvalue()
    repositories = {each.name: each for each in read(out.read_text()).repositories}
    shop = repositories["acme/shop"]
    assert (shop.source.kind, shop.source.options["url"]) == ("git", "https://github.com/acme/shop.git")
    assert [service.name for service in shop.recipes[0].targets[0].services] == [other.name]
    followed = repositories["library/base"]
    assert (followed.source.kind, followed.source.options["image"]) == ("image", BASE)
    [service] = [each for each in followed.recipes[0].targets[0].services if each.name == world.name]
    assert (service.host, service.deployer.kind) == (world.engine.url, "docker_swarm")
    assert f"ports {port}" in out.read_text()


def test_services_are_taken_one_by_one(world: World) -> None:
    world.create()
    other = World(world.engine, world.registry, unique("shop"), "")
    other.create(image=BASE)
    declared = StringIO()
    try:
        call_command("import_services", world.name, "--host", world.engine.url, stdout=declared, stderr=StringIO())
        with pytest.raises(CommandError, match=f"no service 'nobody'; it has .*{other.name}"):
            call_command("import_services", "nobody", "--host", world.engine.url)
    finally:
        other.remove()
    assert world.name in declared.getvalue()
    assert other.name not in declared.getvalue()


def test_a_host_that_does_not_answer_is_told() -> None:
    with pytest.raises(CommandError, match="does not answer"):
        call_command("import_services", "--host", "unix:///nowhere/docker.sock")


def test_no_name_of_a_service_can_write_code() -> None:
    name = 'x"""\nimport os\nos.abort()\n"""'
    text = declaration(
        [
            Found(
                name="web", image=ImageName.parse("acme/web:1"), scale=1, ports=[], source='https://github.com/a/b"+"c'
            ),
            Found(name=name, image=None, scale=1, ports=[], obstacle=name),
        ],
        name,
        "imported",
    )
    names: dict[str, Any] = {}
    exec(compile(text, "imported.py", "exec"), names)
    assert [each.name for each in names["flavour"].repositories] == ["acme/web"]


def test_nothing_at_all_is_a_flavour_too() -> None:
    assert read(declaration([], "", "imported")).repositories == []


def _dockerfile(tmp_path: Path) -> Path:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text(f"FROM {BASE}\n")
    return tmp_path / "image"
