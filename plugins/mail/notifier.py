"""Telling people by e-mail, through Django's own mail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from smtplib import SMTPException
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from pydantic import AfterValidator, Field

from core import api
from core.api import Finding, News, Notifier, OperationError

Kind = Literal["waiting", "succeeded", "recovered", "failed", "cancelled", "unhealthy", "drifted"]


def _address(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError(f"{value!r} is no e-mail address") from None
    return value


class MailOptions(api.Options):
    """Who is told, and what."""

    to: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1, description="Addresses.")
    say: tuple[Kind, ...] = Field(
        ("waiting", "recovered", "failed", "unhealthy", "drifted"), description="What is worth a mail."
    )


class MailNotifier(Notifier):
    """Sends a mail for each turn that a deployment takes. Those of one deployment are one conversation."""

    kind = "mail"
    Options = MailOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        assert isinstance(options, MailOptions)
        kind = news.kind
        if kind not in options.say or memory.get("said") == kind:
            return None
        # A header is one line, whatever a commit's message or a service's name has in it.
        subject = " ".join(f"[{news.flavour}] {news.text}".replace("\0", "").split())[:200]
        thread = f"<{news.key}.{news.flavour}@deployer>"
        headers = {"References": thread, "In-Reply-To": thread}
        mail = EmailMessage(subject, "\n".join(_lines(news)), to=list(options.to), headers=headers)
        try:
            await asyncio.to_thread(mail.send)
        except (OSError, SMTPException) as error:
            raise OperationError(f"the mail server does not take it ({error}): see DEPLOYER_EMAIL_URL") from None
        return {"said": kind}

    async def check(self, options: api.Options) -> AsyncIterator[Finding]:
        assert isinstance(options, MailOptions)
        try:
            opened = await asyncio.to_thread(_open)
        except (OSError, SMTPException) as error:
            remedy = "See to DEPLOYER_EMAIL_URL, and whether the mail server can be reached from here."
            yield Finding(level="error", text=f"The mail server does not let us in: {error}", remedy=remedy)
            return
        if opened:
            yield Finding(level="ok", text=f"The mail server lets us in, for {', '.join(options.to)}")
        else:
            remedy = "Set DEPLOYER_EMAIL_URL."
            yield Finding(level="warning", text="Mails go nowhere but to the process's own messages", remedy=remedy)


def _open() -> bool:
    """Connect to the mail server and log in; False where there is none."""
    connection = get_connection()
    try:
        return bool(connection.open())
    finally:
        connection.close()


def _lines(news: News) -> Iterator[str]:
    yield news.text.replace("\0", "")
    yield ""
    for held in news.holds:
        yield f"* {held}"
    if news.holds:
        yield ""
    if news.commit:
        yield f"Commit   {news.commit.short} {news.commit.title}"
    for name, value in (
        ("Service", news.service),
        ("Image", news.image),
        ("Log", news.url),
        ("Page", news.service_url),
    ):
        if value:
            yield f"{name:<8} {value}"
