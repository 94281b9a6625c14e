"""What `approve` and `cancel` have in common: jobs by their numbers, a reason, a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from core.errors import ConfigurationError, RefusedError
from core.management import database
from core.management.acting import add_person
from core.management.base import DeployerCommand
from core.models import Job
from core.services import measurements, people


class Verb(Protocol):
    """Something that a person does to a job (`core.services.jobs`)."""

    def __call__(self, job: Job, user: User, /, *, reason: str) -> object: ...


class JobCommand(DeployerCommand):
    """Do something to each job that is named. What is refused is told, and the others go on."""

    #: What is done, and its past participle for the message.
    done: ClassVar[str]
    needs_reason: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "jobs", nargs="+", type=int, metavar="JOB", help="number of a job, as pages and logs show it"
        )
        add_person(parser, needs_reason=self.needs_reason)

    def act(self, job: Job, user: User, *, reason: str) -> None:
        """Do it to one job.

        :raises RefusedError: it cannot be done now.
        """
        raise NotImplementedError

    def handle(self, *_: Any, jobs: Sequence[int], reason: str, user: str, **__: Any) -> None:
        with database.needed():
            self._all(jobs, _person(user), reason)

    def _all(self, jobs: Sequence[int], person: User, reason: str) -> None:
        try:
            self._each(jobs, person, reason)
        finally:
            measurements.flush()

    def _each(self, jobs: Sequence[int], person: User, reason: str) -> None:
        refused = [fault for number in dict.fromkeys(jobs) if (fault := self._one(number, person, reason))]
        if refused:
            raise CommandError("\n".join(refused))

    def _one(self, number: int, person: User, reason: str) -> str:
        job = Job.objects.filter(pk=number).first()
        if job is None:
            return f"there is no job {number}"
        try:
            self.act(job, person, reason=reason)
        except RefusedError as error:
            return str(error)
        self.stdout.write(f"{self.done} job {number} as {person.get_username()}: {job.title}")
        return ""


def _person(name: str) -> User:
    try:
        return people.at_the_terminal(name)
    except ConfigurationError as error:
        raise CommandError(str(error)) from None
