"""What commands and addresses are told of a deployment. Pure."""

from __future__ import annotations

from typing import Any

from core.api import DeploymentFacts, StepRequest


def values(facts: DeploymentFacts) -> dict[str, Any]:
    """The deployment as JSON has it."""
    commit, previous = facts.release.commit, facts.previous
    return {
        "when": facts.when if isinstance(facts, StepRequest) else "gate",
        "flavour": facts.flavour,
        "repository": facts.repository,
        "branch": facts.branch,
        "service": facts.service,
        "host": facts.host,
        "uri": facts.uri,
        "image": facts.release.image,
        "digest": facts.release.digest,
        "commit": commit.hash if commit else "",
        "author": commit.author if commit else "",
        "previous_digest": previous.digest if previous else "",
        "previous_commit": previous.commit.hash if previous and previous.commit else "",
        "rollback": facts.rollback,
        "asked_by": facts.asked_by,
        "job": facts.job,
        "url": facts.url,
    }


def environment(facts: DeploymentFacts) -> dict[str, str]:
    """The deployment as a command finds it: `DEPLOYER_SERVICE`, `DEPLOYER_DIGEST`, …

    No value has a NUL, which no environment can have.
    """
    told = {name: _text(value).replace("\0", "") for name, value in values(facts).items()}
    return {f"DEPLOYER_{name.upper()}": text for name, text in told.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
