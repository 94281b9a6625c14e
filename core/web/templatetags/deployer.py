"""How times, states and digests are shown."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import clock
from core.web import plugin_pages as pages_of_plugins

register = template.Library()

#: A sign for each state, so that no state is told by colour alone.
_SIGNS = {
    "succeeded": "✓", "done": "✓", "healthy": "✓", "success": "✓",
    "failed": "✗", "unhealthy": "✗", "absent": "✗",
    "running": "▶", "starting": "▶",
    "queued": "…", "waiting": "…", "ready": "…",
    "blocked": "‖", "cancelled": "⊘",
}  # fmt: skip


#: States that people know under another name.
_LABELS = {"done": "up to date"}


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A moment, in words that a script keeps current, with the exact time as its title."""
    if moment is None:
        return "never"
    exact = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, in_words(clock.now() - moment)
    )


def in_words(past: timedelta) -> str:
    """`3 min ago`, `in 20 s`."""
    seconds = past.total_seconds()
    text = _length(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def _length(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


@register.filter
def took(job: object) -> str:
    """How long a job ran, or has been running."""
    started, finished = getattr(job, "started_at", None), getattr(job, "finished_at", None)
    if started is None:
        return ""
    seconds = ((finished or clock.now()) - started).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else _length(seconds)


@register.filter
def state(word: str, label: str = "") -> SafeString:
    """A state, with its sign, under its own name or another."""
    sign = _SIGNS.get(word, "·")
    label = label or _LABELS.get(word, word)
    return format_html('<span class="state {}"><b aria-hidden="true">{}</b> {}</span>', word, sign, label)


@register.filter
def hold(held: object) -> SafeString:
    """A lock, a pause or a freeze, with who holds it and why as its title."""
    label = {"lock": "locked", "pause": "paused"}.get(getattr(held, "kind", ""), "frozen")
    said = getattr(held, "sentence", "")
    return format_html('<span class="state blocked" title="{}"><b aria-hidden="true">‖</b> {}</span>', said, label)


@register.filter
def person(author: str) -> str:
    """An author's name without the address."""
    return author.partition(" <")[0].strip() or author


@register.filter
def short(digest: str) -> str:
    """The beginning of a digest."""
    return digest.removeprefix("sha256:")[:12]


@register.filter
def marked(text: str, words: str) -> SafeString:
    """A text in which the words are marked, whatever case they are in; it is escaped as any other."""
    pieces = re.split(f"({re.escape(words)})", text, flags=re.IGNORECASE) if words else [text]
    shown = ((format_html("<mark>{}</mark>", each) if number % 2 else each,) for number, each in enumerate(pieces))
    return format_html_join("", "{}", shown)


@register.simple_tag
def plugin_pages() -> list[tuple[str, str]]:
    """Title and address of each entry of the navigation that a plugin adds."""
    return pages_of_plugins.navigation()
