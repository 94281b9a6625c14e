"""What is said to Docker's command line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.api import BuildRequest, Purpose
from plugins.docker_engine.options import BuilderOptions

#: On every image that is built here: what may be removed is found by it.
MARK = "deployer.repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Paths of one build.

    :param context: what the build sees.
    :param image_id: the file that the image's id is written to.
    :param secrets: files of secrets, by id.
    """

    context: Path
    dockerfile: Path
    image_id: Path
    secrets: Mapping[str, Path]


def build(program: str, request: BuildRequest, options: BuilderOptions, rooms: Rooms, tag: str) -> list[str]:
    """The command that builds an image.

    :param tag: empty for an image that nobody will publish.
    """
    words = [program, "build", "--file", str(rooms.dockerfile), "--platform", request.platform]
    for name, value in sorted(request.args.items()):
        words += ["--build-arg", f"{name}={value}"]
    if options.cache_to == "inline":
        words += ["--build-arg", "BUILDKIT_INLINE_CACHE=1"]
    for name, value in labels(request).items():
        words += ["--label", f"{name}={value}"]
    for image in options.cache_from:
        words += ["--cache-from", image]
    for name, path in rooms.secrets.items():
        words += ["--secret", f"id={name},src={path}"]
    for name in ("target", "network"):
        if value := getattr(options, name):
            words += [f"--{name}", value]
    words += [f"--{name}" for name in ("pull", "squash") if getattr(options, name)]
    words += _output(request, options, rooms, tag)
    return [*words, str(rooms.context)]


def _output(request: BuildRequest, options: BuilderOptions, rooms: Rooms, tag: str) -> Sequence[str]:
    if request.purpose is Purpose.CHECK and options.buildkit:
        # The cache is what a check is good for afterwards; an image would only pile up.
        return ["--output", "type=cacheonly"]
    kept = ["--iidfile", str(rooms.image_id)] + (["--tag", tag] if tag else [])
    return kept if options.buildkit else [*kept, "--force-rm"]


def labels(request: BuildRequest) -> dict[str, str]:
    """What is kept in the image: the same for every build of a commit, so that the same files are the same image."""
    kept = {MARK: request.repository, "org.opencontainers.image.revision": request.commit.hash}
    if request.commit_url:
        kept["org.opencontainers.image.source"] = request.commit_url
    return kept


def platform_tag(tag: str, platform: str) -> str:
    """The tag that one platform of a release is pushed under: `live-linux-arm64`."""
    # A tag has at most 128 characters.
    suffix = "-" + platform.replace("/", "-")
    return (tag or "latest")[: 128 - len(suffix)] + suffix


def artifact(image_id: str, engine: str) -> str:
    """What a build answers: the image's id and the engine that has it."""
    return f"{image_id}@{engine}"


def parse_artifact(text: str) -> tuple[str, str]:
    """The image's id and the engine, as `artifact` wrote them."""
    image_id, _, engine = text.partition("@")
    return image_id, engine
