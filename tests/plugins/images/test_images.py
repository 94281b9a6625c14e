"""Images that others publish, in a real registry and pulled by a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from containers.credentials import secret_name
from core.api import BuildRequest, Commit, OperationError, PublishRequest, Purpose, RepositoryPlace, Stalled
from core.testing.checkouts import DirectoryCheckout
from core.testing.contexts import attempt_context
from plugins.images.builder import ImageBuilder
from plugins.images.inputs import PulledImage, TaggedImage
from plugins.images.options import BuilderOptions, PullOptions, TagOptions
from plugins.images.source import ImageSource
from tests.docker_real import RealEngine, RealRegistry, push_image, registry, unique, web_dockerfile


@pytest.fixture
def image(plain_registry: RealRegistry) -> str:
    return f"{plain_registry.name}/{unique('peertube')}:production"


async def test_a_tag_is_followed_in_its_registry(engine: RealEngine, image: str, tmp_path: Path) -> None:
    first = push_image(engine, image, web_dockerfile("one"))
    reader, options = TaggedImage(), TagOptions(image=image)
    assert await reader.read(options, attempt_context(tmp_path)) == first
    second = push_image(engine, image, web_dockerfile("two"))
    assert second != first
    assert await reader.read(options, attempt_context(tmp_path)) == second


async def test_a_tag_is_followed_as_a_host_pulls_it(engine: RealEngine, image: str, tmp_path: Path) -> None:
    digest = push_image(engine, image, web_dockerfile("one"))
    assert not engine.client().images.list(name=image)
    read = await PulledImage().read(PullOptions(image=image, host=engine.url), attempt_context(tmp_path))
    assert read == digest
    assert engine.client().images.list(name=image), "the host has it now"


async def test_a_tag_that_is_not_there_and_a_registry_that_is_down_are_told_apart(
    engine: RealEngine, image: str, tmp_path: Path
) -> None:
    for reader in (TaggedImage(), PulledImage()):
        host = {"host": engine.url} if reader.kind == "image_pull" else {}
        options = reader.Options.model_validate({"image": image, **host})
        with pytest.raises(Stalled):
            await reader.read(options, attempt_context(tmp_path))
    with registry(tmp_path / "down") as down:
        gone = f"{down.name}/a/b:live"
    with pytest.raises(OperationError) as failure:
        await TaggedImage().read(TagOptions(image=gone), attempt_context(tmp_path))
    assert not isinstance(failure.value, Stalled), "it may pass"


async def test_a_closed_registry_is_read_with_its_password(
    engine: RealEngine, closed_registry: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"{closed_registry.name}/{unique('private')}:live"
    engine.cli("login", "--username", "ann", "--password", closed_registry.password, closed_registry.name)
    digest = push_image(engine, image, web_dockerfile("one"))
    engine.cli("logout", closed_registry.name)
    with pytest.raises(Stalled):
        await TaggedImage().read(TagOptions(image=image), attempt_context(tmp_path))
    monkeypatch.setenv(
        f"DEPLOYER_SECRET_{secret_name(closed_registry.name).upper()}", f"ann:{closed_registry.password}"
    )
    assert await TaggedImage().read(TagOptions(image=image), attempt_context(tmp_path)) == digest
    pulled = PullOptions(image=image, host=engine.url)
    assert await PulledImage().read(pulled, attempt_context(tmp_path)) == digest


async def test_an_image_is_a_source_whose_commits_are_digests(engine: RealEngine, image: str, tmp_path: Path) -> None:
    digest = push_image(engine, image, web_dockerfile("one"))
    source, place = ImageSource(), RepositoryPlace(name="acme/peertube", options=TagOptions(image=image))
    seen = await source.heads(place, "", tmp_path)
    [head] = seen.heads
    assert (head.ref, head.commit.hash, head.trusted) == ("refs/heads/production", digest.removeprefix("sha256:"), True)
    assert (await source.heads(place, seen.validator, tmp_path)).unchanged
    newer = push_image(engine, image, web_dockerfile("two"))
    [head] = (await source.heads(place, seen.validator, tmp_path)).heads
    assert f"sha256:{head.commit.hash}" == newer


async def test_its_release_is_the_image_itself(tmp_path: Path) -> None:
    builder, digest, context = ImageBuilder(), "ab" * 32, attempt_context(tmp_path)
    request = BuildRequest(
        repository="acme/peertube",
        recipe="image",
        platform="linux/amd64",
        commit=Commit(hash=digest),
        purpose=Purpose.RELEASE,
        trusted=True,
        options=BuilderOptions(),
        checkout=DirectoryCheckout(tmp_path),
    )
    artifact = await builder.build(request, context)
    publish = PublishRequest(
        repository="acme/peertube",
        recipe="image",
        commit=Commit(hash=digest),
        image="acme/peertube:production",
        options=BuilderOptions(),
        artifacts={"linux/amd64": artifact},
    )
    assert await builder.publish(publish, context) == f"sha256:{digest}"


@pytest.mark.parametrize("image", ["", "acme/UPPER", "a b", "acme/web@sha256:" + "ab" * 32, "-rm"])
def test_what_is_no_tag_is_refused_in_the_declaration(image: str) -> None:
    with pytest.raises(ValueError, match=r"no image's name|not a digest"):
        TagOptions(image=image)
