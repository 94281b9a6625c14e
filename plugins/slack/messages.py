"""What is said in Slack, as values. Nothing is sent here.

Text is Slack's mrkdwn, in which `&`, `<` and `>` are escaped (docs.slack.dev, "Formatting message text"): what stands
there is neither a link nor a mention, whatever a commit's message says. Blocks are checked by slack_sdk's models, which
know the limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import ContextBlock, MarkdownTextObject, SectionBlock

from core.api import News

#: Characters of a section's text, and of the text beside the blocks; Slack takes 3,000 and 40,000, and advises 4,000.
_SECTION, _TEXT = 2900, 3900
#: Characters of a commit's title that are shown.
_TITLE = 150

_MARKS = {
    "waiting": "✋",
    "queued": "⏳",
    "running": "🏃",
    "succeeded": "✅",
    "recovered": "✅",
    "failed": "❌",
    "cancelled": "🚫",
    "withdrawn": "⏭️",
    "unhealthy": "🤒",
    "drifted": "🧭",
}
_SAID = {
    "waiting": "waits for approval",
    "queued": "waits",
    "running": "is being moved",
    "succeeded": "is live",
    "recovered": "has recovered and is live",
    "failed": "was not moved",
    "cancelled": "was cancelled",
    "withdrawn": "came to nothing: something newer took its place",
}


def _said(news: News) -> str:
    return "is held back" if news.holds else _SAID.get(news.kind, news.state)


def text(news: News) -> str:
    """The message in one line, for notifications and for clients that show no blocks."""
    what = f"{_MARKS.get(news.kind, '')} {escaped(news.service or news.text)}".strip()
    if not news.commit:
        return _cut(f"{_MARKS.get(news.kind, '')} {escaped(news.text)}".strip(), _TEXT)
    return _cut(f"{what}: {_commit(news)} {_said(news)}", _TEXT)


def blocks(news: News) -> list[dict[str, Any]]:
    """The message as it is shown."""
    verb = "Roll back to" if news.rollback else "Put right" if news.repair else "Deploy"
    lines = [f"{_MARKS.get(news.kind, '')} {verb} {_commit(news)} as *{escaped(news.service)}*".strip()]
    if not news.commit:
        lines = [f"{_MARKS.get(news.kind, '')} {escaped(news.text)}".strip()]
    elif news.commit.title:
        lines.append(f"> {escaped(_cut(news.commit.title, _TITLE))}")
    if news.commit:
        lines.append(f"It {_said(news)}.")
    section = SectionBlock(text=MarkdownTextObject(text=_cut("\n".join(lines), _SECTION)))
    about = ContextBlock(elements=[MarkdownTextObject(text=_cut(" · ".join(_about(news)), _SECTION))])
    return [dict(section.to_dict()), dict(about.to_dict())]


def thread(news: News) -> str:
    """What is added below the message, where there is more to say; empty otherwise."""
    match news.kind:
        case "failed":
            return _cut(
                f"It was not moved: {escaped(news.reason or 'no reason was given')}\n{_link(news.url, 'log')}", _TEXT
            )
        case "waiting" if news.holds:
            told = "\n".join(f"• {escaped(each)}" for each in news.holds)
            return _cut(f"{told}\nWho may can let it go on {_link(news.url, 'its page')}.", _TEXT)
        case "waiting":
            return f"Approve it on {_link(news.url, 'its page')}."
        case "recovered" if news.commit:
            return "The move before this one had failed."
        case "cancelled":
            return _cut(f"It was cancelled: {escaped(news.reason)}", _TEXT) if news.reason else ""
        case _:
            return ""


def escaped(said: str) -> str:
    """Text that stays text."""
    return said.replace("\0", "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _about(news: News) -> Iterator[str]:
    yield escaped(news.repository or news.flavour)
    if news.asked_by:
        yield f"asked for by {escaped(news.asked_by)}"
    if news.started_at and news.finished_at:
        yield f"took {(news.finished_at - news.started_at).total_seconds():.0f} s"
    for address, name in ((news.url, "log"), (news.service_url, "service"), (news.uri, "site")):
        if address:
            yield _link(address, name)


def _commit(news: News) -> str:
    return _link(news.commit_url, news.commit.short) if news.commit else ""


def _link(address: str, name: str) -> str:
    """A link, where the address is one of the web and cannot end it early."""
    safe = address.startswith(("https://", "http://")) and not set("<>|\n ") & set(address)
    return f"<{address.replace('&', '&amp;')}|{escaped(name)}>" if safe else escaped(name)


def _cut(said: str, limit: int) -> str:
    return said if len(said) <= limit else f"{said[: limit - 1]}…"
