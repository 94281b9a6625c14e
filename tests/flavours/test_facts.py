"""The three flavours declare what ocurrent-deployer declares: every name, branch, image, host, platform and option."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core import flavour_files
from core.pipeline import declaration
from core.pipeline.declaration import FromInput, Input, Use
from core.plugins import plugins
from core.services import declarations

FACTS = yaml.safe_load(Path(__file__).with_name("facts.yaml").read_text())
NAMES = sorted(FACTS)
#: Upstream's names of pools, by OCI platform.
PLATFORMS = {
    "linux/amd64": "linux-x86_64",
    "linux/arm64": "linux-arm64",
    "linux/ppc64le": "linux-ppc64",
    "linux/s390x": "linux-s390x",
    "linux/riscv64": "linux-riscv64",
}
#: Repositories, recipes, builds by platform, targets, services, hosts, admins; of ocaml_org's hosts one is its own engine.
COUNTS = {
    "tarides": (8, 13, 25, 13, 5, 2, 11),
    "ocaml_org": (8, 16, 18, 17, 23, 11, 13),
    "mirage": (3, 5, 5, 4, 4, 2, 11),
}
PEERTUBE = "chocobozzz/peertube"

#: A recipe as a line of facts, and everything below it.
Line = tuple[Any, ...]


def flavour(name: str) -> declaration.Flavour:
    return flavour_files.load(name)


def repositories(name: str) -> list[declaration.Repository]:
    """Those that upstream has as repositories; its image without one is compared by itself."""
    return [each for each in flavour(name).repositories if each.name != PEERTUBE]


def wanted(name: str) -> Iterator[Line]:
    for repository in FACTS[name]["repositories"]:
        for recipe in repository["recipes"]:
            mirage = recipe["builder"] == "mirage"
            targets = tuple(
                (target["branch"], target.get("image"), tuple(_wanted_service(each) for each in target["services"]))
                for target in recipe["targets"]
            )
            yield (
                repository["repository"],
                recipe["builder"],
                recipe["dockerfile"],
                tuple(recipe["platforms"]),
                recipe.get("target"),
                True if mirage else recipe["buildkit"],
                False if mirage else recipe["include_git"],
                tuple(recipe.get("build_args", ())),
                targets,
            )


def _wanted_service(service: dict[str, Any]) -> Line:
    return service["name"], service["deployer"], service["host"] or "", service.get("uri") or ""


def declared(name: str) -> Iterator[Line]:
    for repository in repositories(name):
        assert repository.source.kind == "github"
        for recipe in repository.recipes:
            options = plugins.builder(recipe.builder.kind).Options.model_validate(recipe.builder.options)
            mirage = recipe.builder.kind == "mirage"
            flags = (f"EXTRA_FLAGS={options.extra_flags}",) if mirage else ()
            targets = tuple(
                (each.branch, None if mirage else each.image, tuple(_declared_service(one) for one in each.services))
                for each in recipe.targets
            )
            yield (
                repository.name,
                recipe.builder.kind,
                options.dockerfile,
                tuple(PLATFORMS[each] for each in recipe.platforms),
                options.target if mirage else None,
                options.buildkit,
                options.include_git,
                (*options.arguments, *flags),
                targets,
            )


def _declared_service(service: declaration.Service) -> Line:
    return service.name, service.deployer.kind, service.host, service.uri


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_with_all_that_is_below_it_is_upstreams_and_none_is_missing(name: str) -> None:
    assert Counter(declared(name)) == Counter(wanted(name))


@pytest.mark.parametrize("name", NAMES)
def test_who_administers_it_and_where_it_is(name: str) -> None:
    assert flavour(name).base_url == FACTS[name]["base_url"]
    assert [each.removeprefix("github:") for each in flavour(name).admins] == FACTS[name]["admins"]
    assert all(each.startswith("github:") for each in flavour(name).admins)


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_are_those_that_were_checked_against_the_source(name: str) -> None:
    found = repositories(name)
    recipes = [recipe for repository in found for recipe in repository.recipes]
    targets = [target for recipe in recipes for target in recipe.targets]
    services = [service for target in targets for service in target.services]
    hosts = {service.host or "its own engine" for service in services}
    builds = sum(len(recipe.platforms) for recipe in recipes)
    counts = (len(found), len(recipes), builds, len(targets), len(services), len(hosts), len(flavour(name).admins))
    assert counts == COUNTS[name]
    assert len({repository.name for repository in found}) == len(found), "no repository is declared twice"


@pytest.mark.parametrize("name", NAMES)
def test_a_build_has_fifty_minutes_and_twice_that_on_riscv(name: str) -> None:
    for repository in repositories(name):
        for recipe in repository.recipes:
            slow = "linux/riscv64" in recipe.platforms
            assert recipe.timeout == (100 if slow else 50) * 60


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.django_db
def test_it_is_taken_without_a_fault(name: str) -> None:
    declarations.apply(flavour(name), "tests")


def test_unikernels_stay_where_they_were_staged() -> None:
    targets = [t for r in repositories("mirage") for e in r.recipes if e.builder.kind == "mirage" for t in e.targets]
    images = [target.image for target in targets]
    assert len(set(images)) == len(images) == 2
    assert all(image.startswith("ocurrentbuilder/staging:live-mirage-hvt") for image in images)


def test_opam2web_follows_its_inputs_in_checks_and_releases() -> None:
    [repository] = [each for each in repositories("ocaml_org") if each.name == "ocaml-opam/opam2web"]
    [recipe] = repository.recipes
    assert recipe.recheck
    assert {name: value.name for name, value in recipe.args.items() if isinstance(value, FromInput)} == {
        "OPAM_REPO_GIT_SHA": "opam-repository",
        "BLOG_GIT_SHA": "platform-blog",
        "OPAM_GIT_SHA": "opam",
        "OPAM_ARCHIVE_SHA": "opam-archive",
    }
    inputs = {each.name: each for each in flavour("ocaml_org").inputs}
    for name, of in (
        ("opam-repository", "ocaml/opam-repository"),
        ("platform-blog", "ocaml/platform-blog"),
        ("opam", "ocaml/opam"),
    ):
        assert inputs[name].reader == Use("git_head", url=f"https://github.com/{of}.git", ref="refs/heads/master")
    assert inputs["opam-archive"] == Input(
        "opam-archive", Use("image_pull", image="ocaml/opam:archive", host="opam-4.ocaml.org"), validity=4 * 3600
    )
    assert len(inputs) == 4


def test_peertube_follows_the_tag_of_others_once_a_week() -> None:
    [repository] = [each for each in flavour("ocaml_org").repositories if each.name == PEERTUBE]
    assert repository.source == Use("image", image="chocobozzz/peertube:production-bookworm")
    assert repository.poll == 7 * 24 * 3600
    [recipe] = repository.recipes
    [target] = recipe.targets
    assert (recipe.builder.kind, target.image) == ("image", "chocobozzz/peertube:production-bookworm")
    [service] = target.services
    assert _declared_service(service) == ("infra_peertube", "docker_swarm", "watch.ocaml.org", "watch.ocaml.org")
