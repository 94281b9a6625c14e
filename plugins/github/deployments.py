"""Telling GitHub what becomes of a deployment, so that its page shows what is live where."""

from __future__ import annotations

from typing import Any

from core.api import DeploymentStatus, OperationError
from plugins.github import messages
from plugins.github.api import Api
from plugins.github.faults import Forbidden
from plugins.github.queries import Name
from plugins.github.session import Session

_DEPLOYMENTS = "/repos/{owner}/{name}/deployments"


async def report(now: Session, name: Name, status: DeploymentStatus) -> None:
    """Say it; a deployment that GitHub knows already gets a further status.

    :raises OperationError: GitHub does not answer, or the app or token may not say it.
    """
    api = await now.credentials.api_for(name.owner, name.name)
    where = {"owner": name.owner, "name": name.name}
    try:
        known = await _find(api, where, status)
        if known is None:
            if status.state == "inactive":
                return
            known = await api.do("POST", _DEPLOYMENTS, where, messages.deployment(status))
        at = {**where, "id": str(known["id"])}
        await api.do("POST", _DEPLOYMENTS + "/{id}/statuses", at, messages.deployment_status(status))
    except Forbidden as error:
        raise OperationError(f"{error}. It needs the permission `Deployments: read and write` on {name}") from None


async def _find(api: Api, where: dict[str, str], status: DeploymentStatus) -> dict[str, Any] | None:
    """What GitHub keeps of this deployment: its number is remembered there and nowhere else."""
    wanted = {**where, "sha": status.commit, "environment": status.environment, "per_page": "100"}
    known = await api.pages(_DEPLOYMENTS + "{?sha,environment,per_page}", wanted)
    return next((each for each in known if messages.is_of(each, status)), None)
