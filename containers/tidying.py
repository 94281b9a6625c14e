"""What builders have in common whose releases are images in registries: removing those that nobody can go back to."""

from __future__ import annotations

from collections import defaultdict

from containers.names import ImageName
from containers.registry import remove_images
from core.api import Context, Freed, TidyRequest


async def tidy(request: TidyRequest, context: Context) -> Freed:
    """Remove them, a repository of a registry after the other.

    :raises Stalled: a registry removes nothing, or does not let us.
    """
    gone: dict[ImageName, set[str]] = defaultdict(set)
    for release in request.gone:
        gone[ImageName.parse(release.image).tagged("")].add(release.digest)
    kept = {release.digest for release in request.kept}
    removed = 0
    for name, digests in gone.items():
        count = await remove_images(name, digests, kept)
        context.log.note(f"removed {count} of {len(digests)} images of {name} that nobody can go back to")
        removed += count
    return Freed(count=removed)
