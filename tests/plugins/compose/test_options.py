"""What is declared is checked when it is read, and says what is wrong in words."""

import re

import pytest
import yaml
from pydantic import ValidationError

from core.api import Options, ServicePlace
from core.pipeline.validate import option_faults
from plugins.compose import hooks, templates
from plugins.compose.options import ComposeOptions
from tests.plugins.compose import upstream
from tests.plugins.compose.world import WEB

CERTIFICATE = "arn:aws:acm:us-east-1:867081712685:certificate/941be8db-4733-49e2-b634-43ff11ffc2b3"
ECS = {"branch": "live", "vcpu": 0.5, "memory": 512, "replicas": 2, "port": 8080, "certificate": CERTIFICATE}
ECS_MORE = {**ECS, "storage": 50, "command": "bin/server --port 8080"}


@pytest.mark.parametrize(
    ("project", "given", "expected"),
    [
        ("watch", {"caddy": {"domains": {"watch.ocaml.org": None}}}, upstream.CADDY_ONE),
        (
            "infra",
            {"caddy": {"domains": {"www.ocaml.org": "51.159.190.183", "ocaml.org": "51.159.190.184"}}},
            upstream.CADDY_TWO,
        ),
        ("www", {"ecs": ECS_MORE}, upstream.ECS),
        ("www", {"ecs": ECS}, upstream.ECS_LESS),
    ],
)
def test_the_file_is_what_upstream_makes_of_the_same_facts(project: str, given: dict, expected: str) -> None:
    text = ComposeOptions.model_validate(given).file_template(project)
    assert yaml.safe_load(text) == yaml.safe_load(expected)
    templates.check(text)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "options: exactly one of `template`, `caddy` and `ecs` has to be set"),
        ({"template": WEB, "ecs": ECS}, "exactly one of"),
        ({"template": "services: ["}, "option 'template': line 1: this is no YAML"),
        ({"template": WEB, "project": "-x"}, "option 'project': a project's name has small letters"),
        ({"template": WEB, "project": "Shop"}, "option 'project'"),
        ({"template": WEB, "env": {"A-B": ""}}, "option 'env': 'A-B' cannot be an environment variable"),
        ({"template": WEB, "env": {"DOCKER_HOST": "tcp://x"}}, "DOCKER_HOST cannot be set"),
        ({"template": WEB, "env": {"PATH": "/"}}, "PATH cannot be set"),
        ({"template": WEB, "wait": 0}, "option 'wait'"),
        ({"template": WEB, "pull": "often"}, "option 'pull'"),
        ({"template": WEB, "colour": "red"}, "option 'colour': unknown"),
        ({"caddy": {"domains": {}}}, "option 'caddy.domains'"),
        ({"caddy": {"domains": {"--domain": None}}}, "'--domain' is no domain"),
        ({"caddy": {"domains": {"a.org --root /": None}}}, "is no domain"),
        ({"caddy": {"domains": {"a.org": "999.1.1.1"}}}, "option 'caddy.domains.a.org"),
        ({"caddy": {"domains": {"a.org": None, "b.org": None}}}, "several domains need an address each"),
        ({"caddy": {"domains": {"a.org": "10.0.0.1", "b.org": "10.0.0.1"}}}, "several domains need an address each"),
        ({"ecs": {**ECS, "branch": "live-www"}}, "option 'ecs.branch'"),
        ({"ecs": {**ECS, "certificate": "x"}}, "option 'ecs.certificate'"),
        ({"ecs": {**ECS, "storage": 20}}, "option 'ecs.storage'"),
        ({"ecs": {**ECS, "port": 0}}, "option 'ecs.port'"),
    ],
)
def test_what_is_wrong_is_told_in_words(given: dict, words: str) -> None:
    faults = list(option_faults(ComposeOptions, given))
    assert re.search(re.escape(words), "\n".join(faults)), faults


def test_a_fault_of_yaml_keeps_its_line_through_the_declaration() -> None:
    with pytest.raises(ValidationError, match="line 3: service web has `build:`"):
        ComposeOptions.model_validate({"template": "services:\n  web:\n    build: .\n"})


@pytest.mark.parametrize(
    ("given", "made_from"),
    [
        ({"template": WEB}, "a template, with the release as web"),
        ({"caddy": {"domains": {"a.org": None}}}, "Caddy for a.org"),
        ({"ecs": ECS}, "AWS ECS, service live"),
    ],
)
def test_a_services_page_tells_its_project_its_host_and_what_it_is_made_from(given: dict, made_from: str) -> None:
    options = ComposeOptions.model_validate(given)
    facts = hooks.deployer_describe_service(ServicePlace(name="shop", host="edge", options=options))
    assert dict(facts) == {"Project": "shop", "Host": "edge", "Made from": made_from}
    assert not hooks.deployer_describe_service(ServicePlace(name="shop", options=Options()))
