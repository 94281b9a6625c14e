"""Which scheduler is used, by which capability, and where its workers push to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from core.api import ConfigurationError, PluginSettings, secret, secret_file, secret_path
from ocluster.client import Client
from ocluster.submission import Push


class OClusterSettings(PluginSettings, env_prefix="DEPLOYER_OCLUSTER_", env_ignore_empty=True):
    """Which scheduler builds, by which capability, and where its workers push to."""

    submission: Path | None = Field(
        None,
        description="The capability file that builds are submitted by; `ocluster_submission` among the secrets if not set.",
    )
    admin: Path | None = Field(
        None,
        description="The capability file that tells of the pools; `ocluster_admin` among the secrets if not set. Nobody has"
        " to have one.",
    )
    staging: str = Field(
        "", description="The repository that workers push to, where a recipe names none: `owner/staging`."
    )


#: What they are read from, for errors that say what to set.
SUBMISSION, ADMIN, STAGING = (OClusterSettings.variable(each) for each in ("submission", "admin", "staging"))
#: The secret with the name and the password by which workers push to the staging repository.
STAGING_SECRET = "ocluster_staging"  # noqa: S105  its name


def submission_file() -> Path:
    """The capability file that builds are submitted by."""
    return OClusterSettings.read().submission or Path(secret_path("ocluster_submission"))


def admin_file() -> Path:
    """The capability file that tells of the pools; nobody has to have one."""
    return OClusterSettings.read().admin or Path(secret_path("ocluster_admin"))


def submissions() -> Client:
    """The client for builds: one in each process, for all builders."""
    return _client(submission_file(), SUBMISSION, "Submission")


def administration() -> Client | None:
    """The client that tells of the pools; None where there is no capability for it."""
    path = admin_file()
    return _client(path, ADMIN, "Admin") if OClusterSettings.read().admin or path.exists() else None


def staging() -> str:
    """The repository that workers push to, where a recipe names none; empty where none is set."""
    return OClusterSettings.read().staging


def push_to(target: str) -> Push:
    """As whom workers push to the staging repository.

    :raises ConfigurationError: nobody set that.
    """
    given = secret(STAGING_SECRET)
    if given is None:
        raise ConfigurationError(
            f"workers cannot push to {target}: put the staging repository's `user:password` into {secret_file(STAGING_SECRET)}"
        )
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise ConfigurationError(
            f"the secret {STAGING_SECRET} has to be `user:password`: see {secret_file(STAGING_SECRET)}"
        )
    return Push(target=target, user=user, password=password)


async def close() -> None:
    """End all clients of this process."""
    for client in _clients:
        await client.close()
    _clients.clear()
    _client.cache_clear()


_clients: list[Client] = []


@cache
def _client(path: Path, setting: str, interface: str) -> Client:
    client = Client(path, setting, interface)
    _clients.append(client)
    return client
