"""Where the dummy plugin joins in: every hook there is."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router
from pydantic import Field, SecretStr

from core.api import (
    Builder,
    Deployer,
    Gate,
    InputReader,
    Login,
    LogRule,
    News,
    Notifier,
    Page,
    PluginSettings,
    ServicePlace,
    Source,
    Step,
    hookimpl,
)
from tests.dummy_plugin.roles import (
    DummyBuilder,
    DummyDeployer,
    DummyGate,
    DummyInput,
    DummyLogin,
    DummyNotifier,
    DummySource,
    DummyStep,
)


class DummySettings(PluginSettings, env_prefix="DEPLOYER_DUMMY_"):
    """What a test sets in the environment."""

    size: int = Field(1, ge=1, description="How large it is.")
    word: SecretStr = Field(SecretStr(""), description="What nobody may see.")


class Dummy:
    """The hooks of one test, and the instances that they offer.

    :ivar heard: the news of jobs that moved.
    :ivar facts: what the page of a service shows of it.
    """

    def __init__(self) -> None:
        self.source = DummySource()
        self.builder = DummyBuilder()
        self.deployer = DummyDeployer()
        self.notifier = DummyNotifier()
        self.gate = DummyGate()
        self.step = DummyStep()
        self.input = DummyInput()
        self.login = DummyLogin()
        self.log_rule = LogRule(name="dummy", pattern="^dummy out of (.+)$", report=r"The dummy has no \1", score=100)
        self.heard: list[News] = []
        self.facts: dict[str, str] = {}

    @hookimpl
    def deployer_register_sources(self) -> list[Source]:
        return [self.source]

    @hookimpl
    def deployer_register_builders(self) -> list[Builder]:
        return [self.builder]

    @hookimpl
    def deployer_register_deployers(self) -> list[Deployer]:
        return [self.deployer]

    @hookimpl
    def deployer_register_notifiers(self) -> list[Notifier]:
        return [self.notifier]

    @hookimpl
    def deployer_register_gates(self) -> list[Gate]:
        return [self.gate]

    @hookimpl
    def deployer_register_steps(self) -> list[Step]:
        return [self.step]

    @hookimpl
    def deployer_register_inputs(self) -> list[InputReader]:
        return [self.input]

    @hookimpl
    def deployer_register_logins(self) -> list[Login]:
        return [self.login]

    @hookimpl
    def deployer_register_log_rules(self) -> list[LogRule]:
        return [self.log_rule]

    @hookimpl
    def deployer_register_settings(self) -> list[type[PluginSettings]]:
        return [DummySettings]

    @hookimpl
    def deployer_register_pages(self) -> list[Page]:
        return [Page(title="Dummy", name="index")]

    @hookimpl
    def deployer_register_routers(self) -> list[Router]:
        router = Router()

        @router.get("/size", response=int, summary="How large the dummy is")
        def size(request: HttpRequest) -> int:
            return DummySettings.read().size

        return [router]

    @hookimpl
    def deployer_job_moved(self, news: News) -> None:
        self.heard.append(news)

    @hookimpl
    def deployer_describe_service(self, service: ServicePlace) -> list[tuple[str, str]]:
        return [(label, f"{service.name}: {text}") for label, text in self.facts.items()]
