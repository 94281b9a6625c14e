"""What is wrong with a declaration: the exact words, with their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from core.api import Options
from core.errors import DeclarationError
from core.pipeline.declaration import Flavour, FromInput, Input, Recipe, Repository, Service, Target, Use
from core.pipeline.validate import PLATFORMS, Offers, check, faults_of, option_faults, unknown
from tests.dummy_plugin.hooks import Dummy

DUMMY = Use("dummy")


def offers(*, unable: Sequence[str] = ()) -> Offers:
    dummy = Dummy()
    dummy.builder.unable.update(unable)
    return Offers(
        sources={"dummy": dummy.source, "git": dummy.source},
        builders={"dummy": dummy.builder, "host": dummy.builder},
        deployers={"dummy": dummy.deployer},
        notifiers={"dummy": dummy.notifier},
        gates={"dummy": dummy.gate},
        steps={"dummy": dummy.step},
        inputs={"dummy": dummy.input},
        logins={"dummy": dummy.login},
    )


def service(name: str = "hello", **fields: Any) -> Service:
    return replace(Service(name, DUMMY), **fields)


def target(
    branch: str = "live", image: str = "demo/hello:live", services: Sequence[Service] = (), **fields: Any
) -> Target:
    return Target(branch, image, tuple(services), **fields)


def recipe(name: str = "web", **fields: Any) -> Recipe:
    return replace(Recipe(name, DUMMY), **fields)


def repository(name: str = "hello", **fields: Any) -> Repository:
    return replace(Repository(f"demo/{name}", DUMMY), **fields)


def flavour(*repositories: Repository, **fields: Any) -> Flavour:
    return replace(Flavour("demo", repositories), **fields)


def of_recipe(**fields: Any) -> Flavour:
    return flavour(repository(recipes=[recipe(**fields)]))


def of_target(*services: Service, **fields: Any) -> Flavour:
    return of_recipe(targets=[target(services=services, **fields)])


RECIPE = "demo/hello: recipe 'web': "
TARGET = RECIPE + "target 'live': "
SERVICE = TARGET + "service 'hello': "
NAME = "letters, digits, `_`, `.` and `-`, at most 100 characters"

GOOD = flavour(
    repository(
        recipes=[
            recipe(
                builder=Use("dummy", dockerfile="Dockerfile.web"),
                platforms=["linux/amd64", "linux/arm64"],
                args={"BASE": FromInput("base"), "TARGET": "hvt"},
                targets=[
                    target(services=[service(host="web-1.example.org"), service(host="web-2.example.org")]),
                    target("staging", "registry.example.org:5000/demo/hello:staging"),
                ],
            ),
            recipe("docs"),
        ]
    ),
    Repository("a/b/.github", DUMMY),
    inputs=[Input("base", DUMMY)],
    notifiers=[Use("dummy", channel="#live")],
    base_url="https://deploy.example.org",
    admins=["anna", "b.o+b@example.org"],
    builders=["dummy:anna", "dummy:acme", "dummy:acme/ops", "dummy:anna~12"],
    viewers=["dummy:alice_acme"],
)


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert list(faults_of(GOOD, offers())) == []
    check(GOOD, offers(), place="flavours/demo.py")


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        # The flavour
        pytest.param(
            flavour(name="de mo"),
            "flavour 'de mo': letters, digits, `_` and `-`, at most 100 characters",
            id="a flavour's name",
        ),
        pytest.param(
            flavour(name="-x"),
            "flavour '-x': letters, digits, `_` and `-`, at most 100 characters",
            id="a flavour like an option",
        ),
        pytest.param(
            flavour(base_url="javascript:alert(1)"),
            "base_url 'javascript:alert(1)': it begins with `https://` or `http://`",
            id="an address that is none",
        ),
        pytest.param(
            flavour(admins=["anna b"]),
            "admins: 'anna b': it is a local user's name, or `github:login`, `github:organisation`, "
            "`github:organisation/team`",
            id="a name with a space",
        ),
        pytest.param(
            flavour(builders=["dumy:anna"]),
            "builders: 'dumy:anna': kind 'dumy': unknown; did you mean 'dummy'?",
            id="an account of an unknown kind",
        ),
        pytest.param(
            flavour(viewers=["dummy:acme/ops/x"]),
            "viewers: 'dummy:acme/ops/x': it is a local user's name, or `github:login`, `github:organisation`, "
            "`github:organisation/team`",
            id="a team in a team",
        ),
        pytest.param(
            flavour(notifiers=[Use("slack")]),
            "notifier: kind 'slack': unknown; there are: dummy",
            id="a notifier that nobody offers",
        ),
        pytest.param(
            flavour(notifiers=[Use("dummy", chanel="#x")]),
            "notifier: option 'chanel': unknown; did you mean 'channel'?",
            id="a notifier's option",
        ),
        pytest.param(
            flavour(repository(), repository()), "repository 'demo/hello' is declared twice", id="a repository twice"
        ),
        # Inputs
        pytest.param(
            flavour(inputs=[Input("base", DUMMY), Input("base", DUMMY)]),
            "input 'base' is declared twice",
            id="an input twice",
        ),
        pytest.param(
            flavour(inputs=[Input("base", Use("dumy"))]),
            "input 'base': kind 'dumy': unknown; did you mean 'dummy'?",
            id="an input's reader",
        ),
        pytest.param(
            flavour(inputs=[Input("base", DUMMY, validity=0)]),
            "input 'base': validity 0: it has to be a second or more",
            id="an input's validity",
        ),
        pytest.param(flavour(inputs=[Input("a b", DUMMY)]), f"input 'a b': name 'a b': {NAME}", id="an input's name"),
        # Repositories
        pytest.param(
            flavour(replace(repository(), name="hello")),
            "hello: name 'hello': it is `owner/name`, at most 100 characters",
            id="a repository without an owner",
        ),
        pytest.param(
            flavour(replace(repository(), name="../../etc")),
            "../../etc: name '../../etc': it is `owner/name`, at most 100 characters",
            id="a repository that leads out of a directory",
        ),
        pytest.param(
            flavour(replace(repository(), name="demo/.")),
            "demo/.: name 'demo/.': it is `owner/name`, at most 100 characters",
            id="a repository that leads nowhere",
        ),
        pytest.param(
            flavour(replace(repository(), name="-x/hello")),
            "-x/hello: name '-x/hello': it is `owner/name`, at most 100 characters",
            id="a repository like an option",
        ),
        pytest.param(
            flavour(replace(repository(), name="demo/hello\n")),
            "demo/hello\n: name 'demo/hello\\n': it is `owner/name`, at most 100 characters",
            id="a repository with a line's end",
        ),
        pytest.param(
            flavour(repository(source=Use("gti"))),
            "demo/hello: source: kind 'gti': unknown; did you mean 'git'?",
            id="a source",
        ),
        pytest.param(
            flavour(repository(source=Use("dummy", pgae="x"))),
            "demo/hello: source: option 'pgae': unknown; did you mean 'page'?",
            id="a source's option",
        ),
        pytest.param(
            flavour(repository(poll=0)),
            "demo/hello: poll 0: it has to be a second or more",
            id="a poll that is too quick",
        ),
        pytest.param(
            flavour(repository(recipes=[recipe(), recipe()])),
            "demo/hello: recipe 'web' is declared twice",
            id="a recipe twice",
        ),
        # Recipes
        pytest.param(of_recipe(name="a/b"), f"demo/hello: recipe 'a/b': name 'a/b': {NAME}", id="a recipe's name"),
        pytest.param(
            of_recipe(builder=Use("hots")), RECIPE + "kind 'hots': unknown; did you mean 'host'?", id="a builder"
        ),
        pytest.param(
            of_recipe(builder=Use("dummy", dockerfil="x")),
            RECIPE + "option 'dockerfil': unknown; did you mean 'dockerfile'?",
            id="a builder's option",
        ),
        pytest.param(
            of_recipe(builder=Use("dummy", dockerfile=3)),
            RECIPE + "option 'dockerfile': Input should be a valid string",
            id="an option's type",
        ),
        pytest.param(of_recipe(timeout=0), RECIPE + "timeout 0: it has to be a second or more", id="no time at all"),
        pytest.param(of_recipe(platforms=[]), RECIPE + "platforms: there has to be at least one", id="no platform"),
        pytest.param(
            of_recipe(platforms=["linux/amd64"] * 2),
            RECIPE + "platform 'linux/amd64' is declared twice",
            id="a platform twice",
        ),
        pytest.param(
            of_recipe(platforms=["linux-x86"]),
            RECIPE + "platform 'linux-x86': unknown; did you mean 'linux/amd64'?",
            id="the platform of the issue",
        ),
        pytest.param(
            of_recipe(platforms=["macos"]),
            RECIPE + f"platform 'macos': unknown; there are: {', '.join(PLATFORMS)}",
            id="a platform like no other",
        ),
        pytest.param(
            of_recipe(args={"A": FromInput("opma")}),
            RECIPE + "argument 'A': input 'opma': unknown; there are: none",
            id="an input that is not declared",
        ),
        pytest.param(
            replace(of_recipe(args={"A": FromInput("opma")}), inputs=[Input("opam", DUMMY)]),
            RECIPE + "argument 'A': input 'opma': unknown; did you mean 'opam'?",
            id="an input that is misspelt",
        ),
        pytest.param(
            of_recipe(args={"--x": "y"}),
            RECIPE + "argument '--x': letters, digits and `_`, at most 100 characters",
            id="an argument like an option",
        ),
        pytest.param(
            of_recipe(args={"A": 3}),
            "flavour.repositories[0].recipes[0].args['A']: it has to be a text or a FromInput(…), and is 3",
            id="an argument that is no text",
        ),
        # Targets
        pytest.param(
            of_recipe(targets=[target(), target()]),
            RECIPE + "target 'live as demo/hello:live' is declared twice",
            id="a target twice",
        ),
        pytest.param(
            of_target(branch=""),
            RECIPE + "target '': branch '': it is the name of a branch, without `refs/heads/`",
            id="no branch",
        ),
        pytest.param(
            of_target(branch="refs/heads/live"),
            RECIPE
            + "target 'refs/heads/live': branch 'refs/heads/live': it is the name of a branch, without `refs/heads/`",
            id="a ref instead of a branch",
        ),
        pytest.param(
            of_target(branch="-x"),
            RECIPE + "target '-x': branch '-x': it is the name of a branch, without `refs/heads/`",
            id="a branch like an option",
        ),
        pytest.param(
            of_target(image="Demo/Hello"),
            TARGET + "image 'Demo/Hello': it is a name with an optional tag, in small letters: `owner/name:live`",
            id="an image in capitals",
        ),
        pytest.param(
            of_target(image="demo/hello@sha256:0"),
            TARGET
            + "image 'demo/hello@sha256:0': it is a name with an optional tag, in small letters: `owner/name:live`",
            id="an image with a digest",
        ),
        pytest.param(
            of_target(rollout="cannary"),
            TARGET + "rollout 'cannary': unknown; did you mean 'canary'?",
            id="a rollout that there is not",
        ),
        pytest.param(
            of_target(rollout="canary", soak=-1),
            TARGET + "soak -1: it is a number of seconds, 0 for none",
            id="less than no soak",
        ),
        pytest.param(
            of_target(soak=60),
            TARGET + "soak 60: nothing waits for it while all move together; choose rollout 'in-order' or 'canary'",
            id="a soak for nobody",
        ),
        pytest.param(
            of_target(image="a" * 301),
            TARGET + "image 'aaaaaaaaaaaaaaaaaaaa'…: at most 300 characters, not 301",
            id="an image without end",
        ),
        # Services
        pytest.param(
            of_target(service("-x")), TARGET + f"service '-x': name '-x': {NAME}", id="a service like an option"
        ),
        pytest.param(
            of_target(service(deployer=Use("dumy"))),
            SERVICE + "kind 'dumy': unknown; did you mean 'dummy'?",
            id="a deployer",
        ),
        pytest.param(
            of_target(service(deployer=Use("dummy", replicas="many"))),
            SERVICE + "option 'replicas': Input should be a valid integer, unable to parse string as an integer",
            id="a deployer's option",
        ),
        pytest.param(
            of_target(service(host="-oProxyCommand=x")),
            SERVICE + "host '-oProxyCommand=x': it is a host's name",
            id="a host like an option",
        ),
        pytest.param(
            of_target(service(host="a b")), SERVICE + "host 'a b': it is a host's name", id="a host with a space"
        ),
        pytest.param(
            of_target(service(uri="x" * 501)),
            SERVICE + "uri 'xxxxxxxxxxxxxxxxxxxx'…: at most 500 characters, not 501",
            id="an address without end",
        ),
        pytest.param(
            of_target(service(), service()),
            "service 'hello' is declared twice on this host for deployer 'dummy'",
            id="a service twice",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(declared: Flavour, fault: str) -> None:
    assert list(faults_of(declared, offers())) == [fault]


def test_the_place_of_the_declaration_comes_first() -> None:
    with pytest.raises(DeclarationError) as caught:
        check(of_recipe(platforms=["linux-x86"], timeout=0), offers(), place="flavours/demo.py")
    assert caught.value.faults == (
        "flavours/demo.py: demo/hello: recipe 'web': platform 'linux-x86': unknown; did you mean 'linux/amd64'?",
        "flavours/demo.py: demo/hello: recipe 'web': timeout 0: it has to be a second or more",
    )
    assert str(caught.value) == "\n".join(caught.value.faults)


def test_a_service_may_have_the_same_name_on_another_host_or_for_another_deployer() -> None:
    assert list(faults_of(of_target(service(), service(host="other")), offers())) == []


def test_a_service_that_two_repositories_declare_is_declared_twice() -> None:
    twice = [repository(name, recipes=[recipe(targets=[target(services=[service(host="h")])])]) for name in "ab"]
    fault = "service 'hello' is declared twice on h for deployer 'dummy'"
    assert list(faults_of(flavour(*twice), offers())) == [fault]


def test_a_platform_that_the_builder_cannot_build_for_is_told() -> None:
    declared = of_recipe(platforms=["linux/amd64", "linux/s390x"])
    fault = RECIPE + "platform 'linux/s390x': the builder 'dummy' cannot build for it here"
    assert list(faults_of(declared, offers(unable=["linux/s390x"]))) == [fault]


def test_an_unknown_platform_is_told_once() -> None:
    assert len(list(faults_of(of_recipe(platforms=["linux-x86"]), offers(unable=["linux-x86"])))) == 1


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        pytest.param("linux-x86_64", "linux/amd64", id="as OCluster calls its pool"),
        pytest.param("x86_64", "linux/amd64", id="as uname says it"),
        pytest.param("linux/aarch64", "linux/arm64", id="as uname says it on ARM"),
        pytest.param("linux-ppc64", "linux/ppc64le", id="as OCurrent called it"),
        pytest.param("linux/armv7", "linux/arm/v7", id="a variant"),
        pytest.param("arm64", "linux/arm64", id="without its system"),
        pytest.param("Linux/AMD64", "linux/amd64", id="in capitals"),
        pytest.param("linux/amd46", "linux/amd64", id="misspelt"),
    ],
)
def test_a_platform_by_another_name_is_understood(said: str, meant: str) -> None:
    fault = RECIPE + f"platform {said!r}: unknown; did you mean {meant!r}?"
    assert list(faults_of(of_recipe(platforms=[said]), offers())) == [fault]


# Options


class _Fussy(Options):
    url: str
    depth: int = 1

    @model_validator(mode="after")
    def _together(self) -> _Fussy:
        if self.url == "shallow" and self.depth > 1:
            raise ValueError("what is shallow has a depth of 1")
        return self


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        pytest.param({"url": "x"}, [], id="right"),
        pytest.param({}, ["option 'url' is missing"], id="missing"),
        pytest.param(
            {"url": "x", "dept": 1, "depth": "deep"},
            [
                "option 'depth': Input should be a valid integer, unable to parse string as an integer",
                "option 'dept': unknown; did you mean 'depth'?",
            ],
            id="several",
        ),
        pytest.param({"url": "shallow", "depth": 2}, ["options: what is shallow has a depth of 1"], id="together"),
    ],
)
def test_what_is_wrong_with_options(options: dict[str, Any], faults: list[str]) -> None:
    assert list(option_faults(_Fussy, options)) == faults


# Did you mean


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        pytest.param("lvie", ["live", "staging"], "'lvie': unknown; did you mean 'live'?", id="close"),
        pytest.param("prod", ["live", "staging"], "'prod': unknown; there are: live, staging", id="far"),
        pytest.param("any", [], "'any': unknown; there are: none", id="nothing is known"),
    ],
)
def test_an_unknown_word(word: str, known: list[str], said: str) -> None:
    assert unknown(word, known) == said


# Whatever anybody writes


_word = st.text(max_size=12) | st.sampled_from(["..", "-x", "a/b", "live", "refs/heads/live", "a" * 600])
_wild: dict[str, Callable[[str], Flavour]] = {
    "flavour": lambda word: flavour(name=word),
    "repository": lambda word: flavour(replace(repository(), name=word)),
    "recipe": lambda word: of_recipe(name=word),
    "platform": lambda word: of_recipe(platforms=[word]),
    "argument": lambda word: of_recipe(args={word: FromInput(word)}),
    "branch": lambda word: of_target(branch=word),
    "image": lambda word: of_target(image=word),
    "service": lambda word: of_target(service(word, host=word, uri=word)),
    "kind": lambda word: of_recipe(builder=Use(word)),
    "option": lambda word: flavour(notifiers=[Use("dummy", **{word: word})]),
}


@pytest.mark.parametrize("what", _wild)
@given(word=_word)
def test_no_word_breaks_the_check_and_none_that_is_let_through_leads_out_of_a_directory(what: str, word: str) -> None:
    faults = list(faults_of(_wild[what](word), offers()))
    if not faults and what in ("flavour", "repository", "recipe", "image", "service"):
        assert not {"", ".", ".."} & set(word.split("/"))
        assert not word.startswith("-")
