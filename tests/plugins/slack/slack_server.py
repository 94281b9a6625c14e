"""A stand-in for Slack, which takes what Slack's documentation allows (docs.slack.dev: Web API, chat.postMessage,
chat.update, "Sending messages using incoming webhooks", Block Kit) and refuses the rest in Slack's words."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "xoxb-1-2-three"
#: A `<` or `>` that belongs to no link, and an `&` that begins no entity.
_UNESCAPED = re.compile(r"<(?!https?://)|&(?!amp;|lt;|gt;)")


@dataclass
class Message:
    """One message. `thread` is the time stamp of the one that it stands below."""

    channel: str
    ts: str
    body: dict[str, Any]
    thread: str = ""
    changes: int = 0

    @property
    def text(self) -> str:
        shown = [block.get("text", {}).get("text", "") for block in self.body.get("blocks", [])]
        return "\n".join([str(self.body.get("text", "")), *shown])


@dataclass
class Slack:
    """What it knows, and what a test wants of it.

    :ivar errors: what the next calls are answered with.
    """

    url: str = ""
    channels: dict[str, str] = field(default_factory=lambda: {"#ops": "C01", "#shop": "C02"})
    messages: list[Message] = field(default_factory=list)
    errors: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def threads(self, ts: str) -> list[str]:
        return [message.text for message in self.messages if message.thread == ts]


@contextmanager
def slack_server() -> Iterator[Slack]:
    """Run it on 127.0.0.1."""
    slack = Slack()
    handler = type("Handler", (_Handler,), {"slack": slack})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    slack.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    slack: Slack
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.slack.calls.append(self.path)
        if self.slack.errors:
            status, error, headers = self.slack.errors.pop(0)
            self._say(status, {"ok": False, "error": error}, headers)
        elif self.path.startswith("/services/"):
            self._webhook(json.loads(body))
        else:
            self._call(self.path.removeprefix("/api/"), self._arguments(body))

    def _arguments(self, body: bytes) -> dict[str, Any]:
        kind = self.headers.get("Content-Type", "").lower().replace(" ", "")
        if kind == "application/json;charset=utf-8":
            return dict(json.loads(body))
        if not kind.startswith("application/x-www-form-urlencoded"):
            self.slack.violations.append(f"content type {kind!r}")
        arguments: dict[str, Any] = dict(parse_qsl(body.decode()))
        if "blocks" in arguments:
            arguments["blocks"] = json.loads(arguments["blocks"])
        return arguments

    def _call(self, method: str, arguments: dict[str, Any]) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse("invalid_auth")
        elif method == "auth.test":
            self._say(200, {"ok": True, "user": "deployer", "team": "Acme", "user_id": "U01", "team_id": "T01"})
        elif (channel := self._channel(arguments.get("channel", ""))) is None:
            self._refuse("channel_not_found")
        elif faults := list(faults_of(arguments)):
            self.slack.violations += faults
            self._refuse("invalid_blocks")
        elif method == "chat.postMessage":
            self._post(channel, arguments)
        elif method == "chat.update":
            self._update(channel, arguments)
        else:
            self._refuse("unknown_method")

    def _channel(self, name: str) -> str | None:
        return name if name in self.slack.channels.values() else self.slack.channels.get(name)

    def _post(self, channel: str, arguments: dict[str, Any]) -> None:
        ts = f"17639000{len(self.slack.messages):02d}.000100"
        thread = arguments.get("thread_ts", "")
        self.slack.messages.append(Message(channel, ts, arguments, thread))
        self._say(200, {"ok": True, "channel": channel, "ts": ts, "message": {"text": arguments["text"], "ts": ts}})

    def _update(self, channel: str, arguments: dict[str, Any]) -> None:
        """A message is named by the channel's id, not by its name, and its time stamp."""
        wanted = (arguments.get("channel"), arguments.get("ts"))
        found = next((each for each in self.slack.messages if (each.channel, each.ts) == wanted), None)
        if found is None:
            self._refuse("message_not_found")
            return
        found.body = arguments
        found.changes += 1
        self._say(200, {"ok": True, "channel": channel, "ts": found.ts, "text": arguments["text"]})

    def _webhook(self, body: dict[str, Any]) -> None:
        if self.path != "/services/T01/B01/secret":
            self._plain(404, "no_service")
        elif faults := list(faults_of(body)):
            self.slack.violations += faults
            self._plain(400, "invalid_blocks")
        else:
            self.slack.messages.append(Message("webhook", "", body))
            self._plain(200, "ok")

    def _refuse(self, error: str) -> None:
        self._say(200, {"ok": False, "error": error})

    def _say(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body), "application/json; charset=utf-8", headers or {})

    def _plain(self, status: int, text: str) -> None:
        self._send(status, text, "text/html", {})

    def _send(self, status: int, text: str, kind: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def faults_of(body: dict[str, Any]) -> Iterator[str]:
    """What Slack would refuse of a message, or show as something else than it is."""
    text = body.get("text", "")
    if not text:
        yield "no_text"
    if len(text) > 4000:
        yield f"the text has {len(text)} characters"
    blocks = body.get("blocks", [])
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks"
    texts = [text]
    for block in blocks:
        parts = [block.get("text")] if block["type"] == "section" else block.get("elements", [])
        if block["type"] not in ("section", "context") or not parts or len(parts) > 10:
            yield f"a block that is none: {block}"
        for part in parts:
            if part["type"] not in ("mrkdwn", "plain_text") or not 0 < len(part["text"]) <= 3000:
                yield f"a text that is none: {part}"
            texts.append(part["text"])
    for each in texts:
        if _UNESCAPED.search(each):
            yield f"not escaped: {each}"
