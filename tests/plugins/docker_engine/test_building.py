"""What a build on an engine is given, keeps and leaves behind; on real engines, with real registries."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from containers.credentials import secret_name
from containers.engine import connect
from containers.tunnels import close_tunnels
from core.api import BuildRequest, Commit, ConfigurationError, OperationError, PublishRequest, Purpose, Stalled
from core.testing.checkouts import DirectoryCheckout
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.docker_engine import clients, housekeeping
from plugins.docker_engine.builder import DockerBuilder
from plugins.docker_engine.commands import MARK
from plugins.docker_engine.options import BuilderOptions
from tests.docker_real import (
    BASE,
    RealEngine,
    RealRegistry,
    another_engine,
    kill,
    make_certificates,
    registry,
    start_again,
    unique,
)
from tests.e2e.harness import free_port

COMMIT = Commit(hash="0123456789abcdef0123456789abcdef01234567", message="A sample")


class Site:
    """One recipe, and how a runner has it built and published."""

    def __init__(self, directory: Path, engine: RealEngine, place: RealRegistry) -> None:
        self.directory = directory
        self.engine = engine
        self.image = f"{place.name}/{unique('sample')}:live"
        self.builder = DockerBuilder()

    async def build(
        self,
        text: str,
        *,
        files: dict[str, str] | None = None,
        purpose: Purpose = Purpose.RELEASE,
        trusted: bool = True,
        platform: str = "linux/amd64",
        args: dict[str, str] | None = None,
        log: RecordingLog | None = None,
        **options: Any,
    ) -> tuple[str, RecordingLog]:
        commit = self.directory / unique("commit")
        for name, content in {"Dockerfile": text, **(files or {})}.items():
            (commit / name).parent.mkdir(parents=True, exist_ok=True)
            (commit / name).write_text(content)
        log = log or RecordingLog()
        request = BuildRequest(
            repository="sample/repository",
            recipe="image",
            platform=platform,
            commit=COMMIT,
            purpose=purpose,
            trusted=trusted,
            options=BuilderOptions(**{"engine": self.engine.url, **options}),
            args=args or {},
            image=self.image if purpose is Purpose.RELEASE else None,
            commit_url="https://example.org/sample/commit/0123456789",
            url="https://deployer.example.org/jobs/1/",
            checkout=DirectoryCheckout(commit),
        )
        return await self.builder.build(request, attempt_context(self.directory, log)), log

    async def publish(self, artifacts: dict[str, str], log: RecordingLog | None = None) -> str:
        request = PublishRequest(
            repository="sample/repository",
            recipe="image",
            commit=COMMIT,
            image=self.image,
            options=BuilderOptions(),
            artifacts=artifacts,
            commit_url="https://example.org/sample/commit/0123456789",
            url="https://deployer.example.org/jobs/2/",
        )
        return await self.builder.publish(request, attempt_context(self.directory, log))

    def inspect(self, artifact: str) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client().api.inspect_image(artifact.partition("@")[0])
        return found


@pytest.fixture
def site(tmp_path: Path, engine: RealEngine, plain_registry: RealRegistry) -> Site:
    return Site(tmp_path, engine, plain_registry)


async def _get(url: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)


def once() -> str:
    """A line that makes a Dockerfile one that was never built."""
    return f"ARG NEVER_BUILT={unique('x')}\n"


# What a build is given


async def test_secrets_reach_release_builds_alone_and_no_log(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_NPM", "open-sesame-open")
    mount = "--mount=type=secret,id=npm"
    dockerfile = f"FROM {BASE}\n{once()}RUN {mount} cat /run/secrets/npm > /www/seen || true\nRUN cat /www/seen\n"
    artifact, log = await site.build(dockerfile, secrets=["npm"])
    assert "[redacted]" in log.text, "the command saw it"
    assert "open-sesame" not in log.text
    assert "open-sesame" not in json.dumps(site.inspect(artifact)["Config"])
    _, log = await site.build(dockerfile + once(), secrets=["npm"], purpose=Purpose.CHECK)
    assert "open-sesame" not in log.text
    assert "[redacted]" not in log.text


async def test_a_secret_that_is_not_set_is_told_with_where_to_put_it(site: Site) -> None:
    with pytest.raises(
        Stalled, match=r"needs the secret 'token': put it into DEPLOYER_SECRET_TOKEN or the file .*/token"
    ):
        await site.build(f"FROM {BASE}\n", secrets=["token"])


async def test_arguments_stage_and_dockerfile_in_a_folder(site: Site) -> None:
    dockerfile = (
        f"FROM {BASE} AS one\nARG WORD\nRUN echo $WORD > /www/word\nFROM {BASE} AS two\nRUN echo wrong stage; false\n"
    )
    artifact, _ = await site.build(
        "FROM nowhere\n",
        files={"docker/web.Dockerfile": dockerfile},
        dockerfile="docker/web.Dockerfile",
        target="one",
        args={"WORD": "hello"},
    )
    client = site.engine.client()
    assert client.containers.run(artifact.partition("@")[0], ["cat", "/www/word"], remove=True) == b"hello\n"


async def test_the_image_says_what_it_was_built_from(site: Site) -> None:
    artifact, _ = await site.build(f"FROM {BASE}\n{once()}RUN true\n")
    labels = site.inspect(artifact)["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == COMMIT.hash
    assert labels["org.opencontainers.image.source"] == "https://example.org/sample/commit/0123456789"
    assert labels[MARK] == "sample/repository"


async def test_a_release_is_an_index_with_annotations(site: Site, plain_registry: RealRegistry) -> None:
    artifact, _ = await site.build(f"FROM {BASE}\nRUN echo one > /www/index.html\n")
    digest = await site.publish({"linux/amd64": artifact})
    name = site.image.removeprefix(f"{plain_registry.name}/").partition(":")[0]
    accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
    answer = await _get(f"http://{plain_registry.name}/v2/{name}/manifests/live", headers=accept)
    assert answer.headers["Docker-Content-Digest"] == digest
    index = answer.json()
    assert index["annotations"]["org.opencontainers.image.revision"] == COMMIT.hash
    assert index["annotations"]["org.opencontainers.image.url"] == "https://deployer.example.org/jobs/2/"
    assert [each["platform"] for each in index["manifests"]] == [{"architecture": "amd64", "os": "linux"}]
    site.engine.cli("pull", f"{site.image.partition(':live')[0]}@{digest}")


async def test_platforms_are_built_on_engines_of_their_own_and_joined_in_one_index(
    site: Site, plain_registry: RealRegistry
) -> None:
    """The second engine stands in for one of another architecture: what it builds is labelled so."""
    with another_engine() as arm:
        engines = {"linux/arm64": arm.url}
        dockerfile = "FROM scratch\nCOPY word /\n"
        first, _ = await site.build(dockerfile, files={"word": "amd"}, engines=engines)
        second, log = await site.build(dockerfile, files={"word": "arm"}, engines=engines, platform="linux/arm64")
        assert second.endswith(f"@{arm.url}")
        assert "linux/arm64 is emulated there" in log.text
        digest = await site.publish({"linux/amd64": first, "linux/arm64": second})
    name = site.image.removeprefix(f"{plain_registry.name}/").partition(":")[0]
    accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
    index = (await _get(f"http://{plain_registry.name}/v2/{name}/manifests/{digest}", headers=accept)).json()
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]


async def test_history_is_there_only_when_asked_for(site: Site) -> None:
    asked: list[bool] = []

    class Checkout(DirectoryCheckout):
        async def __call__(self, directory: Path, *, history: bool = False) -> None:
            asked.append(history)
            await super().__call__(directory)

    commit = site.directory / "commit"
    commit.mkdir()
    (commit / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    for include in (True, False):
        request = BuildRequest(
            repository="a/b", recipe="image", platform="linux/amd64", commit=COMMIT, purpose=Purpose.CHECK, trusted=True,
            options=BuilderOptions(engine=site.engine.url, include_git=include), checkout=Checkout(commit),
        )  # fmt: skip
        await site.builder.build(request, attempt_context(site.directory))
    assert asked == [True, False]


async def test_squash_is_the_engines_matter_and_its_refusal_is_told(site: Site) -> None:
    log = RecordingLog()
    with pytest.raises(Stalled, match="experimental"):
        await site.build(f"FROM {BASE}\nRUN true\n", squash=True, buildkit=False, log=log)


async def test_inline_cache_is_of_use_to_another_engine(site: Site) -> None:
    dockerfile = f"FROM {BASE}\n{once()}RUN echo made > /www/made\n"
    artifact, _ = await site.build(dockerfile, cache_to="inline")
    await site.publish({"linux/amd64": artifact})
    with another_engine() as fresh:
        tag = site.image + "-linux-amd64"
        _, log = await site.build(dockerfile, engine=fresh.url, cache_from=[tag], cache_to="inline")
    assert "CACHED" in log.text


# What a stranger's commit cannot do


@pytest.mark.parametrize("name", ["dockerfile", "context"])
async def test_a_link_out_of_the_commit_shows_no_file_of_this_host(site: Site, name: str) -> None:
    commit = site.directory / "commit"
    commit.mkdir()
    (commit / "Dockerfile").write_text("FROM scratch\n")
    (commit / "link").symlink_to("/etc/passwd" if name == "dockerfile" else "/etc")
    request = BuildRequest(
        repository="a/b", recipe="image", platform="linux/amd64", commit=COMMIT, purpose=Purpose.CHECK, trusted=False,
        options=BuilderOptions(engine=site.engine.url, **{name: "link"}), checkout=DirectoryCheckout(commit),
    )  # fmt: skip
    log = RecordingLog()
    with pytest.raises(Stalled, match="leads out of the repository"):
        await site.builder.build(request, attempt_context(site.directory, log))
    assert "root" not in log.text


async def test_a_strangers_dockerfile_cannot_read_a_private_image(
    tmp_path: Path, engine: RealEngine, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = f"{closed_registry.username}:{closed_registry.password}"
    monkeypatch.setenv(f"DEPLOYER_SECRET_{secret_name(closed_registry.name).upper()}", given)
    site = Site(tmp_path, engine, closed_registry)
    artifact, _ = await site.build("FROM scratch\nCOPY Dockerfile /private\n")
    log = RecordingLog()
    digest = await site.publish({"linux/amd64": artifact}, log)
    assert closed_registry.password not in log.text
    private = f"{site.image.partition(':live')[0]}@{digest}"
    with pytest.raises((Stalled, OperationError)):
        await site.build(f"FROM {private}\nRUN true\n", trusted=False, purpose=Purpose.CHECK)
    await site.build(f"FROM {private}\nCOPY Dockerfile /mine\n", cache_from=[site.image])


# Registries


async def test_a_registry_that_lets_nobody_in_is_told_with_what_to_set(
    tmp_path: Path, engine: RealEngine, closed_registry: RealRegistry
) -> None:
    site = Site(tmp_path, engine, closed_registry)
    artifact, _ = await site.build("FROM scratch\nCOPY Dockerfile /\n")
    with pytest.raises(
        Stalled, match=r"does not let us push .*put `user:password` into DEPLOYER_SECRET_REGISTRY_127_0_0_1_"
    ):
        await site.publish({"linux/amd64": artifact})


async def test_a_registry_that_is_down_is_waited_for(tmp_path: Path, engine: RealEngine) -> None:
    with registry(tmp_path / "registry") as down:
        site = Site(tmp_path, engine, down)
        artifact, _ = await site.build("FROM scratch\nCOPY Dockerfile /\n")
    with pytest.raises(OperationError) as failure:
        await site.publish({"linux/amd64": artifact})
    assert not isinstance(failure.value, Stalled), "it may pass"
    assert down.name in str(failure.value)


async def test_an_image_that_is_gone_from_its_engine_says_what_to_do(site: Site) -> None:
    artifact, _ = await site.build("FROM scratch\nCOPY Dockerfile /\n" + once())
    site.engine.client().images.remove(artifact.partition("@")[0], force=True)
    with pytest.raises(Stalled, match="does not have the image for linux/amd64 any more: run its build again"):
        await site.publish({"linux/amd64": artifact})


# Engines


async def test_an_engine_is_reached_by_the_systems_ssh(site: Site, ssh_host: str) -> None:
    url = f"ssh://{ssh_host}{site.engine.socket}"
    _, log = await site.build(f"FROM {BASE}\n{once()}RUN echo over ssh\n", engine=url)
    assert "over ssh" in log.text
    async with connect(url) as first, connect(url) as second:
        assert first.environment == second.environment, "one connection is shared"
    await close_tunnels()


async def test_a_host_that_ssh_cannot_reach_is_told_in_its_own_words(ssh_host: str) -> None:
    with pytest.raises(OperationError, match=r"nobody-knows-this cannot be reached by ssh: .*[Rr]esolve"):
        async with connect("nobody-knows-this"):
            pass
    await close_tunnels()


async def test_an_engine_is_reached_by_tcp_with_tls_and_by_a_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    make_certificates(certificates)
    port = free_port()
    options = ["--host", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", f"{certificates}/ca.pem"]
    options += ["--tlscert", f"{certificates}/server.pem", "--tlskey", f"{certificates}/server.key"]
    with another_engine(*options) as engine:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        keys = f"ca={certificates}/ca.pem,cert={certificates}/client.pem,key={certificates}/client.key"
        engine.cli("context", "create", "far", "--docker", f"host=tcp://127.0.0.1:{port},{keys}")
        async with connect("far") as far:
            told = await far.ask("/info")
            assert told["DockerRootDir"] == f"{engine.directory}/data"
        async with connect(f"tcp://127.0.0.1:{port}") as plain:
            with pytest.raises(OperationError, match=r"HTTP request to an HTTPS server|does not answer"):
                await plain.ask("/info")


async def test_an_engine_that_is_killed_in_the_middle_of_a_build_is_no_fault_of_the_commit(
    tmp_path: Path, plain_registry: RealRegistry
) -> None:
    with another_engine() as engine:
        site = Site(tmp_path, engine, plain_registry)
        log = RecordingLog()
        build = asyncio.create_task(site.build(f"FROM {BASE}\n{once()}RUN echo start''ed; sleep 100\n", log=log))
        while "started\n" not in log.text:
            assert not build.done(), log.text
            await asyncio.sleep(0.05)
        await asyncio.to_thread(kill, engine)
        with pytest.raises(OperationError) as failure:
            await build
        assert not isinstance(failure.value, Stalled), str(failure.value)
        await asyncio.to_thread(start_again, engine)
        await site.build(f"FROM {BASE}\nRUN echo once more\n")


async def test_a_command_line_without_buildkit_is_passed_over_and_told(tmp_path: Path) -> None:
    """A newer client without its plugin stands first on the PATH, as on machines where somebody put it there."""
    bad, good = tmp_path / "bad", tmp_path / "good"
    for directory, version, status in ((bad, "28.2.2", 1), (good, "20.10.24", 0)):
        directory.mkdir()
        script = (
            f'#!/bin/sh\n[ "$1" = --version ] && echo "Docker version {version}, build x" && exit 0\nexit {status}\n'
        )
        (directory / "docker").write_text(script)
        (directory / "docker").chmod(0o755)
    both = {"PATH": os.pathsep.join([str(bad), str(good), "/usr/bin", "/bin"])}
    assert (await clients.choose(both, buildkit=True)).program == str(good / "docker")
    assert (await clients.choose(both, buildkit=False)).program == str(bad / "docker")
    with pytest.raises(Stalled, match=r"28\.2\.2\) has no plugin buildx.*Install docker-buildx-plugin"):
        await clients.choose({"PATH": f"{bad}"}, buildkit=True)
    with pytest.raises(Stalled, match="docker is not installed"):
        await clients.choose({"PATH": str(tmp_path)}, buildkit=True)


# Nothing piles up


async def test_checks_leave_no_image(site: Site) -> None:
    mark = unique("check")
    text = f"FROM {BASE}\nLABEL mark={mark}\n{once()}RUN true\n"
    mine = {"label": f"mark={mark}"}
    await site.build(text, purpose=Purpose.CHECK)
    assert site.engine.client().api.images(all=True, filters=mine) == []
    await site.build(text)
    assert len(site.engine.client().api.images(filters=mine)) == 1, "a release build leaves one"


async def test_housekeeping_removes_our_nameless_images_and_cache_and_nothing_else(
    tmp_path: Path, plain_registry: RealRegistry
) -> None:
    with another_engine() as engine:
        site = Site(tmp_path, engine, plain_registry)
        old, _ = await site.build("FROM scratch\nCOPY Dockerfile /one\n")
        new, _ = await site.build("FROM scratch\nCOPY Dockerfile /two\n")
        client = engine.client()
        foreign = client.images.build(path=str(_directory(tmp_path)), rm=True)[0].id
        await asyncio.sleep(2.1)  # the engine compares whole seconds
        async with connect(engine.url) as connection:
            await housekeeping.prune(connection, unnamed_for="1s", cache_bytes=0)
        left = {image["Id"] for image in client.api.images()}
        assert old.partition("@")[0] not in left, "the tag moved on"
        assert new.partition("@")[0] in left, "it is about to be published"
        assert foreign in left, "what others made is theirs"
        cache = [each for each in client.df()["BuildCache"] or [] if not each["InUse"] and not each["Shared"]]
        assert cache == []


def _directory(tmp_path: Path) -> Path:
    path = tmp_path / "foreign"
    path.mkdir()
    (path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /foreign\n")
    return path


@pytest.mark.parametrize("words", ["many", "0", "-1", "1.5"])
def test_a_wrong_setting_is_told_by_its_name(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_DOCKER_BUILDS", words)
    with pytest.raises(
        ConfigurationError, match=rf"DEPLOYER_DOCKER_BUILDS: Input should be .*\(it is '{re.escape(words)}'\)"
    ):
        DockerBuilder()
