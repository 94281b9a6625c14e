"""A declaration as the text of a flavour file."""

from __future__ import annotations

from typing import Any

from core.pipeline import declaration
from core.pipeline.declaration import FromInput, Recipe, Repository, Service, Target, Use
from core.pipeline.snippet import write

HOSTILE = "it's \"quoted\" \\ {x}\nand 'more'"


def test_what_is_written_makes_the_same_again():
    service = Service("shop", Use("host", command=["serve", HOSTILE], port=80, trial=None), host="web1")
    target = Target("live", "acme/shop:live", [service], rollout="canary", soak=60)
    builder = Use("docker", engines={"linux/arm64": "arm1"}, **{"not-a-name": 1})
    args = {"OPAM": FromInput("opam"), "MODE": "live"}
    recipe = Recipe("web", builder, ["linux/arm64"], args, [target], timeout=60, recheck=True)
    repository = Repository("acme/shop", Use("git", url=HOSTILE, exclude=[]), [recipe], poll=7, check=False)
    scope: dict[str, Any] = vars(declaration)
    assert eval(write(repository), dict(scope)) == repository


def test_what_is_so_by_default_is_left_out():
    text = write(Target("live", "acme/shop:live", [Service("shop", Use("host"))]))
    assert (
        text == 'Target(branch="live", image="acme/shop:live", services=[Service(name="shop", deployer=Use("host"))])'
    )
