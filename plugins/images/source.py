"""A repository of images as a source: its one branch is a tag, and a commit of that branch is a digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from containers.names import DEFAULT_REGISTRY, ImageName
from containers.registry import digest_of
from core.api import Commit, Context, Delivery, Head, Heads, RefKind, RepositoryPlace, Source
from plugins.images.options import TagOptions


class ImageSource(Source):
    """Follows a tag, so that a service without a Git repository moves when others publish its image."""

    kind = "image"
    Options = TagOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        name = _name(place)
        digest = await digest_of(name)
        if digest == validator:
            return Heads(unchanged=True, validator=validator)
        tag = name.tag or "latest"
        commit = Commit(hash=digest.removeprefix("sha256:"), message=f"{name} as published by others")
        head = Head(ref=f"refs/heads/{tag}", kind=RefKind.BRANCH, commit=commit, trusted=True, url=_page(name))
        return Heads(heads=(head,), default_branch=tag, validator=digest)

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        """There are no files: the directory is empty."""
        directory.mkdir(parents=True)

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        return _page(_name(place))

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        """Registries differ in what they send: the repository is told in the address."""
        if not query.get("repository"):
            raise ValueError("the address has to say which repository: ?repository=owner/name")
        return Delivery(look=(query["repository"],))

    def webhook_setup(self) -> str:
        return "Add ?repository=owner/name to the address, and have the registry send a POST when something is pushed."


def _name(place: RepositoryPlace) -> ImageName:
    return cast(TagOptions, place.options).name


def _page(name: ImageName) -> str:
    """Where people find an image of the default registry; other registries have no rule for it."""
    if name.registry != DEFAULT_REGISTRY:
        return ""
    repository = name.repository
    return f"https://hub.docker.com/{'_' if repository.startswith('library/') else 'r'}/{repository.removeprefix('library/')}"
