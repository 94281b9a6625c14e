"""The notifier for e-mail against a real mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from core.api import Commit, News, Notifier, Options
from core.testing.conformance.notifiers import NotifierConformance
from plugins.mail.notifier import MailNotifier, MailOptions
from tests.e2e.harness import free_port

FAILED = News(
    flavour="acme",
    key="deployment-7",
    state="failed",
    text="Deploy aaaaaaaaaa as shop: failed. it is not healthy",
    url="https://d.example.org/jobs/1/",
    service="shop",
    commit=Commit(hash="a" * 40, message="Mend the till"),
)
ALL = ("waiting", "succeeded", "recovered", "failed", "cancelled")


class Inbox:
    """What arrived."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802  aiosmtpd calls it so
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def bodies(self) -> list[str]:
        return [f"{mail['Subject']}\n{mail.get_content()}" for mail in self.mails]


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    inbox = Inbox()
    server = Controller(inbox, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL = "deployer@example.org"
    yield inbox
    server.stop()


async def tell(*news: News, **options: object) -> Mapping[str, str]:
    kept: Mapping[str, str] = {}
    for each in news:
        answer = await MailNotifier().notify(each, MailOptions(**{"to": ["ops@example.org"], **options}), kept)
        kept = kept if answer is None else answer
    return kept


class TestMail(NotifierConformance):
    @pytest.fixture
    def notifier(self) -> Notifier:
        return MailNotifier()

    @pytest.fixture
    def options(self, inbox: Inbox) -> Options:
        return MailOptions(to=["ops@example.org"], say=ALL)

    @pytest.fixture
    def unreachable(self, settings: Any) -> Options:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        return MailOptions(to=["ops@example.org"], say=ALL)

    @pytest.fixture
    def heard(self, inbox: Inbox) -> Callable[[], Sequence[str]]:
        return inbox.bodies


async def test_a_mail_has_what_one_needs_at_night(inbox: Inbox) -> None:
    await tell(FAILED)
    (mail,) = inbox.mails
    assert mail["Subject"] == "[acme] Deploy aaaaaaaaaa as shop: failed. it is not healthy"
    assert (mail["To"], mail["From"]) == ("ops@example.org", "deployer@example.org")
    assert "https://d.example.org/jobs/1/" in mail.get_content()
    assert "Mend the till" in mail.get_content()


async def test_successes_are_not_worth_a_mail_unless_asked_for(inbox: Inbox) -> None:
    done = replace(FAILED, state="succeeded")
    await tell(done)
    assert inbox.mails == []
    await tell(replace(done, recovered=True))
    await tell(done, say=["succeeded"])
    assert len(inbox.mails) == 2


async def test_the_same_is_said_once_and_one_deployment_is_one_conversation(inbox: Inbox) -> None:
    await tell(replace(FAILED, state="queued", waiting=True), FAILED, FAILED)
    assert len(inbox.mails) == 2
    assert len({mail["References"] for mail in inbox.mails}) == 1


async def test_a_service_that_is_unhealthy_or_has_drifted_is_worth_a_mail(inbox: Inbox) -> None:
    for state in ("unhealthy", "drifted"):
        await tell(News(flavour="acme", key=f"service-1-{state}", state=state, text=f"shop: {state}", service="shop"))
    assert [mail["Subject"] for mail in inbox.mails] == ["[acme] shop: unhealthy", "[acme] shop: drifted"]


async def test_a_commits_message_adds_no_header(inbox: Inbox) -> None:
    await tell(replace(FAILED, text="failed\r\nBcc: everybody@example.org\n\nhello"))
    (mail,) = inbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[acme] failed Bcc: everybody@example.org hello"


@pytest.mark.parametrize("to", [[], ["nobody"], ["a@example.org\nBcc: b@example.org"]])
def test_an_address_that_is_none_is_refused_when_it_is_declared(to: list[str]) -> None:
    with pytest.raises(ValidationError):
        MailOptions(to=to)


async def checked() -> list[tuple[str, str]]:
    options = MailOptions.model_validate({"to": ["ann@example.org"]})
    return [(each.level, each.text) async for each in MailNotifier().check(options)]


async def test_the_doctor_is_told_whether_the_server_lets_us_in(inbox: Inbox, settings: Any) -> None:
    assert await checked() == [("ok", "The mail server lets us in, for ann@example.org")]
    assert inbox.mails == []
    settings.EMAIL_PORT = free_port()
    [(level, text)] = await checked()
    assert (level, "refused" in text) == ("error", True)


async def test_the_doctor_is_told_that_mails_go_nowhere(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert [level for level, _ in await checked()] == ["warning"]
