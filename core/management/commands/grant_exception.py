"""Let deployments through a gate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core import clock
from core.errors import ConfigurationError, RefusedError
from core.management.acting import ActingCommand, add_length, find_service
from core.models import Deployment
from core.pipeline.validate import unknown
from core.queries import gates
from core.services import exceptions


class Command(ActingCommand):
    help = (
        "Let a deployment through a gate that holds it, by the number of its job; or every deployment of a service through "
        "a gate for some time, by the service's name and --for. Who did it and why is recorded and shown. "
        "`revoke_exception` takes it back."
    )
    needs_reason = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what", metavar="JOB|SERVICE", help="the number of a job, or a service as `status` shows it"
        )
        parser.add_argument("--gate", required=True, metavar="KIND", help="the gate, by its kind: window")
        parser.add_argument("--flavour", default="", metavar="NAME", help="where several flavours have such a service")
        add_length(parser)
        super().add_arguments(parser)

    def act(self, user: User, **options: Any) -> str:
        what, gate, reason = options["what"], options["gate"], options["reason"]
        time: timedelta | None = options["time"]
        deployment = _deployment(int(what)) if what.isdecimal() else None
        service = deployment.service if deployment else find_service(what, options["flavour"])
        if deployment and time:
            raise ConfigurationError("a deployment is let through for good: name the service to use --for")
        job = deployment.job if deployment else None
        standing = gates.chosen(service, gate, holding=job)
        if not standing:
            there = {each.gate for each in gates.before(service)}
            if gate not in there:
                raise ConfigurationError(f"gate {unknown(gate, there)}")
            raise RefusedError(f"gate {gate} does not hold job {what}")
        until = clock.now() + time if time else None
        granted = exceptions.grant(service, standing, user, reason=reason, job=job, until=until)
        return "\n".join(f"Exception {row.pk}: {row.sentence}" for row in granted)


def _deployment(job: int) -> Deployment:
    rows = Deployment.objects.select_related("job", "service__target__recipe__repository__flavour")
    found = rows.filter(job=job).first()
    if found is None:
        raise ConfigurationError(f"job {job} is no deployment, or there is none of that number")
    return found
