"""Locking, freezing and deploying again over the API, searching, and reading what was done."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from core import configuration
from core.logs.store import LogStore
from core.models import Service
from core.queries.access import BUILDERS
from tests import factories
from tests.core import shop
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Api:
    user = factories.make_user("ann")
    user.groups.add(Group.objects.get_or_create(name=BUILDERS)[0])
    return Api(user)


def test_a_service_is_locked_until_it_is_unlocked(ann: Api, is_problem: Any) -> None:
    key = factories.make_service().pk
    until = timezone.now() + timedelta(hours=2)
    hold = ann.post(f"services/{key}/lock", reason="moving", until=until.isoformat()).json()["hold"]
    assert (hold["kind"], hold["owner"], hold["reason"]) == ("lock", "ann", "moving")
    assert is_problem(ann.post(f"services/{key}/lock", reason="again"), 409, "Locked by ann")
    assert is_problem(ann.post(f"services/{key}/lock", reason=" "), 422, "reason")
    assert is_problem(ann.post(f"services/{key}/lock", reason="x", until="2026-01-01T00:00:00"), 422, "until")
    assert ann.post(f"services/{key}/unlock").json()["hold"] is None
    assert is_problem(ann.post(f"services/{key}/unlock"), 404, "no such hold")
    verbs = [each["verb"] for each in ann.get("activity", by="ann").json()["items"]]
    assert verbs == ["lifted the lock of", "locked"]


def test_a_flavour_is_frozen_and_its_services_say_so(ann: Api, is_problem: Any) -> None:
    service = factories.make_service()
    name = service.target.recipe.repository.flavour.name
    assert ann.post(f"flavours/{name}/freeze", reason="holidays").json()["hold"]["kind"] == "freeze"
    assert ann.get(f"services/{service.pk}").json()["hold"]["reason"] == "holidays"
    assert ann.get(f"flavours/{name}").json()["hold"]["owner"] == "ann"
    assert ann.post(f"flavours/{name}/unfreeze").json()["hold"] is None
    assert is_problem(Api(factories.make_user("eve")).post(f"flavours/{name}/freeze", reason="x"), 403, "builder")


def test_a_service_is_deployed_again(ann: Api, is_problem: Any) -> None:
    repository = shop.declare()
    assert is_problem(ann.post(f"services/{Service.objects.get().pk}/redeploy"), 409, "never deployed")
    shop.look(repository, live="one")
    shop.run_all(repository)
    answer = ann.post(f"services/{Service.objects.get().pk}/redeploy", reason="it hangs")
    assert answer.status_code == 201
    assert answer.json()["kind"] == "deployment"


def test_what_is_called_so_is_found(ann: Api) -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    found = {each["kind"] for each in ann.get("search", q="shop").json()}
    assert found >= {"service", "repository", "job", "release"}
    commit = ann.get("commits").json()["items"][0]
    assert ann.get("search", q=commit["hash"][:8]).json()[0] == {
        "kind": "commit",
        "id": commit["id"],
        "title": f"{commit['hash'][:10]} {commit['message']}".strip(),
        "detail": f"{repository.name}, {commit['author']}".rstrip(", "),
        "page": f"/commits/{commit['id']}/",
    }
    assert commit["refs"] == ["refs/heads/live"]
    assert ann.get("commits", hash=commit["hash"][:6]).json()["items"] == [commit]
    assert ann.get("search", q="%_'\"").json() == ann.get("search", q=" ").json() == []


def test_logs_are_searched_newest_first_and_further_back_when_asked(ann: Api) -> None:
    jobs = [factories.make_job(log=f"2026-01-01/{number:06}-build.log") for number in range(12)]
    for job in jobs:
        with contextlib.closing(LogStore(configuration.current().logs_dir).open(job.log)) as log:
            log.write(b"one\n\x1b[31mERROR: no space left\x1b[0m\n")
    first = ann.get("search/logs", q="error: NO space").json()
    assert [each["job"] for each in first["hits"]] == [job.pk for job in reversed(jobs[2:])]
    assert first["hits"][0]["lines"] == [{"line": 1, "text": "ERROR: no space left"}]
    rest = ann.get("search/logs", q="no space", before=first["next"]).json()
    assert [each["job"] for each in rest["hits"]] == [jobs[1].pk, jobs[0].pk]
    assert rest["next"] is None
    assert ann.get("search/logs", q="nowhere to be found").json()["hits"] == []
