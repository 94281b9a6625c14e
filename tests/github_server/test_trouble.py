"""What goes wrong at the stand-in goes wrong as at GitHub; webhooks are sent as GitHub sends them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.github_server.conftest import Client, signed
from tests.github_server.deliveries import signature
from tests.github_server.handler import REST
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub

SECRET = "It's a Secret to Everybody"


def test_points_run_out_and_come_back(github: GitHub, client: httpx.Client) -> None:
    github.exhaust("alice", reset_in=600, refusal=429)
    refused = client.get("/user")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (429, "0")
    assert int(refused.headers["x-ratelimit-reset"]) - github.now().timestamp() == pytest.approx(600, abs=5)
    assert client.get("/rate_limit").json()["rate"]["remaining"] == 0
    github.limit("alice", "core").reset = github.now().timestamp()
    assert client.get("/user").status_code == 200


def test_a_stranger_has_sixty_questions(github: GitHub, asking: Client) -> None:
    statuses = [asking().get("/meta").status_code for _ in range(61)]
    assert statuses == [200] * 60 + [403]


def test_only_who_is_known_asks_for_nothing_new_for_nothing(
    github: GitHub, repository: Repository, client: httpx.Client, asking: Client
) -> None:
    for who, cost in ((client, 0), (asking(), 1)):
        known = {"If-None-Match": who.get("/repos/acme/shop").headers["etag"]}
        assert who.get("/repos/acme/shop", headers=known).status_code == 304
        assert github.requests[-1].cost == cost


def test_too_much_at_once_says_when_to_come_back(github: GitHub, client: httpx.Client) -> None:
    github.secondary_limit(17, times=1)
    refused = client.get("/user")
    assert (refused.status_code, refused.headers["retry-after"]) == (403, "17")
    assert "secondary rate limit" in refused.json()["message"]
    assert client.get("/user").status_code == 200


def test_answers_may_come_late_or_not_at_all(github: GitHub, client: httpx.Client) -> None:
    github.slow(5, "/user", times=1)
    with pytest.raises(httpx.ReadTimeout):
        client.get("/user", timeout=0.2)
    github.drop("/user", times=1)
    with pytest.raises(httpx.TransportError):
        client.get("/user")
    assert client.get("/user").status_code == 200


def test_who_does_not_say_what_they_are_is_refused(client: httpx.Client) -> None:
    assert client.get("/user", headers={"User-Agent": ""}).status_code == 403


def test_what_was_asked_is_counted_by_operation_and_person(
    github: GitHub, repository: Repository, client: httpx.Client
) -> None:
    client.get("/repos/acme/shop")
    (asked,) = github.asked("repos/get")
    assert (asked.method, asked.who, asked.status, asked.cost) == ("GET", "alice", 200, 1)


# Webhooks


class _Receiver(BaseHTTPRequestHandler):
    received: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Where webhooks are sent to, and what came."""
    received: list[tuple[dict[str, str], bytes]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Receiver", (_Receiver,), {"received": received}))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/webhooks/github", received
    server.shutdown()
    server.server_close()


def test_a_webhook_is_a_published_one_about_what_is_here(
    github: GitHub, repository: Repository, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, received = receiver
    app, _ = github.app(installed={"acme": None})
    github.deliver(
        "push",
        url,
        SECRET,
        repository=repository,
        app=app,
        sender=github.person("bob"),
        changes={"ref": "refs/heads/x"},
    )
    ((headers, body),) = received
    assert headers["x-github-event"] == "push"
    assert headers["user-agent"].startswith("GitHub-Hookshot/")
    assert headers["x-hub-signature-256"] == signature(body, SECRET)
    said = json.loads(body)
    assert (said["ref"], said["sender"]["login"]) == ("refs/heads/x", "bob")
    assert (said["repository"]["full_name"], said["repository"]["id"]) == ("acme/shop", repository.id)
    assert said["installation"]["id"] == app.installations["acme"].id
    assert "Codertocat/Hello-World" not in body.decode()


def test_a_delivery_that_is_sent_again_is_the_same_delivery(
    github: GitHub, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, received = receiver
    answers = github.deliver("check_run", url, SECRET, action="rerequested", times=3, form=True)
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({headers["x-github-delivery"] for headers, _ in received}) == 1
    assert json.loads(parse_qs(received[0][1].decode())["payload"][0])["action"] == "rerequested"


def test_an_app_is_told_what_became_of_its_webhooks(
    github: GitHub, asking: Client, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    app, key = github.app(installed={})
    github.deliver("ping", receiver[0], SECRET, app=app, times=2)
    listed = asking(signed(github, app.id, key)).get("/app/hook/deliveries").json()
    assert [(each["event"], each["status_code"]) for each in listed] == [("ping", 202)] * 2
    assert github.violations == []


def test_an_event_that_was_never_published_is_no_event(github: GitHub) -> None:
    with pytest.raises(LookupError):
        github.deliver("push", "http://127.0.0.1:9/", SECRET, action="no such action")


def test_whoever_is_killed_in_the_middle_of_a_request_has_asked_nothing(github: GitHub) -> None:
    address = urlsplit(github.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = f"POST {REST}/repos/acme/shop/deployments/1/statuses HTTP/1.1\r\nHost: {address.netloc}\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b"", "it is not answered"
    assert not github.violations
    assert not github.requests
