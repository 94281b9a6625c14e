"""What every builder keeps to."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import Stalled
from core.interfaces import Builder
from core.operation_values import BuildRequest, Context, PublishRequest
from core.states import Purpose
from core.testing.checkouts import DirectoryCheckout
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from core.values import Commit, Options

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Sample:
    """A commit to build.

    :param files: the directory that a checkout is a copy of.
    :param options: an instance of the builder's `Options`.
    """

    files: Path
    options: Options


class BuilderConformance:
    """Inherit it in a test class and override the fixtures that raise; `pytest` does the rest.

    Use the real thing behind the builder (an engine, a build server on 127.0.0.1) wherever that can be had. The builder
    keeps its data in `tmp_path / "data"`, and each attempt gets an empty scratch directory.
    """

    #: The name that releases are published under, where a builder talks to a real registry.
    image = "sample/repository:live"

    # What you provide

    @pytest.fixture
    def builder(self) -> Builder:
        """The builder under test."""
        raise NotImplementedError

    @pytest.fixture
    def platform(self) -> str:
        """A platform that it can build for here."""
        return "linux/amd64"

    @pytest.fixture
    def good(self, tmp_path: Path) -> Sample:
        """A commit that builds."""
        raise NotImplementedError

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Sample:
        """A commit whose build prints `this build fails on purpose`, and fails."""
        raise NotImplementedError

    @pytest.fixture
    def curious(self, tmp_path: Path) -> Sample:
        """A commit whose build prints every environment variable that it can find, and succeeds.

        The options allow it to be built though strangers may have written it.
        """
        raise NotImplementedError

    @pytest.fixture
    def talkative(self, tmp_path: Path) -> Sample:
        """A commit whose build prints the value of its build argument `WORD`, and succeeds."""
        raise NotImplementedError

    @pytest.fixture
    def endless(self, tmp_path: Path) -> Sample:
        """A commit whose build prints `started`, at the end of a line if not alone on it, and does not end."""
        raise NotImplementedError

    @pytest.fixture
    def remains(self) -> Callable[[], Awaitable[Sequence[str]]]:
        """Tell what still runs of the endless build: processes, containers, jobs of a build server."""
        raise NotImplementedError

    # What it has to keep to

    def test_it_says_what_it_is(self, builder: Builder) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", builder.kind)
        assert issubclass(builder.Options, Options)
        assert builder.Options.model_json_schema()["type"] == "object"
        assert builder.capacity is None or builder.capacity > 0

    def test_it_names_the_platforms_that_it_cannot_build_for(self, builder: Builder, platform: str) -> None:
        assert list(builder.unsupported([platform])) == []

    async def test_a_good_commit_is_built_and_published_by_digest(
        self, builder: Builder, good: Sample, platform: str, tmp_path: Path
    ) -> None:
        artifact = await self.build(builder, good, platform, tmp_path)
        assert DIGEST.fullmatch(await self.publish(builder, good, {platform: artifact}, tmp_path))

    async def test_building_and_publishing_twice_does_no_harm(
        self, builder: Builder, good: Sample, platform: str, tmp_path: Path
    ) -> None:
        first = await self.build(builder, good, platform, tmp_path)
        once = await self.publish(builder, good, {platform: first}, tmp_path)
        again = await self.publish(builder, good, {platform: first}, tmp_path)
        assert once == again, "the same artifacts are the same release"
        second = await self.build(builder, good, platform, tmp_path)
        assert DIGEST.fullmatch(await self.publish(builder, good, {platform: second}, tmp_path))

    async def test_a_failing_build_stalls_and_its_output_is_in_the_log(
        self, builder: Builder, failing: Sample, platform: str, tmp_path: Path
    ) -> None:
        log = RecordingLog()
        with pytest.raises(Stalled):
            await self.build(builder, failing, platform, tmp_path, log=log)
        assert "this build fails on purpose" in log.text

    async def test_a_check_build_sees_no_secret_of_the_deployer(
        self, builder: Builder, curious: Sample, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEPLOYER_SECRET_KEY", "the-key-that-nobody-may-see")
        monkeypatch.setitem(os.environ, "SOME_TOKEN", "the-token-that-nobody-may-see")
        log = RecordingLog()
        await self.build(builder, curious, platform, tmp_path, log=log, purpose=Purpose.CHECK, trusted=False)
        assert "that-nobody-may-see" not in log.text

    async def test_a_secret_is_never_in_the_log(
        self, builder: Builder, talkative: Sample, platform: str, tmp_path: Path
    ) -> None:
        log = RecordingLog()
        log.redact("sesame-open-yourself")
        await self.build(builder, talkative, platform, tmp_path, log=log, args={"WORD": "sesame-open-yourself"})
        assert "sesame" not in log.text
        assert "[redacted]" in log.text, "the build has to print its argument WORD for this test to tell anything"

    @pytest.mark.parametrize("moment", ["at once", "while it runs"])
    async def test_a_cancelled_build_leaves_nothing_running(
        self,
        builder: Builder,
        endless: Sample,
        platform: str,
        tmp_path: Path,
        remains: Callable[[], Awaitable[Sequence[str]]],
        moment: str,
    ) -> None:
        log = RecordingLog()
        build = asyncio.create_task(self.build(builder, endless, platform, tmp_path, log=log))
        while not log.notes or (moment == "while it runs" and not _says_started(log.text)):
            assert not build.done(), log.text
            await asyncio.sleep(0)
        build.cancel()
        with pytest.raises(asyncio.CancelledError):
            await build
        assert list(await remains()) == []

    # How it is called

    async def build(
        self,
        builder: Builder,
        sample: Sample,
        platform: str,
        tmp_path: Path,
        *,
        log: RecordingLog | None = None,
        purpose: Purpose = Purpose.RELEASE,
        trusted: bool = True,
        args: Mapping[str, str] | None = None,
    ) -> str:
        """Build a sample as a runner would."""
        request = BuildRequest(
            repository="sample/repository",
            recipe="image",
            platform=platform,
            commit=Commit(hash="0123456789abcdef0123456789abcdef01234567", message="A sample"),
            purpose=purpose,
            trusted=trusted,
            options=sample.options,
            args=args or {},
            image=self.image if purpose is Purpose.RELEASE else None,
            checkout=DirectoryCheckout(sample.files),
        )
        return await builder.build(request, self.context(tmp_path, log))

    async def publish(self, builder: Builder, sample: Sample, artifacts: Mapping[str, str], tmp_path: Path) -> str:
        """Publish builds as a runner would."""
        request = PublishRequest(
            repository="sample/repository",
            recipe="image",
            commit=Commit(hash="0123456789abcdef0123456789abcdef01234567"),
            image=self.image,
            options=sample.options,
            artifacts=artifacts,
        )
        return await builder.publish(request, self.context(tmp_path))

    def context(self, tmp_path: Path, log: RecordingLog | None = None) -> Context:
        """Make the context of one attempt."""
        return attempt_context(tmp_path, log)


def _says_started(text: str) -> bool:
    """Whether a line ends with the word: some builders put the time or a step's number before what a command prints."""
    return any(line.split()[-1:] == ["started"] for line in text.splitlines())
