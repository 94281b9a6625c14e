"""A pull request from a stranger: its build tries what it can, and finds nothing, reaches nothing and changes nothing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from docker.errors import ImageNotFound

from core.states import Purpose
from tests.docker_real import RealEngine, unique
from tests.plugins.docker_engine.conftest import engine, plain_registry
from tests.plugins.docker_engine.test_building import BASE, Site, once, site

__all__ = ["engine", "plain_registry", "site"]

SECRET = "open-sesame-open"
#: Each attempt says WON where it gets what it wants.
ATTEMPTS = (
    "cat /run/secrets/* 2>&1 && echo WON: secrets",
    "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -i -e sesame -e ^DEPLOYER_ && echo WON: environment",
    "ls /var/run/docker.sock /run/docker.sock /run/buildkit 2>/dev/null && echo WON: engine",
    "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -e 'run_r[u]nner' -e 'd[o]ckerd' && echo WON: processes",
    "mount -t proc none /mnt 2>/dev/null && echo WON: mount",
    "mknod /tmp/disk b 8 0 2>/dev/null && head -c1 /tmp/disk 2>/dev/null | grep . && echo WON: disk",
    "find / -xdev '(' -name '*.cap' -o -name secret_key ')' 2>/dev/null | grep . && echo WON: files",
)


async def test_a_hostile_dockerfile_gets_no_secret_no_engine_and_no_image(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_NPM", SECRET)
    steps = "".join(f"RUN ({attempt}); true\n" for attempt in ATTEMPTS)
    mount = "RUN --mount=type=secret,id=npm (cat /run/secrets/npm && echo WON: mounted); true\n"
    marker = unique("hostile")
    _, log = await site.build(
        f"FROM {BASE}\n{once()}RUN : {marker}\n{steps}{mount}",
        secrets=["npm"],
        purpose=Purpose.CHECK,
        trusted=False,
    )
    # The commands themselves are in the log, and each says it within an `echo`.
    told = [line for line in log.text.splitlines() if "WON: " in line and "echo WON" not in line]
    assert not told
    assert SECRET not in log.text
    assert not names_of_images_made_by(marker, site.engine)


def names_of_images_made_by(words: str, engine: RealEngine) -> list[str]:
    """The engine is other tests' too, who make and remove images meanwhile: whose an image is, its history tells."""
    client = engine.client().api
    found = []
    for image in client.images():
        with contextlib.suppress(ImageNotFound):
            if words in json.dumps(client.history(image["Id"])):
                found += image["RepoTags"] or []
    return found


async def test_a_hostile_dockerfile_cannot_ask_for_the_network_of_the_host_or_for_more_rights(site: Site) -> None:
    for flag in ("--network=host", "--security=insecure"):
        with pytest.raises(Exception, match=r"(?i)not allowed|entitle|unknown flag|disabled"):
            await site.build(f"FROM {BASE}\n{once()}RUN {flag} id\n", purpose=Purpose.CHECK, trusted=False)


def test_what_a_pull_request_asks_for_is_a_check_and_never_a_release(db: None, dummy: Any) -> None:
    """Also where it goes by the name of a branch that is deployed."""
    from core.engine.reconcile import reconcile
    from core.models import Build, Deployment, Ref, Release
    from core.states import RefKind
    from tests.core import shop

    repository = shop.declare()
    shop.look(repository, live="good")
    reconcile(repository.pk)
    releases, deployments = Release.objects.count(), Deployment.objects.count()
    commit = Ref.objects.get(name="refs/heads/live").commit
    stranger = Ref.objects.create(
        repository=repository,
        name="refs/pull/1/head",
        kind=RefKind.PULL_REQUEST,
        commit=type(commit).objects.create(repository=repository, hash="e" * 40, message="live"),
        trusted=False,
        title="refs/heads/live",
    )
    while reconcile(repository.pk):
        pass
    builds = Build.objects.filter(commit=stranger.commit)
    assert builds
    assert {(each.purpose, each.trusted, each.target) for each in builds} == {(Purpose.CHECK, False, None)}
    assert (Release.objects.count(), Deployment.objects.count()) == (releases, deployments)
