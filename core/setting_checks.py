"""System checks of settings that are right each, and wrong together.

deployer.W006  a variable that nothing reads
deployer.W007  the web does not answer to the host of the base URL
deployer.W008  the base URL has a path
deployer.W009  others can reach a deployer that shows errors in full
deployer.W010  others can reach it without TLS: passwords and sessions travel in the open
deployer.W011  nothing is shown to strangers, and nobody can log in (only with `check --database`, and `doctor`)
deployer.W012  the key that signs what is attested cannot be used
deployer.W013  a plugin's setting is wrong
deployer.W014  a secret is too short to be kept out of the logs of jobs
deployer.W015  processes run on several hosts, and SQLite is a file of one (only with `check --database`, and `doctor`)
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.core import checks
from django.core.checks import CheckMessage, register
from django.db import DatabaseError, connection
from django.http.request import validate_host
from django.utils import timezone

from core import configuration, secrets, signing
from core.configuration import FROM_FILES, PREFIX, Configuration
from core.errors import ConfigurationError, DeployerError
from core.plugins import plugins
from core.queries import processes
from core.queries.processes import Condition

#: How alike two names are, of 1, where one may be meant for the other.
_CLOSE = 0.8


@register("deployer")
def variables_are_known(**_: Any) -> list[CheckMessage]:
    """W006: only what is nearly a setting's name, as plugins have variables of their own."""
    known = [f"{PREFIX}{name.upper()}" for name in Configuration.model_fields]
    known += [each.variable(field) for _, each in plugins.settings() for field in each.model_fields]
    known += [f"{PREFIX}{name.upper()}_FILE" for name in FROM_FILES]
    return [
        checks.Warning(f"{name} is set, and nothing reads it.", hint=f"Perhaps {near[0]} is meant.", id="deployer.W006")
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}SECRET_")
        if (near := difflib.get_close_matches(name.upper(), known, 1, _cutoff(name)))
    ]


def _cutoff(name: str) -> float:
    """How alike a name has to be: what all have in common does not count."""
    common, length = len(PREFIX), len(name)
    return (common + _CLOSE * (length - common)) / length


@register("deployer")
def settings_of_plugins_are_right(**_: Any) -> list[CheckMessage]:
    """W013."""
    return list(_faults_of_plugins())


def _faults_of_plugins() -> Iterator[CheckMessage]:
    for name, kind in plugins.settings():
        try:
            kind.read()
        except ConfigurationError as error:
            for fault in str(error).splitlines():
                hint = "The page Settings of the reference says what it may be."
                yield checks.Warning(f"Plugin {name}: {fault}", hint=hint, id="deployer.W013")
        except Exception as error:  # noqa: BLE001  a validator of somebody else's
            said = f"Plugin {name}: its settings cannot be read: {type(error).__name__}"
            yield checks.Warning(said, hint="Mend or upgrade the plugin.", id="deployer.W013")


@register("deployer")
def base_url_fits(**_: Any) -> list[CheckMessage]:
    """W007 to W010."""
    current = configuration.current()
    address = urlsplit(current.base_url)
    return list(_faults(current, address.hostname or "", address.scheme, address.path))


def _faults(current: Configuration, host: str, scheme: str, path: str) -> Iterator[CheckMessage]:
    url = f"DEPLOYER_BASE_URL is {current.base_url}"
    if not validate_host(f"[{host}]" if ":" in host else host, current.allowed_hosts):
        hint = f"Add {host} to DEPLOYER_ALLOWED_HOSTS."
        yield checks.Warning(f"{url}, and the web does not answer to {host}.", hint=hint, id="deployer.W007")
    if path.strip("/"):
        hint = "Give it a host's name of its own: links on pages begin at the root."
        yield checks.Warning(f"{url}, which has a path.", hint=hint, id="deployer.W008")
    if _is_own(host):
        return
    if current.debug:
        hint = "Leave out DEPLOYER_DEBUG."
        yield checks.Warning(f"{url}, and errors are shown in full.", hint=hint, id="deployer.W009")
    if scheme == "http":
        hint = "Put a proxy that speaks TLS before it, and set DEPLOYER_BASE_URL to https://…"
        yield checks.Warning(f"{url}: passwords and sessions travel in the open.", hint=hint, id="deployer.W010")


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@register("deployer")
def key_signs(**_: Any) -> list[CheckMessage]:
    """W012."""
    try:
        signing.signer()
    except ConfigurationError as error:
        hint = "Until it is mended, what is attested of releases can be had unsigned alone."
        return [checks.Warning(str(error), hint=hint, id="deployer.W012")]
    return []


@register("deployer")
def secrets_can_be_hidden(**_: Any) -> list[CheckMessage]:
    """W014: those that the environment holds; the check reads no file of secrets."""
    beginning = f"{PREFIX}SECRET_"
    given = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(beginning) and name != f"{PREFIX}SECRET_KEY"
    }
    own = {f"a password or token of {PREFIX}…": value for value in configuration.current().secrets()}
    hint = f"Use one of at least {secrets.SHORTEST} characters."
    return [
        checks.Warning(
            f"{name} has fewer than {secrets.SHORTEST} characters: the logs of jobs may show it.",
            hint=hint,
            id="deployer.W014",
        )
        for name, value in sorted({**given, **own}.items())
        if 0 < len(value.strip()) < secrets.SHORTEST and name != f"{beginning}S_DIR"
    ]


@register("deployer", checks.Tags.database)
def somebody_can_log_in(databases: Collection[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W011."""
    if not databases or not configuration.current().private:
        return []
    try:
        if any(user.has_usable_password() for user in User.objects.filter(is_active=True)[:100]) or _elsewhere():
            return []
    except DatabaseError:
        return []
    said = "DEPLOYER_PRIVATE shows nothing to those who have not logged in, and there is no way to log in."
    hint = "Make a user with `manage.py createsuperuser`, or set up a login (how-to/log-in-with-github)."
    return [checks.Warning(said, hint=hint, id="deployer.W011")]


@register("deployer", checks.Tags.database)
def hosts_share_no_file(databases: Collection[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W015."""
    if not databases or connection.vendor != "sqlite":
        return []
    try:
        alive = [each for each in processes.found(timezone.now()).processes if each.condition != Condition.GONE]
    except DatabaseError:
        return []
    hosts = sorted({each.host for each in alive})
    if len(hosts) < 2:
        return []
    said = f"Processes run on {', '.join(hosts)}, and SQLite is a file: several hosts that write to it lose it sooner or later."
    hint = "Set DEPLOYER_DATABASE_URL to a PostgreSQL server for all of them, and DEPLOYER_REDIS_URL."
    return [checks.Warning(said, hint=hint, id="deployer.W015")]


def _elsewhere() -> bool:
    for login in plugins.logins:
        try:
            if not login.missing():
                return True
        except DeployerError:
            continue
    return False
