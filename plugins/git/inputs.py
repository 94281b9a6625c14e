"""The head of a branch of any repository, as an input."""

from __future__ import annotations

from pydantic import Field, field_validator

from core import api
from core.api import Context, InputReader, Stalled
from gitmirror import commands
from gitmirror.mirror import talk


class GitHeadOptions(api.Options):
    """Which repository, and which of its refs."""

    url: str = Field(description="As for the source `git`.")
    ref: str = Field("refs/heads/main", description="The full name of a ref.")

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return commands.check_url(value)


class GitHeadReader(InputReader):
    """Reads a ref's commit by `git ls-remote`."""

    kind = "git_head"
    Options = GitHeadOptions

    async def read(self, options: api.Options, context: Context) -> str:
        assert isinstance(options, GitHeadOptions)
        said = await talk(options.url, commands.list_remote(options.url))
        for line in said.decode(errors="replace").splitlines():
            value, _, ref = line.partition("\t")
            if ref == options.ref and not value.startswith("ref: "):
                context.log.note(f"{ref} of {commands.redacted(options.url)} is {value}")
                return value
        raise Stalled(f"{commands.redacted(options.url)} has no {options.ref}")
