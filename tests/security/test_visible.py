"""A curious viewer: who may look at one flavour sees nothing of the others, wherever it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import configuration
from core.models import Flavour, Identity, Job, visible
from core.queries import access
from core.services import activities, tokens
from core.states import JobState, TokenScope
from deployer_site.asgi import application
from tests import factories
from tests.security import walk

pytestmark = pytest.mark.django_db

#: Stands in every row of the other flavour, and in its log.
SECRET = "zzsecretzz"


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": True})


def make(name: str, **fields: Any) -> dict[str, Any]:
    """A flavour with a row of each kind; keys of rows by the word before them in an address."""
    flavour = factories.make_flavour(name, title=name, **fields)
    repository = factories.make_repository(f"acme/{name}", flavour=flavour)
    recipe = factories.make_recipe(f"{name}-recipe", repository=repository)
    target = factories.make_target(f"{name}-branch", recipe=recipe, image=f"{name}/image")
    service = factories.make_service(f"{name}-service", target=target)
    commit = factories.make_commit(repository=repository, message=f"{name} commit", author=name)
    ref = factories.make_ref(f"refs/heads/{name}-branch", commit=commit)
    build = factories.make_build(recipe=recipe, commit=commit, target=target)
    release = factories.make_release(target=target, commit=commit, image=f"{name}/image")
    deployment = factories.make_deployment(service=service, release=release)
    job = factories.make_job(build=build, title=f"{name} job", reason=f"{name} reason", cause=f"{name} cause")
    Job.objects.filter(pk=job.pk).update(log=f"2026-01-01/{job.pk:06}-build.log", repository=repository)
    path = configuration.current().logs_dir / f"2026-01-01/{job.pk:06}-build.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{name} log\n")
    hold = factories.make_hold(service=service, reason=f"{name} hold")
    factories.make_input(f"{name}-input", flavour=flavour)
    exception = factories.make_gate_exception(service=service, title=f"{name} gate", reason=f"{name} exception")
    factories.make_approval(job=job, user=factories.make_user(f"{name}-approver"), reason=f"{name} approval")
    factories.make_provenance(release=release, statement={"subject": name})
    runner = factories.make_runner()
    factories.make_runner(vitals={"flavour": name})
    factories.make_runner(vitals={"flavour": name, "repository": repository.name})
    in_hand = factories.make_build(recipe=recipe, commit=commit, platform="linux/arm64")
    factories.make_job(state=JobState.RUNNING, build=in_hand, title=f"{name} in hand", runner=runner.name)
    factories.make_plugin_incident("git", detail=f"KeyError: {name}")
    factories.make_tidying(faults=[f"{name}/image cannot be removed"])
    factories.make_rollback(service=service, release=release, reason=f"{name} rollback")
    factories.make_delivery(repositories=[repository.name], sender=name)
    person = factories.make_user(f"{name}-person")
    for row in (flavour, service, job, hold, deployment):
        activities.record(person, "saw", row, reason=f"{name} activity")
    keys = {"repositories": repository, "flavours": flavour, "services": service, "commits": commit, "refs": ref}
    keys |= {"builds": build, "releases": release, "deployments": deployment, "jobs": job, "targets": target}
    keys |= {"exceptions": exception, "runners": runner, "held": deployment.job}
    return {
        "name": flavour.name,
        "plugins": "git",
        **{word: row.pk for word, row in keys.items() if word != "flavours"},
    }


def someone(login: str, *groups: str) -> User:
    user = User.objects.create_user(f"github:{login}")
    Identity.objects.create(user=user, provider="github", subject=login, login=login, groups=list(groups))
    return user


@pytest.fixture
def theirs() -> dict[str, Any]:
    return make(SECRET, viewers=["github:other"], admins=["github:other"])


@pytest.fixture
def mine() -> dict[str, Any]:
    return make("shop", viewers=["github:vera"])


@pytest.fixture
def vera(mine: dict[str, Any], theirs: dict[str, Any]) -> Client:
    client = Client()
    client.force_login(someone("vera"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def body(answer: Any) -> str:
    if not answer.streaming:
        return str(answer.content.decode())

    async def read() -> str:
        return b"".join([piece async for piece in answer.streaming_content]).decode()

    return asyncio.run(read()) if answer.is_async else b"".join(answer.streaming_content).decode()


def test_no_page_shows_anything_of_another_flavour(vera: Client, theirs: dict[str, Any]) -> None:
    everybody = Client()
    everybody.force_login(factories.make_user("local"), backend="django.contrib.auth.backends.ModelBackend")
    shown = 0
    for address in walk.pages(theirs):
        answer = vera.get(address, {"q": "zz", "logs": "1", "open": "all"})
        shown += SECRET in body(everybody.get(address))
        if answer.status_code == 200:
            # What was asked for is repeated by the page.
            assert SECRET not in body(answer), address
        else:
            assert answer.status_code in (302, 403, 404, 405), address
    assert shown > 17, "nothing is kept from them where nothing is shown to anybody"


def test_no_operation_of_the_api_tells_anything_of_another_flavour(vera: Client, theirs: dict[str, Any]) -> None:
    for method, path in walk.operations(theirs):
        if method == "get" and not path.endswith(("/events", "/stream")):
            answer = vera.get(path, {"q": "zz", "repository": "", "limit": 100})
            # That people work with the deployer is of no flavour: viewers do not.
            expected = (403,) if path == "/api/processes" else (200, 404, 422)
            assert answer.status_code in expected, path
            assert SECRET not in body(answer), path


def test_what_is_ones_own_is_there(vera: Client, mine: dict[str, Any]) -> None:
    for word in ("repositories", "services", "builds", "releases", "deployments", "jobs"):
        assert vera.get(f"/{word}/{mine[word]}/").status_code == 200, word
        assert vera.get(f"/api/{word}/{mine[word]}").status_code == 200, word
    assert "shop log" in body(vera.get(f"/jobs/{mine['jobs']}/log"))
    assert "shop activity" in body(vera.get("/activity/"))
    assert [each["name"] for each in vera.get("/api/flavours").json()["items"]] == ["shop"]
    assert f'href="/services/{mine["services"]}/"' in body(vera.get("/search/", {"q": "shop"}))


#: What the operations of all flavours begin with.
_OF_ALL = ("/api/plugins/", "/api/processes/runners/", "/api/settings/tidy")


def test_nobody_acts_on_what_they_do_not_see(vera: Client, theirs: dict[str, Any]) -> None:
    for method, path in walk.operations(theirs):
        if method == "post" and "/tokens/" not in path:
            answer = vera.post(path, {"reason": "x"}, content_type="application/json")
            # Plugins, runners and tidying up are of no flavour: there is no secret in that there are some.
            expected = (403,) if path.startswith(_OF_ALL) else (404, 422)
            assert answer.status_code in expected, (path, answer.status_code)


def test_a_token_sees_no_more_than_its_owner(theirs: dict[str, Any], mine: dict[str, Any]) -> None:
    _, text = tokens.make(someone("vera"), "nightly", [TokenScope.READ])
    client = Client(headers={"Authorization": f"Bearer {text}"})
    assert client.get(f"/api/services/{mine['services']}").status_code == 200
    assert client.get(f"/api/services/{theirs['services']}").status_code == 404
    assert SECRET not in body(client.get("/api/services"))
    assert client.get("/metrics").status_code == 401


def test_the_numbers_of_all_flavours_are_for_those_who_may_look_at_all(vera: Client) -> None:
    assert vera.get("/metrics").status_code == 401
    assert vera.get("/admin/core/service/").status_code == 302


@pytest.mark.parametrize(
    ("role", "sees"),
    [("viewers", "mine"), ("builders", "mine"), ("admins", "mine"), ("nobody", "nothing"), ("both", "everything")],
)
def test_who_sees_what(role: str, sees: str) -> None:
    mine, other = factories.make_flavour("mine"), factories.make_flavour("other", admins=["github:chief"])
    user = someone("vera")
    names = {"both": ["admins"], "nobody": []}.get(role, [role])
    for name in names:
        Flavour.objects.filter(pk=mine.pk).update(**{name: ["github:Vera"]})
    if role == "both":
        Flavour.objects.filter(pk=other.pk).update(admins=["github:vera"])
    expected = {"mine": frozenset({mine.pk}), "nothing": frozenset(), "everything": None}[sees]
    assert access.visible_flavours(user) == expected


def test_an_admin_of_one_flavour_is_none_of_all_because_no_other_is_seen() -> None:
    mine = factories.make_flavour("mine", admins=["github:vera"])
    factories.make_flavour("other", admins=["github:chief"])
    user = someone("vera")
    with visible.only(frozenset({mine.pk})):
        assert Flavour.objects.count() == 1
        assert not access.is_admin_everywhere(user)
        assert access.visible_flavours(user) == {mine.pk}


def test_rows_to_be_written_are_locked_alone(mine: dict[str, Any]) -> None:
    """A join would lock the row of the flavour with them."""
    from core.models import Service

    key = Flavour.objects.get().pk
    with (
        visible.only(frozenset({key})),
        CaptureQueriesContext(
            connection,
        ) as asked,
    ):
        assert list(Service.objects.all())
    assert " JOIN " not in asked[0]["sql"].partition("WHERE")[0]


def test_without_private_mode_everybody_sees_everything(settings: Any, vera: Client, theirs: dict[str, Any]) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": False})
    assert vera.get(f"/services/{theirs['services']}/").status_code == 200


async def _socket(path: str, client: Client) -> str:
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    if "sessionid" in client.cookies:
        headers.append((b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()))
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
    opened = ApplicationCommunicator(application, scope)
    await opened.send_input({"type": "websocket.connect"})
    answer = (await opened.receive_output(5))["type"]
    await opened.send_input({"type": "websocket.disconnect", "code": 1000})
    await opened.wait(5)
    return str(answer)


def _two() -> tuple[Client, int, int]:
    mine, theirs = make("shop", viewers=["github:vera"]), make(SECRET, viewers=["github:other"])
    client = Client()
    client.force_login(someone("vera"), backend="django.contrib.auth.backends.ModelBackend")
    return client, mine["jobs"], theirs["jobs"]


@pytest.mark.django_db(transaction=True)
async def test_no_socket_sends_the_log_of_another_flavour() -> None:
    client, mine, theirs = await database_sync_to_async(_two)()
    assert await _socket(f"/ws/jobs/{mine}/log", client) == "websocket.accept"
    assert await _socket(f"/ws/jobs/{theirs}/log", client) == "websocket.close"


@pytest.mark.django_db(transaction=True)
async def test_no_stream_tells_of_another_flavour() -> None:
    await database_sync_to_async(_two)()
    user = await User.objects.aget(username="github:vera")
    _, text = await database_sync_to_async(tokens.make)(user, "nightly", [TokenScope.READ])
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {text}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/api/events", "query_string": b"", "headers": headers}
    opened = ApplicationCommunicator(application, {**scope, "http_version": "1.1"})
    await opened.send_input({"type": "http.request", "body": b""})
    assert (await opened.receive_output(10))["status"] == 200
    told = b""
    async with asyncio.timeout(20):
        while b"shop" not in told:
            told += (await opened.receive_output(10)).get("body", b"")
    while not await opened.receive_nothing(0.3):
        told += (await opened.receive_output(1)).get("body", b"")
    assert SECRET.encode() not in told
    await opened.send_input({"type": "http.disconnect"})
    await opened.wait(5)
