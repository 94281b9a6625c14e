"""The demo's own part: the Git server with the sample repository, somebody to log in as, and the services it leaves."""

from __future__ import annotations

import io
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from core import configuration
from core.engine import schedules
from core.errors import ConfigurationError
from core.management.commands.run_pipeline import FAILED, report
from core.management.embedded import Embedded
from core.management.interruption import INTERRUPTED, Interruption
from core.management.preconditions import WRONG
from core.management.terminal import Terminal
from core.services import declarations, flavours
from core.services.scope import Scope
from core.testing.git_server import GitServer
from deployer_site.demo import sample_repository
from deployer_site.demo.docker_stage import DockerStage
from flavours import demo as flavour


class Demo:
    """One run of the demo, on the given address of the pages."""

    def __init__(self, host: str, port: int, *, once: bool, interruption: Interruption, note: str = "") -> None:
        self._web = (host, port)
        self._once = once
        self._note = note
        self._docker = bool(os.environ.get("DEMO_DOCKER"))
        self._sample = sample_repository.DOCKER if self._docker else sample_repository.HOST
        self._terminal = Terminal()
        self._data = configuration.current().data_dir
        self._interruption = interruption

    def run(self) -> int:
        """Run until Ctrl-C, or until nothing is left to do; answer the exit status."""
        try:
            call_command("migrate", verbosity=0)
            with self._git_server() as server:
                webhook = f"http://{self._web[0]}:{self._web[1]}/webhooks/git?repository={self._sample.name}"
                sample_repository.make(self._sample, server, self._work, webhook)
                self._declare()
                return self._serve(server)
        except ConfigurationError as error:
            self._terminal.say(str(error), "bold red")
            return WRONG

    @property
    def _work(self) -> Path:
        return self._data / ("work-docker" if self._docker else "work")

    def _git_server(self) -> GitServer:
        try:
            return GitServer(self._data / "git", port=flavour.GIT_PORT)
        except OSError as error:
            raise ConfigurationError(
                f"port {flavour.GIT_PORT}: {error.strerror}; set DEMO_GIT_PORT to another"
            ) from None

    def _declare(self) -> None:
        row = declarations.load("demo")
        flavours.configure(row, harmless=False, threshold=None, lifts_at=None)
        schedules.install()

    def _serve(self, server: GitServer) -> int:
        with self._stage() as news:
            self._introduce(server, news)
            embedded = Embedded(
                configuration=configuration.current(),
                scope=Scope("demo"),
                terminal=self._terminal,
                web=None if self._once else self._web,
                once=self._once,
                expected=(sample_repository.BROKEN,),
                interruption=self._interruption,
            )
            try:
                verdict = embedded.run()
                if verdict:
                    report(verdict, self._terminal)
                elif self._once:
                    return INTERRUPTED
            except CommandError as error:
                self._terminal.say(str(error), "bold red")
                return FAILED
        return 0

    @contextmanager
    def _stage(self) -> Iterator[list[str]]:
        """Have running what services run on; yields what people should know of it."""
        if self._docker:
            stage = DockerStage(self._data)
            try:
                stage.start()
                yield stage.news
            finally:
                stage.stop()
            return
        try:
            call_command("host_services", "start", stdout=io.StringIO())
            yield []
        finally:
            call_command("host_services", "stop", stdout=io.StringIO())

    def _introduce(self, server: GitServer, news: list[str]) -> None:
        say = self._terminal.say
        for line in filter(None, [self._note, *news]):
            say(line)
        if not self._once:
            work = shlex.quote(_short(self._work))
            say(f"The pages    http://{self._web[0]}:{self._web[1]}/   (log in as demo, password {self._password()})")
            say(f"The service  http://127.0.0.1:{flavour.SERVICE_PORT}/")
            say(f"Try it       cd {work} && git switch -q feature && git push origin feature:live")
            if self._docker:
                say("Break it     git push -f origin unhealthy:live   (it never gets healthy, and is rolled back)")
            say("Stop with Ctrl-C; start it again and it goes on where it was.\n")

    def _password(self) -> str:
        """Make somebody to log in as; the password is kept beside the database."""
        file = self._data / "demo-password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(9))
        password = file.read_text()
        user, _ = User.objects.get_or_create(username="demo", defaults={"is_staff": True, "is_superuser": True})
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        return password


def _short(path: Path) -> str:
    """A path from here, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
