"""Stolen sessions, forged requests, and what browsers are told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core.services import tokens
from core.states import TokenScope
from deployer_site.asgi import application
from tests import factories
from tests.e2e.harness import ROOT
from tests.security import walk
from tests.security.test_visible import make

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"


def logged_in(name: str = "ann", **client: Any) -> Client:
    made = Client(**client)
    made.force_login(factories.make_user(name, password=PASSWORD), backend="django.contrib.auth.backends.ModelBackend")
    return made


def is_known(client: Client) -> bool:
    return bool(client.get("/tokens/").status_code == 200)


def test_with_a_login_the_session_is_another_and_its_cookie_is_out_of_reach() -> None:
    factories.make_user("ann", password=PASSWORD)
    client = Client()
    client.post("/repositories/1/look")  # leaves a message in a session
    before = client.cookies["sessionid"].value if "sessionid" in client.cookies else ""
    client.post("/login/", {"username": "ann", "password": PASSWORD})
    cookie = client.cookies["sessionid"]
    assert cookie.value != before
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) <= 14 * 24 * 3600
    if before:
        thief = Client()
        thief.cookies["sessionid"] = before
        assert not is_known(thief)


def test_a_session_that_was_ended_is_of_no_use_to_a_thief() -> None:
    client, thief = logged_in(), Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert is_known(thief)
    client.post("/logout/")
    assert not is_known(thief)


@pytest.mark.parametrize("change", ["password", "inactive"])
def test_sessions_end_everywhere_when_the_password_changes_or_the_person_is_deactivated(change: str) -> None:
    client = logged_in()
    user = User.objects.get()
    _, text = tokens.make(user, "x", [TokenScope.READ])
    elsewhere = Client()
    elsewhere.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    if change == "password":
        user.set_password("another")
    else:
        user.is_active = False
    user.save()
    assert not is_known(client)
    assert not is_known(elsewhere)
    # A token is no password, and is revoked by itself.
    assert (tokens.find(text) is None) == (change == "inactive")


def test_every_form_needs_the_token_of_its_own_session() -> None:
    keys = make("mine")
    boss = factories.make_user("boss", is_superuser=True, is_staff=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    posted = [path for name, path in walk.named_pages(keys) if name != "webhook"]
    posted += [path for method, path in walk.operations(keys) if method == "post"]
    posted += ["/admin/core/flavour/add/", "/admin/auth/user/add/", "/admin/password_change/"]
    for path in posted:
        answer = client.post(path, "{}", content_type="application/json" if path.startswith("/api/") else "text/plain")
        assert answer.status_code in (403, 405), (path, answer.status_code)


def test_with_a_token_no_other_token_is_needed_and_a_cookie_beside_it_gives_nothing() -> None:
    keys = make("mine")
    weak, strong = factories.make_user("weak"), factories.make_user("strong", is_superuser=True)
    _, text = tokens.make(weak, "x", [TokenScope.ACT])
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {text}"})
    client.force_login(strong, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(f"/api/jobs/{keys['jobs']}/approve", {"reason": "x"}, content_type="application/json")
    assert answer.status_code == 403
    assert "role builder" in answer.json()["detail"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "\thttps://evil.example",
        "http://testserver@evil.example/",
        "/login/?next=//evil.example",
        "/logout/",
    ],
)
def test_a_login_leads_to_none_but_own_pages(target: str) -> None:
    factories.make_user("ann", password=PASSWORD)
    answer = Client().post(f"/login/?next={target}", {"username": "ann", "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_another_host_is_not_answered(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["deploy.example.org"]
    assert Client().get("/", headers={"Host": "evil.example"}).status_code == 400
    assert Client().get("/healthz", headers={"Host": "deploy.example.org"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/login/", "/admin/login/", "/api/jobs", "/nowhere", "/healthz"])
def test_every_answer_tells_browsers_what_not_to_do(path: str) -> None:
    headers = Client().get(path).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "usb=()" in headers["Permissions-Policy"]


def test_no_cache_between_keeps_what_was_made_for_somebody(settings: Any) -> None:
    keys = make("mine")
    client = logged_in()
    for path in ("/", "/activity/", f"/jobs/{keys['jobs']}/", "/api/jobs", f"/jobs/{keys['jobs']}/log"):
        assert "private" in client.get(path).headers["Cache-Control"], path
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": True})
    for path in ("/", "/activity/", f"/jobs/{keys['jobs']}/", "/api/jobs", f"/jobs/{keys['jobs']}/log"):
        assert client.get(path).headers["Cache-Control"] == "private, no-store", path


async def _answer(origin: str | None) -> str:
    headers = [(b"host", b"localhost")] + ([(b"origin", origin.encode())] if origin is not None else [])
    scope = {"type": "websocket", "path": "/ws/events", "query_string": b"", "headers": headers, "subprotocols": []}
    opened = ApplicationCommunicator(application, scope)
    await opened.send_input({"type": "websocket.connect"})
    answer = await opened.receive_output(5)
    await opened.send_input({"type": "websocket.disconnect", "code": 1000})
    await opened.wait(5)
    return str(answer["type"])


@pytest.mark.django_db(transaction=True)
async def test_no_other_site_opens_a_socket_with_somebodys_cookies() -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "file://", ""):
        assert await _answer(origin) == "websocket.close", origin
    assert await _answer(None) == "websocket.close"
    assert await _answer("http://localhost") == "websocket.accept"


def _views(patterns: Any) -> Iterator[Any]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _views(each.url_patterns)
        elif isinstance(each, URLPattern):
            yield each


def test_no_view_is_let_off_but_webhooks_which_are_signed() -> None:
    """The API's own views are; `test_every_form_needs_the_token_of_its_own_session` asks each of its operations."""
    exempt = {
        str(each.pattern)
        for each in _views(get_resolver().url_patterns)
        if getattr(each.callback, "csrf_exempt", False) and not each.callback.__module__.startswith("ninja")
    }
    assert exempt == {"webhooks/<slug:kind>"}


def test_an_installation_with_tls_passes_djangos_own_checks(tmp_path: Any) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DEPLOYER_BASE_URL": "https://deploy.example.org",
        "DEPLOYER_ALLOWED_HOSTS": "deploy.example.org",
        "DEPLOYER_DATA_DIR": str(tmp_path),
    }
    script = (
        "import json, os; from django.core.management import execute_from_command_line as run;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'deployer_site.settings';"
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING']);"
        "from django.conf import settings as s;"
        "print(json.dumps([s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[true, true, true]")
    assert not django_settings.SESSION_COOKIE_SECURE, "the demo has no TLS"
