"""Looks at the outside that are no jobs, and telling it things: short, and repeated when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import timezone
from pydantic import ValidationError

from core import configuration
from core.engine import execute
from core.interfaces import CommitStatus, News
from core.models import Message, Repository, Service
from core.plugins import plugins
from core.services import heads, messages, observations

logger = logging.getLogger(__name__)

#: Seconds after which a look, or telling something, has failed.
_SOURCE_TIMEOUT, _SERVICE_TIMEOUT, _MESSAGE_TIMEOUT = 100, 30, 30

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


async def at_source(repository: Repository, in_database: InDatabase) -> None:
    """Ask a source for the heads and write them down."""
    try:
        source = plugins.source(repository.source)
        data = configuration.current().plugin_dir(repository.source)
        place = execute.repository_place(repository)
        async with asyncio.timeout(_SOURCE_TIMEOUT):
            seen = await source.heads(place, repository.validator, data)
        await in_database(lambda: heads.record(repository, seen, timezone.now()))
    except Exception as error:  # noqa: BLE001  shown on the repository's page, and repeated with back-off
        reason = _said(error)
        logger.warning("%s could not be looked at: %s", repository.name, reason)
        await in_database(lambda: heads.record_failure(repository, reason, timezone.now()))


async def at_service(service: Service, in_database: InDatabase) -> None:
    """Ask a deployer what a service runs and write it down."""
    try:
        deployer = plugins.deployer(service.deployer)
        data = configuration.current().plugin_dir(service.deployer)
        place = execute.service_place(service)
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
            await (_tell_source if message.recipient == "source" else _tell_notifier)(message, in_database)
        await in_database(lambda: messages.sent(message))
    except Exception as error:  # noqa: BLE001  kept on the message, which is sent again with back-off
        reason = _said(error)
        logger.warning("%s could not be told: %s", message.key, reason)
        await in_database(lambda: messages.failed(message, reason, timezone.now()))


async def _tell_source(message: Message, in_database: InDatabase) -> None:
    payload = message.payload
    repository = await in_database(lambda: Repository.objects.get(pk=payload["repository"]))
    place = execute.repository_place(repository)
    status = CommitStatus(**payload["status"])
    await plugins.source(repository.source).report(place, payload["commit"], status)


async def _tell_notifier(message: Message, _: InDatabase) -> None:
    notifier = plugins.notifier(message.payload["kind"])
    options = notifier.Options.model_validate(message.payload["options"])
    await notifier.notify(News(**message.payload["news"]), options)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    if isinstance(error, ValidationError):
        return f"its options are wrong: {error.errors()[0]['msg']}"
    return str(error) or type(error).__name__
