"""What gates said of a deployment, and the sentences that people are told of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

#: Who may grant an exception, for each value of the option `exceptions`; nobody where it is not here.
_GRANTERS = {"builder": "a builder", "admin": "an admin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a gate last said of a deployment.

    :param kind: the gate's, and `key` tells it with its options from others of the kind.
    :param title: what people call it, with its options.
    :param reason: why it holds, `until` when that ends by itself, `lifted_by` who can end it, as `core.values.Hold` has it.
    :param approvers: whose approvals it waits for.
    :param exceptions: the role that may let the deployment through all the same: `builder`, `admin`, or `nobody`.
    :param excepted: who did, and why; it holds no more then.
    """

    kind: str
    key: str
    title: str
    holds: bool = False
    reason: str = ""
    until: datetime | None = None
    lifted_by: str = ""
    approvers: tuple[str, ...] = ()
    exceptions: str = "nobody"
    excepted: str = ""

    @property
    def may_be_excepted(self) -> bool:
        """Whether a person can let the deployment through."""
        return self.exceptions in _GRANTERS


def why(answer: Answer) -> str:
    """Which gate holds and why, without the stop."""
    return f"Held by gate {answer.title}: {answer.reason.rstrip('.')}"


def until_when(answer: Answer, now: datetime) -> str:
    """When it lifts by itself, in words; empty where it does not."""
    return f"it lifts by itself at {moment(answer.until, now)} UTC" if answer.until else ""


def who(answer: Answer, job: int) -> str:
    """Who can lift it and how, in words; empty where nobody can.

    :param job: the number of the deployment's job.
    """
    ways = [answer.lifted_by] if answer.lifted_by else []
    if granter := _GRANTERS.get(answer.exceptions):
        ways.append(f"{granter} who grants an exception, on its page or with `{command(answer, job)}`")
    return ", or by ".join(ways)


def command(answer: Answer, job: int) -> str:
    """The command that lets a deployment through a gate."""
    return f"manage.py grant_exception {job} --gate {answer.kind} --reason WHY"


def sentence(answer: Answer, job: int, now: datetime) -> str:
    """All of it: which gate, why, when it lifts by itself, who can lift it."""
    ends, lifted_by = until_when(answer, now), who(answer, job)
    words = [why(answer)]
    if ends:
        words.append(ends[:1].upper() + ends[1:])
    if lifted_by:
        words.append(f"It is lifted by {lifted_by}")
    if not ends and not lifted_by:
        words.append("It lifts once the gate says so; nobody can lift it")
    return ". ".join(words) + "."


def holding(answers: Iterable[Answer]) -> list[Answer]:
    """Those that hold."""
    return [answer for answer in answers if answer.holds]


def moment(then: datetime, now: datetime) -> str:
    """When, with the day unless it is today; in UTC."""
    then, today = then.astimezone(UTC), now.astimezone(UTC).date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%Y-%m-%d %H:%M:%S}"
