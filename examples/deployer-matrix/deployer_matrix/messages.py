"""What is said in Matrix, as values. Nothing is sent here.

Each message names whom it mentions (`m.mentions`): nobody. Without it a server looks for names in the text, and a commit's
message could call everybody in the room. A message is a notice, by which nobody is called; what somebody should see to
is a text of its own, which clients make heard as they are set to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.api import News
from deployer_matrix.markup import Line, Piece, html, piece, plain

#: Characters. A character is at most six bytes in HTML and four in plain text, and an edit holds all of it twice: these
#: keep the largest event below what Matrix takes, 65,536 bytes.
_NAME, _TITLE, _TEXT, _REASON, _HOLD = 100, 150, 800, 1500, 300
#: What holds a deployment back: as many as are told.
_HOLDS = 8

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


def message(news: News) -> dict[str, Any]:
    """The content of the message about a deployment, or about how a service is."""
    return _content("m.notice" if news.commit else "m.text", [_headline(news), *_details(news), _about(news)])


def edit(content: Mapping[str, Any], event: str) -> dict[str, Any]:
    """The content of an event that puts another content in the place of a message's."""
    shown = {**content, "body": f"* {content['body']}", "formatted_body": f"* {content['formatted_body']}"}
    return {**shown, "m.new_content": dict(content), "m.relates_to": {"rel_type": "m.replace", "event_id": event}}


def reply(news: News, event: str) -> dict[str, Any] | None:
    """The content of what is added below a message for people to see to, or to be glad of; None: nothing is."""
    lines = _more(news)
    if not lines:
        return None
    return {**_content("m.text", lines), "m.relates_to": {"m.in_reply_to": {"event_id": event}}}


def _content(kind: str, lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "msgtype": kind,
        "body": plain(lines),
        "format": "org.matrix.custom.html",
        "formatted_body": html(lines),
        "m.mentions": {},
    }


def _headline(news: News) -> Line:
    mark = Piece(f"{_MARKS.get(news.kind, '💬')} ")
    if not news.commit:
        return [mark, piece(news.text, _TEXT)]
    verb = "Roll back to" if news.rollback else "Put right" if news.repair else "Deploy"
    commit = piece(news.commit.short, _NAME, url=news.commit_url)
    return [mark, Piece(f"{verb} "), commit, Piece(" as "), piece(news.service, _NAME, tag="strong")]


def _details(news: News) -> Iterator[Line]:
    if news.commit:
        if news.commit.title:
            yield [piece(news.commit.title, _TITLE, tag="em")]
        said = "is held back" if news.holds else _SAID.get(news.kind, news.state)
        yield [Piece("It "), piece(said, _NAME), Piece(".")]


def _about(news: News) -> Line:
    told = [piece(news.repository or news.flavour, _NAME)]
    if news.asked_by:
        told.append(piece(f"asked for by {news.asked_by}", _NAME))
    if news.started_at and news.finished_at:
        told.append(Piece(f"took {(news.finished_at - news.started_at).total_seconds():.0f} s"))
    places = ((news.url, "log" if news.commit else "page"), (news.service_url, "service"), (news.uri, "site"))
    seen: set[str] = set()
    for address, name in places:
        link = piece(name, _NAME, url=address)
        if link.url and link.url not in seen:
            told.append(link)
        seen.add(link.url)
    return [each for part in told for each in (Piece(" · "), part)][1:]


def _more(news: News) -> list[Line]:
    match news.kind:
        case "failed":
            reason = piece(news.reason or "no reason was given", _REASON)
            return [[Piece("❌ "), *_named(news), Piece(" was not moved: "), reason], *_to(news.url, "Its log")]
        case "waiting" if news.holds:
            held = [[Piece("• "), piece(each, _HOLD)] for each in news.holds[:_HOLDS]]
            if len(news.holds) > _HOLDS:
                held.append([Piece(f"• and {len(news.holds) - _HOLDS} more")])
            return [[Piece("✋ "), *_named(news), Piece(" is held back:")], *held, *_to(news.url, "Its page")]
        case "waiting":
            return [[Piece("✋ "), *_named(news), Piece(" waits for approval.")], *_to(news.url, "Approve it")]
        case "recovered" if news.commit:
            return [[Piece("✅ "), *_named(news), Piece(" is live. The move before this one had failed.")]]
        case "recovered":
            return [[Piece("✅ "), *_named(news), Piece(" is well again.")]]
        case "cancelled" if news.reason:
            return [[Piece("🚫 "), *_named(news), Piece(" was cancelled: "), piece(news.reason, _REASON)]]
        case _:
            return []


def _named(news: News) -> Line:
    short = [piece(news.commit.short, _NAME), Piece(" as ")] if news.commit else []
    return [*short, piece(news.service or news.flavour, _NAME, tag="strong")]


def _to(url: str, name: str) -> list[Line]:
    link = piece(name, _NAME, url=url)
    return [[link]] if link.url else []
