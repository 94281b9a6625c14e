"""Looks at the outside that are no jobs, and telling it things: short, and repeated when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import configuration
from core.engine import reconcile
from core.errors import Waiting
from core.models import Message, Repository, Service
from core.plugins import plugins
from core.services import heads, messages, news, observations
from core.services.places import options_of, repository_place, service_place
from core.values import DeploymentStatus, Heads

logger = logging.getLogger(__name__)

#: Seconds after which a look, or telling something, has failed.
_SOURCE_TIMEOUT, _SERVICE_TIMEOUT, _MESSAGE_TIMEOUT = 100, 30, 30

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


async def at_source(repository: Repository, in_database: InDatabase) -> None:
    """Ask a source for the heads and write them down."""
    try:
        source = plugins.source(repository.source)
        data = configuration.current().plugin_dir(repository.source)
        place = repository_place(repository)
        async with asyncio.timeout(_SOURCE_TIMEOUT):
            seen = await source.heads(place, repository.validator, data)
        await in_database(lambda: _record(repository, seen))
    except Exception as error:  # noqa: BLE001  shown on the repository's page, and repeated with back-off
        reason = _said(error)
        # Once for each reason: without a network every repository would say the same every minute.
        if reason != repository.look_error:
            logger.warning("%s could not be looked at: %s", repository.name, reason)
        retry_in = error.retry_in if isinstance(error, Waiting) else None
        await in_database(lambda: heads.record_failure(repository, reason, timezone.now(), retry_in=retry_in))


@transaction.atomic
def _record(repository: Repository, seen: Heads) -> None:
    """Write down what was seen, and what follows from it: whoever pushed waits for that."""
    if heads.record(repository, seen, timezone.now()):
        try:
            reconcile.reconcile(repository.pk)
        except Exception:
            # It was seen all the same; the next round tries again.
            logger.exception("repository %s could not be reconciled", repository.pk)


async def at_service(service: Service, in_database: InDatabase) -> None:
    """Ask a deployer what a service runs and write it down."""
    try:
        deployer = plugins.deployer(service.deployer)
        data = configuration.current().plugin_dir(service.deployer)
        place = service_place(service)
        async with asyncio.timeout(_SERVICE_TIMEOUT):
            seen = await deployer.observe(place, data)
        await in_database(lambda: observations.record(service, seen, timezone.now()))
    except Exception as error:  # noqa: BLE001  shown on the service's page; the next look is soon
        reason = _said(error)
        await in_database(lambda: observations.record_failure(service, reason))


async def tell(message: Message, in_database: InDatabase) -> None:
    """Send a commit status or a notification."""
    try:
        async with asyncio.timeout(_MESSAGE_TIMEOUT):
            memory = await (_tell_source if message.recipient == "source" else _tell_notifier)(message, in_database)
        await in_database(lambda: messages.sent(message, memory))
    except Exception as error:  # noqa: BLE001  kept on the message, which is sent again with back-off
        reason = _said(error)
        logger.warning("%s could not be told: %s", message.key, reason)
        retry_in = error.retry_in if isinstance(error, Waiting) else None
        await in_database(lambda: messages.failed(message, reason, timezone.now(), retry_in=retry_in))


async def _tell_source(message: Message, in_database: InDatabase) -> None:
    payload = message.payload
    repository = await in_database(lambda: Repository.objects.get(pk=payload["repository"]))
    place, source = repository_place(repository), plugins.source(repository.source)
    status = messages.read_status(payload)
    if isinstance(status, DeploymentStatus):
        await source.report_deployment(place, status)
    else:
        await source.report(place, payload["commit"], status)


async def _tell_notifier(message: Message, _: InDatabase) -> Mapping[str, str] | None:
    notifier = plugins.notifier(message.payload["kind"])
    given = options_of(notifier.Options, message.payload["options"])
    return await notifier.notify(news.NEWS.validate_python(message.payload["news"]), given, message.memory)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    return str(error) or type(error).__name__
