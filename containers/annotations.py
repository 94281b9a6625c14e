"""What is told of an image beside the image. Pure."""

from __future__ import annotations

from core.api import PublishRequest


def of_release(request: PublishRequest) -> dict[str, str]:
    """What is kept on the index of a release (OCI image specification, annotations)."""
    kept = {
        "org.opencontainers.image.title": request.repository,
        "org.opencontainers.image.revision": request.commit.hash,
        "org.opencontainers.image.source": request.commit_url,
        "org.opencontainers.image.url": request.url,
    }
    return {name: value for name, value in kept.items() if value}
