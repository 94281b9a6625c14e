"""The built-in gates, each with the real thing: processes, a server, a calendar."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.api import (
    Approval,
    BuildFact,
    CommandFailed,
    DeploymentQuestion,
    Gate,
    JobState,
    OperationError,
    Options,
    Purpose,
    Role,
    StepRequest,
)
from core.testing.conformance.gates import QUESTION, RELEASE, GateConformance
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.gates.after_check import AfterCheckGate, AfterCheckOptions
from plugins.gates.approvals import ApprovalsGate, ApprovalsOptions
from plugins.gates.command import CommandGate, CommandGateOptions, CommandStep, CommandStepOptions
from plugins.gates.http import HttpGate, HttpGateOptions, HttpStep, HttpStepOptions
from plugins.gates.window import WindowGate, WindowOptions

#: A Saturday, in Paris 13:00.
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


class TestWindow(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return WindowGate()

    @pytest.fixture
    def options(self) -> Options:
        return WindowOptions(windows=("Fri 16:00–Mon 08:00",), zone="Europe/Paris", reason="nobody is there.")

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        return replace(QUESTION, now=NOW)

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return replace(QUESTION, now=NOW - timedelta(days=3))

    async def test_it_says_until_when_in_its_zone_and_why(self, options: Options) -> None:
        hold = await WindowGate().hold(replace(QUESTION, now=NOW), options)
        assert hold is not None
        assert hold.reason == "nothing is deployed until Mon 2026-11-30 08:00 in Europe/Paris: nobody is there"
        assert hold.until == datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
        assert WindowGate().title(options) == "window Fri 16:00–Mon 08:00 (Europe/Paris)"

    @pytest.mark.parametrize(
        ("given", "fault"),
        [
            ({"windows": ["Friday"]}, "it is `Fri 16:00–Mon 08:00`"),
            ({"windows": ["2026-12-24"], "zone": "Mars/Olympus"}, "there is no time zone 'Mars/Olympus'"),
            ({"windows": ["2026-12-24"], "zone": "../../etc/passwd"}, "there is no time zone"),
            ({"windows": []}, "at least 1 item"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, given: dict[str, Any], fault: str) -> None:
        with pytest.raises(ValidationError, match=fault.replace("`", ".").replace(":", ".")):
            WindowOptions(**given)


def approval(by: str, **fields: Any) -> Approval:
    known = {"role": Role.ADMIN, "names": frozenset({by}), "at": NOW, **fields}
    return Approval(by=by, **known)


class TestApprovals(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return ApprovalsGate()

    @pytest.fixture
    def options(self) -> Options:
        return ApprovalsOptions(needed=2)

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        return replace(QUESTION, approvals=(approval("ann"),))

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return replace(QUESTION, approvals=(approval("ann"), approval("cy")))

    @pytest.mark.parametrize(
        ("of", "approvals", "reason"),
        [
            (("admin",), [], "0 of 2; needs 2 more of role admin, not Ann Author who wrote it"),
            (("admin",), [approval("cy")], "1 of 2, by cy; needs 1 more of role admin, not Ann Author who wrote it"),
            (
                ("admin",),
                [approval("cy"), approval("ann", wrote=True)],
                "not Ann Author who wrote it; that of ann does not count: it is the author's own",
            ),
            (("admin",), [approval("cy"), approval("di", asked=True)], "the same person asked for the deployment"),
            (("admin",), [approval("cy"), approval("ed", role=Role.BUILDER)], "that of ed does not count"),
            (("builder",), [approval("cy"), approval("ed", role=Role.BUILDER)], None),
            (("github:acme/QA", "flo"), [approval("flo", role=Role.VIEWER)], "needs 1 more of github:acme/QA or flo"),
            (
                ("github:acme/QA", "flo"),
                [approval("flo"), approval("gil", names=frozenset({"github:acme/qa"}))],
                None,
            ),
        ],
    )  # fmt: skip
    async def test_who_counts(self, of: tuple[str, ...], approvals: list[Approval], reason: str | None) -> None:
        question = replace(QUESTION, approvals=tuple(approvals))
        hold = await ApprovalsGate().hold(question, ApprovalsOptions(needed=2, of=of))
        if reason is None:
            assert hold is None
        else:
            assert hold is not None
            assert reason in hold.reason
            assert hold.approvers == of
            assert "`manage.py approve 12`" in hold.lifted_by

    async def test_it_names_who_asked(self) -> None:
        hold = await ApprovalsGate().hold(replace(QUESTION, asked_by="bob"), ApprovalsOptions())
        assert hold is not None
        assert hold.reason.endswith("not Ann Author who wrote it nor bob who asked for it")

    @pytest.mark.parametrize("name", ["", " ", "two words", "a\nb"])
    def test_a_name_is_one_word(self, name: str) -> None:
        with pytest.raises(ValidationError):
            ApprovalsOptions(of=(name,))


def build(recipe: str, state: JobState | None = JobState.SUCCEEDED, ago: int = 60, **fields: Any) -> BuildFact:
    known = {"purpose": Purpose.CHECK, "finished_at": NOW - timedelta(minutes=ago), "url": f"http://d/jobs/{recipe}/"}
    return BuildFact(recipe=recipe, platform="linux/amd64", state=state, **{**known, **fields})


class TestAfterCheck(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return AfterCheckGate()

    @pytest.fixture
    def options(self) -> Options:
        return AfterCheckOptions(minutes=30)

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        return replace(QUESTION, now=NOW, builds=(build("web"), build("docs", ago=20)))

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return replace(QUESTION, now=NOW, builds=(build("web"), build("docs", ago=30)))

    @pytest.mark.parametrize(
        ("recipes", "builds", "reason"),
        [
            ((), [build("web"), build("docs", JobState.FAILED)], "the build of docs on linux/amd64 failed: http://d/jobs/docs/"),
            ((), [build("web"), build("docs", JobState.CANCELLED)], "the build of docs on linux/amd64 was cancelled"),
            ((), [build("web"), build("docs", JobState.RUNNING)], "waits for the build of docs on linux/amd64"),
            ((), [build("web"), build("docs", None)], "waits for the build of docs on linux/amd64"),
            (("web",), [build("web"), build("docs", JobState.FAILED)], None),
            (("docs", "moon"), [build("web"), build("docs")], "sample/repository has no recipe moon"),
            ((), [build("web", ago=29)], "30 minutes have to pass after the last build"),
        ],
    )  # fmt: skip
    async def test_what_it_waits_for(
        self, recipes: tuple[str, ...], builds: list[BuildFact], reason: str | None
    ) -> None:
        options = AfterCheckOptions(recipes=recipes, minutes=30)
        hold = await AfterCheckGate().hold(replace(QUESTION, now=NOW, builds=tuple(builds)), options)
        assert (hold is None) is (reason is None)
        assert hold is None or reason in hold.reason  # type: ignore[operator]


SCRIPT = "case $DEPLOYER_SERVICE in shop) echo looking; echo 'no stock' >&2; echo; exit 3;; *) exit 0;; esac"


class TestCommand(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return CommandGate()

    @pytest.fixture
    def options(self) -> Options:
        return CommandGateOptions(command=("sh", "-c", SCRIPT))

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        return QUESTION

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return replace(QUESTION, service="till")

    async def test_the_last_line_is_the_reason(self, options: Options) -> None:
        hold = await CommandGate().hold(QUESTION, options)
        assert hold is not None
        assert hold.reason == "sh exited with status 3: no stock"

    async def test_it_finds_what_it_is_told_and_nothing_of_the_deployers(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("DEPLOYER_SECRET_SLACK_TOKEN", "hush")
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "x")
        found = tmp_path / "found"
        command = ("sh", "-c", f"env > {found}; ls -A >> {found}; grep NoNewPrivs /proc/self/status >> {found}")
        assert await CommandGate().hold(QUESTION, CommandGateOptions(command=command)) is None
        lines = found.read_text().splitlines()
        told = dict(line.split("=", 1) for line in lines if "=" in line)
        assert told["DEPLOYER_DIGEST"] == RELEASE.digest
        assert (told["DEPLOYER_SERVICE"], told["DEPLOYER_ROLLBACK"], told["DEPLOYER_JOB"]) == ("shop", "false", "12")
        assert {name for name in told if not name.startswith("DEPLOYER_")} <= {
            "PATH",
            "HOME",
            "LANG",
            "PWD",
            "SHLVL",
            "_",
        }
        assert "DEPLOYER_SECRET_SLACK_TOKEN" not in told
        assert lines[-1].split() == ["NoNewPrivs:", "1"]

    async def test_text_from_outside_is_a_value_and_no_command(self, tmp_path: Path) -> None:
        author = f"$(touch {tmp_path}/no) `touch {tmp_path}/no`; touch {tmp_path}/no \0"
        commit = replace(RELEASE.commit, author=author)  # type: ignore[type-var]
        question = replace(QUESTION, release=replace(RELEASE, commit=commit))
        options = CommandGateOptions(command=("sh", "-c", f'printf %s "$DEPLOYER_AUTHOR" > {tmp_path}/author'))
        assert await CommandGate().hold(question, options) is None
        assert (tmp_path / "author").read_text() == author.replace("\0", "")
        assert not (tmp_path / "no").exists()

    async def test_cancelled_it_leaves_no_process(self, tmp_path: Path) -> None:
        pid = tmp_path / "pid"
        options = CommandGateOptions(command=("sh", "-c", f"sleep 600 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"))
        task = asyncio.ensure_future(CommandGate().hold(QUESTION, options))
        while not pid.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        process = Path(f"/proc/{pid.read_text().strip()}")
        while process.exists() and "\nState:\tZ" not in (process / "status").read_text():
            await asyncio.sleep(0.01)

    async def test_a_flood_is_not_kept(self) -> None:
        options = CommandGateOptions(command=("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; exit 1"))
        hold = await CommandGate().hold(QUESTION, options)
        assert hold is not None
        assert len(hold.reason) < 400

    async def test_one_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(OperationError, match="deployer-no-such-program is not installed on this host"):
            await CommandGate().hold(QUESTION, CommandGateOptions(command=("deployer-no-such-program",)))

    @pytest.mark.parametrize("command", [(), ("",), ("-rf",), ("sh", "a\0b")])
    def test_what_is_no_command_is_refused(self, command: tuple[str, ...]) -> None:
        with pytest.raises(ValidationError):
            CommandGateOptions(command=command)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._do(b"")

    def do_POST(self) -> None:
        self._do(self.rfile.read(int(self.headers["content-length"])))

    def _do(self, body: bytes) -> None:
        asked = self.server.asked  # type: ignore[attr-defined]
        asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
        status, headers, answer = self.server.answers.get(self.path, (200, {}, b""))  # type: ignore[attr-defined]
        if self.path == "/by-service" and asked[-1][3]["service"] == "shop":
            status, headers, answer = 200, {}, b'{"allow": false, "reason": "the till is being counted"}'
        self.send_response(status)
        for name, value in {"content-length": str(len(answer)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    made.asked, made.answers = [], {}
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


class TestHttp(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return HttpGate()

    @pytest.fixture
    def options(self, server: Any) -> Options:
        return HttpGateOptions(url=f"{server.url}/by-service")

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        return QUESTION

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return replace(QUESTION, service="till")

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (200, b"", None),
            (204, b"", None),
            (200, b"fine", None),
            (200, b'{"allow": true}', None),
            (200, b'{"other": 1}', None),
            (200, b'{"allow": false, "reason": "closed"}', "{host} does not allow it: closed"),
            (200, b'{"allow": false}', "{host} does not allow it"),
            (200, b'{"allow": "no"}', "{host} answered with an `allow` that is neither true nor false"),
            (200, b'{"allow": null}', "{host} answered with an `allow` that is neither true nor false"),
            (503, b"come back later\nat noon", "{host} answered 503: come back later"),
            (503, b"<html>Bad</html>", "{host} answered 503"),
            (409, b'{"allow": true, "reason": "in use"}', "{host} answered 409: in use"),
            (302, b"", "{host} answered 302"),
        ],
    )  # fmt: skip
    async def test_what_an_answer_means(self, server: Any, status: int, body: bytes, reason: str | None) -> None:
        headers = {"location": f"{server.url}/else"} if status == 302 else {}
        if status == 204:
            headers["content-length"] = "0"
        server.answers["/ask"] = (status, headers, body)
        hold = await HttpGate().hold(QUESTION, HttpGateOptions(url=f"{server.url}/ask"))
        assert (hold.reason if hold else None) == (reason and reason.format(host=server.url.removeprefix("http://")))
        assert [path for _, path, _, _ in server.asked] == ["/ask"], "a redirect is not followed"

    async def test_it_is_told_of_the_deployment_and_comes_with_a_token(
        self, server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEPLOYER_SECRET_GATEKEEPER", "sesame")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        await HttpGate().hold(QUESTION, HttpGateOptions(url=f"{server.url}/ask", token="gatekeeper"))
        ((method, _, headers, body),) = server.asked
        assert (method, headers["authorization"]) == ("POST", "Bearer sesame")
        assert (body["service"], body["digest"], body["rollback"]) == ("shop", RELEASE.digest, False)
        await HttpGate().hold(QUESTION, HttpGateOptions(url=f"{server.url}/ask?x=1", method="GET"))
        assert server.asked[-1][:2] == ("GET", "/ask?x=1")
        assert server.asked[-1][3] is None

    async def test_an_answer_without_end_is_none(self, server: Any) -> None:
        server.answers["/ask"] = (200, {}, b"x" * 70_000)
        with pytest.raises(OperationError, match="answers with more than 65536 bytes"):
            await HttpGate().hold(QUESTION, HttpGateOptions(url=f"{server.url}/ask"))

    async def test_nobody_there_is_an_error(self) -> None:
        with pytest.raises(OperationError, match=r"127.0.0.1:9 cannot be asked: ConnectError"):
            await HttpGate().hold(QUESTION, HttpGateOptions(url="http://127.0.0.1:9/"))

    async def test_a_token_that_is_not_set_is_told(self, server: Any) -> None:
        with pytest.raises(OperationError, match="the secret of the option `token` is not set"):
            await HttpGate().hold(QUESTION, HttpGateOptions(url=server.url, token="nobody_set_it"))

    @pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "x", "http://", "http://u:p@x/", "http://x/ y"])
    def test_what_is_no_address_is_refused(self, url: str) -> None:
        with pytest.raises(ValidationError):
            HttpGateOptions(url=url)


# Steps

FACTS = {name: getattr(QUESTION, name) for name in StepRequest.__dataclass_fields__ if name != "when"}
BEFORE = StepRequest(**FACTS, when="before")


async def test_a_commands_output_is_in_the_log_redacted_and_its_status_counts(tmp_path: Path) -> None:
    log = RecordingLog()
    log.redact("hush-hush")
    context = attempt_context(tmp_path, log)
    options = CommandStepOptions(command=("sh", "-c", "echo $DEPLOYER_WHEN hush-hush; pwd"))
    await CommandStep().run(BEFORE, options, context)
    assert "before" in log.text
    assert "hush-hush" not in log.text
    assert str(context.scratch) in log.text
    with pytest.raises(CommandFailed, match="sh exited with status 7"):
        await CommandStep().run(BEFORE, CommandStepOptions(command=("sh", "-c", "exit 7")), context)


async def test_an_address_is_told_and_its_status_counts(tmp_path: Path, server: Any) -> None:
    context = attempt_context(tmp_path)
    server.answers["/warm"] = (200, {}, b"warmed 12 pages")
    await HttpStep().run(BEFORE, HttpStepOptions(url=f"{server.url}/warm"), context)
    assert server.asked[0][3]["when"] == "before"
    assert "warmed 12 pages" in context.log.text  # type: ignore[attr-defined]
    server.answers["/warm"] = (500, {}, b"cold")
    with pytest.raises(OperationError, match="answered 500: cold"):
        await HttpStep().run(BEFORE, HttpStepOptions(url=f"{server.url}/warm"), context)
