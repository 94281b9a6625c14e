"""Looks at the outside that are no jobs, and telling it things: short, and repeated when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.db import transaction

from core import clock, configuration, hiding
from core.engine import blame, health, reconcile
from core.errors import ConfigurationError, DeployerError, Stalled, Waiting
from core.metrics import CALLS
from core.models import Message, ReleaseChanges, Repository, Service
from core.plugins import plugins
from core.services import changes, heads, messages, news, observations
from core.services.places import options_of, repository_place, service_place
from core.values import DeploymentStatus, Heads

logger = logging.getLogger(__name__)

#: Seconds after which a look, or telling something, has failed.
_SOURCE_TIMEOUT, _SERVICE_TIMEOUT, _MESSAGE_TIMEOUT, _CHANGES_TIMEOUT = 100, 30, 30, 300

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


async def at_source(repository: Repository, in_database: InDatabase) -> None:
    """Ask a source for the heads and write them down."""
    try:
        plugins.check_on("sources", repository.source)
        source = plugins.source(repository.source)
        data = configuration.current().plugin_dir(repository.source)
        place = repository_place(repository)
        with CALLS.timed(role="source", kind=repository.source, operation="heads"):
            async with asyncio.timeout(_SOURCE_TIMEOUT):
                seen = await source.heads(place, repository.validator, data)
        await in_database(lambda: _record(repository, seen))
    except Exception as error:  # noqa: BLE001  shown on the repository's page, and repeated with back-off
        reason = said(error)
        # Once for each reason: without a network every repository would say the same every minute.
        if reason != repository.look_error:
            logger.warning("%s could not be looked at: %s", repository.name, reason)
        retry_in = error.retry_in if isinstance(error, Waiting) else None
        await in_database(lambda: heads.record_failure(repository, reason, clock.now(), retry_in=retry_in))


@transaction.atomic
def _record(repository: Repository, seen: Heads) -> None:
    """Write down what was seen, and what follows from it: whoever pushed waits for that."""
    if heads.record(repository, seen, clock.now()):
        try:
            reconcile.reconcile(repository.pk)
        except Exception:
            # It was seen all the same; the next round tries again.
            logger.exception("repository %s could not be reconciled", repository.pk)


async def at_service(service: Service, in_database: InDatabase) -> None:
    """Ask a deployer what a service runs and write it down."""
    try:
        plugins.check_on("deployers", service.deployer)
        deployer = plugins.deployer(service.deployer)
        data = configuration.current().plugin_dir(service.deployer)
        place = service_place(service)
        with CALLS.timed(role="deployer", kind=service.deployer, operation="observe"):
            async with asyncio.timeout(_SERVICE_TIMEOUT):
                seen = await deployer.observe(place, data)
        seen = await health.seen_from_outside(service, seen)
        await in_database(lambda: observations.record(service, seen, clock.now()))
    except Exception as error:  # noqa: BLE001  shown on the service's page; the next look is soon
        reason = said(error)
        await in_database(lambda: observations.record_failure(service, reason))


async def at_changes(row: ReleaseChanges, in_database: InDatabase) -> None:
    """Ask a source what came with a release since the one before it, and write it down."""
    try:
        old, new = row.previous.commit, row.release.commit
        repository = new.repository
        plugins.check_on("sources", repository.source)
        source = plugins.source(repository.source)
        data = configuration.current().plugin_dir(repository.source)
        async with asyncio.timeout(_CHANGES_TIMEOUT):
            told = await source.changes(repository_place(repository), old.hash, new.hash, data)
        await in_database(lambda: changes.record(row, told))
    except Exception as error:  # noqa: BLE001  shown where the changes would be; nothing waits for them
        reason, for_good = said(error), isinstance(error, Stalled | ConfigurationError)
        await in_database(lambda: changes.failed(row, reason, clock.now(), for_good=for_good))


async def tell(message: Message, in_database: InDatabase) -> None:
    """Send a commit status or a notification."""
    try:
        async with asyncio.timeout(_MESSAGE_TIMEOUT):
            memory = await (_tell_source if message.recipient == "source" else _tell_notifier)(message, in_database)
        await in_database(lambda: messages.sent(message, memory))
    except Exception as error:  # noqa: BLE001  kept on the message, which is sent again with back-off
        reason = said(error)
        logger.warning("%s could not be told: %s", message.key, reason)
        retry_in = error.retry_in if isinstance(error, Waiting) else None
        await in_database(lambda: messages.failed(message, reason, clock.now(), retry_in=retry_in))


async def _tell_source(message: Message, in_database: InDatabase) -> None:
    payload = message.payload
    repository = await in_database(lambda: Repository.objects.get(pk=payload["repository"]))
    plugins.check_on("sources", repository.source)
    place, source = repository_place(repository), plugins.source(repository.source)
    status = messages.read_status(payload)
    with CALLS.timed(role="source", kind=repository.source, operation="report"):
        if isinstance(status, DeploymentStatus):
            await source.report_deployment(place, status)
        else:
            await source.report(place, payload["commit"], status)


async def _tell_notifier(message: Message, _: InDatabase) -> Mapping[str, str] | None:
    plugins.check_on("notifiers", message.payload["kind"])
    notifier = plugins.notifier(message.payload["kind"])
    given = options_of(notifier.Options, message.payload["options"])
    told = news.NEWS.validate_python(message.payload["news"])
    with CALLS.timed(role="notifier", kind=message.payload["kind"], operation="notify"):
        return await notifier.notify(told, given, message.memory)


def said(error: Exception) -> str:
    """What went wrong, for people. What a plugin should not have raised is remembered against it."""
    if not isinstance(error, DeployerError | TimeoutError | OSError):
        blame.note(error)
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    return hiding.hidden(str(error)) or type(error).__name__
