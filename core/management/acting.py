"""What the commands by which somebody acts have in common: who does it and why, and to what."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from core.errors import ConfigurationError, RefusedError
from core.management import database
from core.management.base import DeployerCommand
from core.models import Flavour, Runner, Service
from core.pipeline.validate import unknown
from core.services import measurements, people
from core.services.scope import Scope

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(\d{1,4})([mhdw])")


def add_person(parser: CommandParser, *, needs_reason: bool) -> None:
    """Take who does something, and why."""
    parser.add_argument(
        "--reason", default="", required=needs_reason, help="why; kept with who did it, for everybody to read"
    )
    parser.add_argument(
        "--user",
        default="",
        metavar="NAME",
        help="who does it: a user of the deployer (default: the one named like you, made if there is none)",
    )


class ActingCommand(DeployerCommand):
    """Somebody does something, for a reason that is kept. What is refused ends it with status 1 and says why."""

    #: Whether a reason has to be given.
    needs_reason = False

    def add_arguments(self, parser: CommandParser) -> None:
        add_person(parser, needs_reason=self.needs_reason)

    def handle(self, *_: Any, user: str, **options: Any) -> None:
        with database.needed():
            try:
                done = self.act(people.at_the_terminal(user), **options)
            except (ConfigurationError, RefusedError) as error:
                raise CommandError(str(error)) from None
            measurements.flush()
        self.stdout.write(done)

    def act(self, user: User, **options: Any) -> str:
        """Do it, and say in one sentence what was done.

        :raises RefusedError: it cannot be done now.
        :raises ConfigurationError: what was named does not exist.
        """
        raise NotImplementedError


class ServiceCommand(ActingCommand):
    """Somebody does something to one service."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service", metavar="SERVICE", help="its name, or NAME@HOST, as `manage.py status` shows it")
        parser.add_argument(
            "--flavour", default="", metavar="NAME", help="where several flavours have one of this name"
        )
        super().add_arguments(parser)

    def act(self, user: User, **options: Any) -> str:
        service = find_service(options.pop("service"), options.pop("flavour"))
        return self.act_on(service, user, **options)

    def act_on(self, service: Service, user: User, **options: Any) -> str:
        """Do it to this service; as `act`."""
        raise NotImplementedError


def find_service(name: str, flavour: str = "") -> Service:
    """The service in use that is called so.

    :raises ConfigurationError: there is none, or there are several.
    """
    rows = Service.objects.filter(Scope(flavour).services(), retired_at=None)
    known = list(rows.select_related("target__recipe__repository__flavour"))
    found = [row for row in known if name in (str(row), row.name)]
    if not found:
        raise ConfigurationError(f"service {unknown(name, sorted({str(row) for row in known}))}")
    if len(found) > 1:
        names = ", ".join(f"{row} of flavour {row.target.recipe.repository.flavour}" for row in found)
        raise ConfigurationError(
            f"several services are called {name!r}: {names}. Name one, with --flavour where needed"
        )
    return found[0]


def find_flavour(name: str) -> Flavour:
    """The flavour in use that is called so.

    :raises ConfigurationError: there is none.
    """
    rows = Flavour.objects.filter(retired_at=None)
    found = rows.filter(name=name).first()
    if found is None:
        raise ConfigurationError(f"flavour {unknown(name, rows.values_list('name', flat=True))}")
    return found


def find_runners(name: str, *, drained: bool) -> list[Runner]:
    """The runners of this name, or on the host of this name.

    :param drained: of a host's, those that are being drained; or those that are not.
    :raises ConfigurationError: there is none.
    """
    rows = Runner.objects.filter(gone_at=None)
    if found := list(rows.filter(name=name)):
        return found
    if found := list(rows.filter(host=name, drain_at__isnull=not drained)):
        return found
    known = sorted({each for row in rows.values_list("name", "host") for each in row})
    if name in known:
        raise ConfigurationError(f"no runner on {name} is {'' if drained else 'not '}being drained")
    raise ConfigurationError(f"runner {unknown(name, known)}")


def add_length(parser: CommandParser) -> None:
    """Take how long something is held, as `time`."""
    parser.add_argument(
        "--for", dest="time", type=length, metavar="LENGTH", help="30m, 2h, 3d or 1w; after that it lifts by itself"
    )


def length(word: str) -> timedelta:
    """A length of time as people write it: `30m`, `2h`, `3d`, `1w`.

    :raises ValueError: it is none. (argparse makes its own message of it.)
    """
    found = _LENGTH.fullmatch(word)
    if found is None or not int(found[1]):
        raise ValueError(word)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
