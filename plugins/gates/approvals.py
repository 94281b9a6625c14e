"""Required approvals: by so many people with a role, who did not write or ask for it themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from core import api
from core.api import Approval, DeploymentQuestion, Gate, GateOptions, Hold, Role

_ROLES = {"builder": Role.BUILDER, "admin": Role.ADMIN}


def _name(name: str) -> str:
    if not name.strip() or name != name.strip() or any(each.isspace() for each in name):
        raise ValueError(
            f"{name!r}: it is `builder`, `admin`, or a name as a flavour's lists have it: `ann`, `github:acme/qa`"
        )
    return name


class ApprovalsOptions(GateOptions):
    """Who has to approve."""

    needed: int = Field(1, ge=1, le=20, description="Of how many people.")
    of: tuple[Annotated[str, AfterValidator(_name)], ...] = Field(
        ("admin",),
        min_length=1,
        description="Whose approvals count: a role (`builder`, `admin`; an admin is a builder too), or names as a flavour's "
        "lists have them (`ann`, `github:ann`, `github:acme/qa`).",
    )


class ApprovalsGate(Gate):
    """Waits until so many people have approved of this deployment. Neither its commit's author nor who asked for it counts."""

    kind = "approvals"
    Options = ApprovalsOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, ApprovalsOptions)
        return f"approvals ({options.needed} of {_whom(options.of)})"

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        assert isinstance(options, ApprovalsOptions)
        refused = {each.by: why for each in question.approvals if (why := _why_not(each, options.of))}
        by = [each.by for each in question.approvals if each.by not in refused]
        missing = options.needed - len(by)
        if missing <= 0:
            return None
        whom = _whom(options.of)
        done = f"{len(by)} of {options.needed}" + (f", by {' and '.join(by)}" if by else "")
        reason = f"{done}; needs {missing} more of {whom}, not {_not_whom(question)}"
        reason += "".join(f"; that of {name} does not count: {why}" for name, why in refused.items())
        approvals = "1 approval" if missing == 1 else f"{missing} approvals"
        lifted_by = f"{approvals} of {whom}, on its page or with `manage.py approve {question.job}`"
        return Hold(reason=reason, lifted_by=lifted_by, approvers=options.of)


def _whom(of: Sequence[str]) -> str:
    return " or ".join(f"role {each}" if each in _ROLES else each for each in of)


def _not_whom(question: DeploymentQuestion) -> str:
    commit = question.release.commit
    author = (commit.author.partition(" <")[0].strip() if commit else "") or "its author"
    wrote = f"{author} who wrote it"
    return f"{wrote} nor {question.asked_by} who asked for it" if question.asked_by else wrote


def _why_not(approval: Approval, of: Iterable[str]) -> str:
    """Why an approval does not count; empty where it does."""
    if approval.wrote:
        return "it is the author's own"
    if approval.asked:
        return "the same person asked for the deployment"
    return "" if any(_is(approval, each) for each in of) else "it is of somebody else"


def _is(approval: Approval, whom: str) -> bool:
    if whom in _ROLES:
        return approval.role >= _ROLES[whom]
    # Names elsewhere are the same in large and small letters.
    return (whom.lower() if ":" in whom else whom) in approval.names
