"""Where the dummy plugin joins in: every hook there is."""

from __future__ import annotations

from core.api import (
    Builder,
    Deployer,
    Gate,
    InputReader,
    Login,
    LogRule,
    News,
    Notifier,
    ServicePlace,
    Source,
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
)


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
    def deployer_register_inputs(self) -> list[InputReader]:
        return [self.input]

    @hookimpl
    def deployer_register_logins(self) -> list[Login]:
        return [self.login]

    @hookimpl
    def deployer_register_log_rules(self) -> list[LogRule]:
        return [self.log_rule]

    @hookimpl
    def deployer_job_moved(self, news: News) -> None:
        self.heard.append(news)

    @hookimpl
    def deployer_describe_service(self, service: ServicePlace) -> list[tuple[str, str]]:
        return [(label, f"{service.name}: {text}") for label, text in self.facts.items()]
