"""Private mode: every address, every socket and every operation of the API, for whoever asks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core.models import Flavour, Identity, Job, Repository
from core.queries import access
from core.rest.api import api
from core.web import private
from core.web.routing import websocket_urlpatterns
from deployer_site.asgi import application
from tests import factories

pytestmark = pytest.mark.django_db

#: What everybody reaches, by the beginning of its address.
OPEN = ("/login/", "/logout/", "/webhooks/", "/metrics", "/healthz", "/readyz")


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": True})


@pytest.fixture
def shop() -> Flavour:
    """A row of most kinds, so that addresses with a key lead somewhere."""
    deployment = factories.make_deployment()
    flavour = deployment.service.target.recipe.repository.flavour
    flavour.name, flavour.viewers = "acme", ["github:acme"]
    flavour.save()
    factories.make_job(build=factories.make_build(target=deployment.service.target, commit=deployment.release.commit))
    Job.objects.update(log="2026-01-01/000001-build.log")
    return flavour


def someone(login: str, *groups: str) -> User:
    user = User.objects.create_user(f"github:{login}")
    Identity.objects.create(user=user, provider="github", subject=login, login=login, groups=list(groups))
    return user


def as_user(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def stranger() -> Client:
    return as_user(someone("stranger", "github:elsewhere"))


@pytest.fixture
def viewer() -> Client:
    return as_user(someone("vera", "github:acme"))


def addresses() -> list[str]:
    """An address of every route that there is."""
    return sorted(set(_below(get_resolver().url_patterns, "/")))


def _below(patterns: Any, prefix: str) -> Iterator[str]:
    for each in patterns:
        address = prefix + _filled(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from _below(each.url_patterns, address)
        elif isinstance(each, URLPattern):
            yield address


def _filled(route: str) -> str:
    """A route with something in the place of each parameter."""
    if route.startswith("^"):
        return re.sub(r"\(\?P<\w+>[^)]*\)", "1", route).strip("^$").replace(r"\.", ".")
    words = {"slug": "git", "path": "anything", "str": "acme", "app_label": "core"}
    return re.sub(r"<(?:(\w+):)?(\w+)>", lambda found: words.get(found[1] or "str", "1"), route)


def is_api(address: str) -> bool:
    return address.startswith("/api/")


CLOSED = [each for each in addresses() if not each.startswith(OPEN) and not is_api(each)]


def test_the_walk_finds_what_there_is():
    found = addresses()
    assert {"/", "/jobs/1/log", "/admin/", "/admin/core/flavour/", "/api/jobs/1/approve", "/api/openapi.json"} <= set(
        found
    )
    assert len(CLOSED) > 100


def test_pages_are_closed_to_whoever_has_not_logged_in(client, shop):
    for address in CLOSED:
        for method in ("get", "head", "post", "put", "delete", "options", "patch"):
            # What it was told before goes with each request otherwise, and takes longer each time.
            client.cookies.clear()
            answer = getattr(client, method)(address)
            where = f"{method} {address} {answer.status_code}"
            assert (answer.status_code, answer.headers.get("Location", "")[:13]) == (302, "/login/?next="), where


def test_pages_tell_a_stranger_why_they_are_closed(stranger, shop):
    for address in CLOSED:
        for method in ("get", "post"):
            answer = getattr(stranger, method)(address)
            assert answer.status_code == 403, f"{method} {address}"
            assert b"You may not look here yet" in answer.content, address
            assert shop.name.encode() not in answer.content, address


def test_a_viewer_sees_the_pages(viewer, shop):
    for address in CLOSED:
        if not address.startswith("/admin/"):
            answer = viewer.get(address)
            assert answer.status_code in (200, 302, 403, 404, 405), address
            assert b"You may not look here yet" not in (b"" if answer.streaming else answer.content), address
    for address in (
        "/",
        "/jobs/",
        "/jobs/1/log",
        "/activity/",
        "/deliveries/",
        "/plugins/",
        "/pools/",
        "/repositories/1/",
        "/repositories/1/diagram.svg",
        "/flavours/acme/",
        "/flavours/acme/diagram.svg",
    ):
        assert viewer.get(address.replace("/1/", f"/{_key(address)}/")).status_code == 200, address


def _key(address: str) -> Any:
    return Job.objects.earliest("pk").pk if "jobs" in address else Repository.objects.get().pk


def operations() -> list[tuple[str, str]]:
    """Every operation of the API, and its description."""
    paths = api.get_openapi_schema()["paths"]
    found = [(method, path.replace("{", "").replace("}", "")) for path, methods in paths.items() for method in methods]
    found = [(method, re.sub(r"/(id|name)\b", "/1", path)) for method, path in found]
    return [*found, ("get", "/api/openapi.json"), ("get", "/api/nothing"), ("post", "/api/nothing"), ("get", "/api/")]


def test_the_api_is_closed_to_whoever_has_not_logged_in(client, shop):
    assert len(operations()) > 20
    for method, path in operations():
        answer = getattr(client, method)(path, content_type="application/json")
        assert answer.status_code == 403, (method, path)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "Sign in first" in answer.json()["detail"]


def test_the_api_tells_a_stranger_why_it_is_closed(stranger, shop):
    for method, path in operations():
        answer = getattr(stranger, method)(path, content_type="application/json")
        assert answer.status_code == 403, (method, path)
        assert "github:stranger may not look here" in answer.json()["detail"]


def test_a_viewer_reads_the_api_and_does_no_more(viewer, shop):
    for method, path in operations():
        answer = getattr(viewer, method)(path, **({"content_type": "application/json"} if method == "post" else {}))
        if method == "get":
            # Processes are for those who work with the deployer.
            assert answer.status_code in ((403,) if path == "/api/processes" else (200, 404)), path
        else:
            # An approval of one's own, which this person has none of, is anybody's to take back.
            refused = 409 if path.endswith("/take-back") else 403
            assert answer.status_code in (refused, 404, 422), path
    assert viewer.get("/api/flavours").json()["items"][0]["name"] == "acme"


def test_what_has_to_be_open_is_open(client):
    assert client.get("/login/").status_code == 200
    assert b"This deployer is private" in client.get("/login/").content
    assert b"Activity" not in client.get("/login/").content
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code in (200, 503)
    assert client.post("/webhooks/git", {}, content_type="application/json").status_code in (202, 400, 403)
    assert client.get("/static/deployer/style.css").status_code == 200
    assert client.post("/logout/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/login/../jobs/",
        "/static/../jobs/",
        "//jobs/",
        "/Login/",
        "/healthz/x",
        "/nothing",
        "/API/jobs",
        "/api",
        "/jobs/%2e%2e/",
    ],
)
def test_no_spelling_of_an_address_leads_around_it(client, address, shop):
    answer = client.get(address)
    assert answer.status_code in (302, 404), address
    assert b"acme" not in answer.content


def test_the_page_that_was_wanted_is_shown_after_the_login(client):
    assert client.get("/jobs/?state=failed").headers["Location"] == "/login/?next=/jobs/%3Fstate%3Dfailed"


def test_a_local_user_may_look(client, shop):
    client.force_login(User.objects.create_user("local"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/").status_code == 200
    assert client.get("/api/jobs").status_code == 200


def test_a_stranger_is_told_whom_to_ask_and_for_what(stranger, settings):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"contact": "ops@acme.example"})
    text = stranger.get("/").content.decode()
    for words in ("github:stranger", "github:elsewhere", "ops@acme.example", "Log out"):
        assert words in text


def test_without_private_mode_everybody_may_look(client, settings, shop):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": False})
    assert client.get("/").status_code == 200
    assert client.get("/api/jobs").status_code == 200


# Sockets


async def socket(path: str, client: Client | None = None) -> tuple[ApplicationCommunicator, str]:
    """A socket, as the server hands it over, and what it is answered."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    if client:
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        headers.append((b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
    opened = ApplicationCommunicator(application, scope)
    await opened.send_input({"type": "websocket.connect"})
    return opened, (await opened.receive_output(5))["type"]


def routes() -> list[str]:
    return ["/" + _filled(str(each.pattern)) for each in websocket_urlpatterns]


@pytest.fixture
def job() -> int:
    return int(factories.make_job().pk)


@pytest.mark.django_db(transaction=True)
async def test_sockets_are_closed_to_whoever_may_not_look():
    stranger = await database_sync_to_async(lambda: as_user(someone("stranger")))()
    assert len(routes()) >= 2
    for route in routes():
        for client in (None, stranger):
            _, answer = await socket(route, client)
            assert answer == "websocket.close", route


@pytest.mark.django_db(transaction=True)
async def test_a_viewer_has_sockets_until_the_session_ends(monkeypatch):
    monkeypatch.setattr(private, "_AGAIN", 0.05)

    def prepare() -> Client:
        Flavour.objects.create(name="acme", viewers=["github:vera"])
        return as_user(someone("vera"))

    viewer = await database_sync_to_async(prepare)()
    opened, answer = await socket("/ws/events", viewer)
    assert answer == "websocket.accept"
    assert await opened.receive_nothing(0.2)
    await database_sync_to_async(viewer.logout)()
    assert (await opened.receive_output(5))["type"] == "websocket.close"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["nobody is named any more", "the user is deactivated"])
async def test_a_socket_is_closed_once_its_person_may_look_no_longer(monkeypatch, change):
    monkeypatch.setattr(private, "_AGAIN", 0.05)

    def prepare() -> tuple[Client, int]:
        job = factories.make_job()
        Flavour.objects.update(viewers=["github:vera"])
        return as_user(someone("vera")), job.pk

    def apply() -> None:
        if change == "the user is deactivated":
            User.objects.update(is_active=False)
        else:
            Flavour.objects.update(viewers=[])

    viewer, job = await database_sync_to_async(prepare)()
    opened, answer = await socket(f"/ws/jobs/{job}/log", viewer)
    assert answer == "websocket.accept"
    await database_sync_to_async(apply)()
    async with asyncio.timeout(5):
        while (await opened.receive_output(5))["type"] != "websocket.close":
            pass


@pytest.mark.django_db(transaction=True)
async def test_without_private_mode_sockets_are_open(settings):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": False})
    opened, answer = await socket("/ws/events")
    assert answer == "websocket.accept"
    await opened.send_input({"type": "websocket.disconnect", "code": 1000})
    await opened.wait(5)


def test_nobody_is_a_person_who_may_look():
    assert not access.may_look(AnonymousUser())
