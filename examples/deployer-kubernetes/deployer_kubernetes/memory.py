"""What the Deployment itself is told of its moves, for the process that comes after one that was killed.

It is written in the same change as the image, so that neither is ever there without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kubernetes.aio.client import V1Deployment

from .rollouts import annotations_of, given_up

_PREFIX = "deployer-kubernetes"
#: What `kubectl rollout history` shows.
_CAUSE = "kubernetes.io/change-cause"
#: How far the clocks of those who move may be apart.
_SKEW = timedelta(seconds=10)
#: Characters of a reason that are kept.
_REASON = 1000


@dataclass(frozen=True, slots=True)
class Moved:
    """The newest move of a container.

    :param before: the image that it had before; empty where nobody knows.
    :param stale: when the rollout before it had been given up, which the cluster may still say for a moment.
    :param failed: why it was moved back from `image`; empty where it was not, or only because it was cancelled.
    :param at: when it was moved back; None where it was not.
    """

    image: str
    before: str = ""
    stale: str = ""
    failed: str = ""
    at: datetime | None = None

    @property
    def is_back(self) -> bool:
        return self.at is not None

    @property
    def expected(self) -> str:
        """The image that the container has where nobody else has set one."""
        return self.before if self.is_back else self.image


def moved(deployment: V1Deployment, container: str) -> Moved | None:
    """What was written of the newest move; None where nothing was, or nothing that can be read."""
    with suppress(ValueError, KeyError, TypeError):
        kept = json.loads(annotations_of(deployment)[_key(container)])
        at = datetime.fromisoformat(kept["at"]) if kept.get("at") else None
        words = {name: str(kept.get(name, "")) for name in ("before", "stale", "failed")}
        return Moved(str(kept["image"]), **words, at=at)
    return None


def before(deployment: V1Deployment, container: str, image: str) -> str:
    """What a container had before it was moved to an image; empty where nobody knows."""
    newest = moved(deployment, container)
    return newest.before if newest and newest.image == image else ""


def failed(deployment: V1Deployment, container: str, image: str, since: datetime | None) -> str:
    """Why a container was moved back from an image since a moment; empty where it was not."""
    newest = moved(deployment, container)
    if not newest or newest.image != image or newest.at is None:
        return ""
    return newest.failed if since is None or newest.at >= since - _SKEW else ""


def is_back(deployment: V1Deployment, container: str, image: str) -> bool:
    """Whether an image is the one that a container was moved back to."""
    newest = moved(deployment, container)
    return bool(newest and newest.is_back and newest.before == image)


def forward(deployment: V1Deployment, container: str, image: str, had: str) -> Mapping[str, object]:
    """The change that moves a container to an image and remembers which it had before."""
    kept = {"image": image, "before": had, "stale": given_up(deployment)}
    return _change(container, image, kept, f"deployer: {container} to {image}")


def back(deployment: V1Deployment, container: str, image: str, to: str, why: str) -> Mapping[str, object]:
    """The change that moves it back, and remembers why; an empty reason does not keep the next attempt from moving it."""
    kept = {"image": image, "before": to, "failed": why[:_REASON], "at": datetime.now(UTC).isoformat()}
    kept["stale"] = given_up(deployment)
    return _change(container, to, kept, f"deployer: {container} back to {to}")


def _change(container: str, image: str, kept: Mapping[str, str], cause: str) -> Mapping[str, object]:
    return {
        "metadata": {"annotations": {_key(container): json.dumps(kept, ensure_ascii=False), _CAUSE: cause}},
        "spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}},
    }


def _key(container: str) -> str:
    return f"{_PREFIX}/{container}"
