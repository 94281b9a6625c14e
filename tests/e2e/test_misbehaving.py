"""A plugin that blocks the runner's event loop for ever: the runner is started again without it, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable

from tests.distributions import brings
from tests.e2e.harness import Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
target = Target("live", "acme/shop:live", [Service("shop", Use("host"))])
recipes = [
    Recipe("blocked", Use("blocking"), platforms=[here]),
    Recipe("web", Use("host", command=["true"]), platforms=[here], targets=[target]),
]
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), recipes)])
"""
APPS = """
from core.api import PluginConfig

class BlockingConfig(PluginConfig):
    name = "blocking"
    label = "blocking"
"""
HOOKS = """
import time
from core.api import Builder, Options, hookimpl

class BlockingBuilder(Builder):
    kind = "blocking"
    Options = Options

    async def build(self, request, context):
        context.log.note("blocking")
        time.sleep(10_000)

    async def publish(self, request, context):
        raise NotImplementedError

@hookimpl
def deployer_register_builders():
    return [BlockingBuilder()]
"""


def test_the_rest_goes_on_without_it(make_pipeline: Callable[[str], Pipeline]) -> None:
    pipeline = make_pipeline(FLAVOUR)
    package = pipeline.data.parent / "package"
    (package / "blocking").mkdir()
    for name, text in (("__init__.py", ""), ("apps.py", APPS), ("hooks.py", HOOKS)):
        (package / "blocking" / name).write_text(text)
    brings(package, "blocking", plugins={"blocking": "blocking.apps:BlockingConfig"})
    commit = pipeline.work.commit("First")
    pipeline.work.push("main:live")
    pipeline.start("--no-web")
    pipeline.until(lambda: pipeline.live_commit() == commit, seconds=180)
    [(reason, by)] = pipeline.query(
        "select reason, disabled_by_id from core_pluginswitch where plugin = 'blocking' and disabled_at is not null"
    )
    assert "held up the runner's event loop for" in reason
    assert "hooks.py:11 in build" in reason
    assert by is None
    pipeline.until(
        lambda: pipeline.query("select 1 from core_job where state = 'queued' and reason like 'Plugin blocking was%'")
    )
    listed = pipeline.command("plugins")
    assert "disabled: Plugin blocking was disabled by the deployer" in listed.stdout
    enabled = pipeline.command("enable_plugin", "blocking")
    assert "Plugin blocking is used again." in enabled.stdout, enabled.stderr
