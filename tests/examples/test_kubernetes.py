"""`examples/deployer-kubernetes`: a stranger's deployer, installed beside the deployer, moves a Deployment.

The cluster is one that was recorded (see its README); where `DEPLOYER_TEST_KUBE_BIN` names the programs of Kubernetes, the
package's own tests run against a real one.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from core.testing.git_server import GitServer, WorkTree
from tests.distributions import brings
from tests.e2e.harness import ROOT
from tests.examples import installing
from tests.examples.installing import Installed

PACKAGE = ROOT / "examples" / "deployer-kubernetes"
RECORDINGS = PACKAGE / "tests" / "recordings"
EXCHANGES = installing.module(PACKAGE / "tests" / "exchanges.py")
DIGESTS = json.loads((RECORDINGS / "images.json").read_text())
#: A test of the package in which a Deployment is moved from the release `shop` to `shop-next`.
MOVE = "the-log-tells-how-far-a-rollout-is"
BIN = "DEPLOYER_TEST_KUBE_BIN"
FLAVOUR = """
from core.api import Builder, Flavour, Options, Recipe, Repository, Service, Target, Use

service = Service("shop", Use("kubernetes", namespace="{namespace}"))
recipe = Recipe("web", Use("published"), targets=[Target("live", "registry.example/shop", [service])])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe])])
"""
#: A builder whose image somebody else has published: the release that the cluster of the recording could pull.
BUILDER = """
from core.api import Builder, Options, PluginConfig, hookimpl

class PublishedConfig(PluginConfig):
    name = "published"
    label = "published"
    api_version = "1.0"

class Published(Builder):
    kind = "published"
    Options = Options

    async def build(self, request, context):
        return "built"

    async def publish(self, request, context):
        return "{digest}"
"""
HOOKS = """
from core.api import hookimpl
from published.apps import Published

@hookimpl
def deployer_register_builders():
    return [Published()]
"""


class Story(EXCHANGES.Peer):
    """A recorded cluster that several ask at once, and more often than when it was recorded.

    What was answered before a change is the answer until that change is made. Then what was asked next time tells what
    came of it, and the last answer stays.
    """

    def __init__(self, recording: Path) -> None:
        super().__init__({"token-of-deployer": "deployer"})
        lines = gzip.decompress(recording.read_bytes()).splitlines()
        self._left = [EXCHANGES.Exchange(**json.loads(line)) for line in lines]
        self._last: dict[tuple[str, str], Any] = {}
        self.changes: list[Any] = []

    def answer(self, asked: Any) -> Any:
        """Answer as it was, or say that nobody has ever asked for that."""
        for number, exchange in enumerate(self._left):
            if exchange.asks_as(asked):
                del self._left[: number + 1]
                self._last[asked.method, asked.path] = exchange
                if asked.method != "GET":
                    self.changes.append(asked.body)
                    self._last.clear()
                return exchange
            if exchange.method != "GET":
                break
        if known := self._last.get((asked.method, asked.path)):
            return known
        return EXCHANGES.Exchange(
            asked.user, asked.method, asked.path, None, status=418, kind="text/plain", answer="not recorded"
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installing.once(PACKAGE.name, tmp_path_factory)


def test_it_is_found_by_its_entry_point(installed: Installed) -> None:
    assert "kubernetes\tdeployer-kubernetes\t0.1\tdeployers: kubernetes\tok" in installed.deployer("plugins")


def test_it_keeps_what_deployers_promise_and_what_it_promises_itself(installed: Installed) -> None:
    programs = {BIN: os.environ[BIN]} if BIN in os.environ else {}
    said = installed.passes_its_tests(**programs)
    assert "skipped" not in said


def test_its_types_are_strict(installed: Installed) -> None:
    installed.passes_mypy()


def test_it_imports_nothing_of_the_deployer_that_is_not_public() -> None:
    assert installing.beyond_the_public(PACKAGE / "deployer_kubernetes") == set()
    assert installing.beyond_the_public(PACKAGE / "tests", tests=True) == set()


def test_it_depends_on_what_it_imports() -> None:
    declared = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [re.split("[~>=]", each)[0] for each in declared]
    assert installing.undeclared(PACKAGE / "deployer_kubernetes", *names, own="deployer_kubernetes") == set()


def test_a_push_moves_a_deployment(installed: Installed, tmp_path: Path) -> None:
    _add_builder(installed)
    (tmp_path / "secrets").mkdir()
    environment = {"DEPLOYER_DATA_DIR": str(tmp_path / "data"), "DEPLOYER_SECRETS_DIR": str(tmp_path / "secrets")}
    with GitServer(tmp_path / "git") as git, Story(RECORDINGS / f"{MOVE}.jsonl.gz") as cluster:
        git.create("acme/shop")
        work = WorkTree(tmp_path / "work", git.url("acme/shop"))
        work.commit("First")
        work.push("HEAD:live")
        (tmp_path / "secrets" / "kubeconfig").write_text(_kubeconfig(cluster.address))
        installed.declare("acme", FLAVOUR.replace("{git}", git.url("acme/shop")).replace("{namespace}", MOVE))
        said = installed.deployer("run_pipeline", "--flavour", "acme", "--once", **environment)
        (change,) = cluster.changes
    assert "shop: deployment to " in said
    (container,) = change["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "web", "image": f"registry.example/shop@{DIGESTS['shop-next']}"}
    # After the build and the release.
    log = installed.deployer("logs", "3", **environment)
    assert "1 of 1 pods are new, 1 old are left" in log
    assert f"{MOVE}/shop runs registry.example/shop@{DIGESTS['shop-next']}" in log


def _add_builder(installed: Installed) -> None:
    (site,) = (installed.environment / "lib").glob("python*/site-packages")
    package = site / "published"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "apps.py").write_text(BUILDER.replace("{digest}", DIGESTS["shop-next"]))
    (package / "hooks.py").write_text(HOOKS)
    brings(site, "published", plugins={"published": "published.apps:PublishedConfig"})


def _kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "current-context": "deployer",
            "clusters": [{"name": "cluster", "cluster": {"server": server}}],
            "users": [{"name": "deployer", "user": {"token": "token-of-deployer"}}],
            "contexts": [{"name": "deployer", "context": {"cluster": "cluster", "user": "deployer"}}],
        }
    )
