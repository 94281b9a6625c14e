"""Telling people by e-mail, through Django's own mail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from smtplib import SMTPException
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from pydantic import AfterValidator, Field

from core import api
from core.api import News, Notifier, OperationError

Kind = Literal["waiting", "succeeded", "recovered", "failed", "cancelled"]


def _address(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError(f"{value!r} is no e-mail address") from None
    return value


class MailOptions(api.Options):
    """Who is told, and what."""

    to: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1, description="Addresses.")
    say: tuple[Kind, ...] = Field(("waiting", "recovered", "failed"), description="What is worth a mail.")


class MailNotifier(Notifier):
    """Sends a mail for each turn that a deployment takes. Those of one deployment are one conversation."""

    kind = "mail"
    Options = MailOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        assert isinstance(options, MailOptions)
        kind = _kind(news)
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


def _kind(news: News) -> str:
    if news.waiting or news.withdrawn:
        return "waiting" if news.waiting else "withdrawn"
    return "recovered" if news.recovered else news.state


def _lines(news: News) -> Iterator[str]:
    yield news.text.replace("\0", "")
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
