"""Coming in with a token, and asking twice with one key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from core.errors import RefusedError
from core.models import ApiToken, IdempotentCall, Job
from core.queries.access import BUILDERS
from core.services import tokens
from core.states import JobState, TokenScope
from tests import factories

pytestmark = pytest.mark.django_db
BOTH = (TokenScope.READ, TokenScope.ACT)


@pytest.fixture
def bert() -> User:
    user = User.objects.create_user("bert")
    user.groups.add(Group.objects.create(name=BUILDERS))
    return user


def call(text: str, path: str, *, key: str = "", **body: Any) -> Any:
    """A script that asks, from a process that has no session and no cookie."""
    headers = {"Authorization": f"Bearer {text}", **({"Idempotency-Key": key} if key else {})}
    client = Client(enforce_csrf_checks=True, headers=headers)
    if not body:
        return client.get(f"/api/{path}")
    return client.post(f"/api/{path}", body, content_type="application/json")


def test_a_script_acts_as_its_owner_as_far_as_its_scopes_go(bert: User, is_problem: Any) -> None:
    job = factories.make_job()
    _, may_read = tokens.make(bert, "a reader", [TokenScope.READ])
    _, may_act = tokens.make(bert, "an actor", BOTH)
    assert call(may_read, f"jobs/{job.pk}").json()["id"] == job.pk
    refused = call(may_read, f"jobs/{job.pk}/cancel", reason="x")
    assert is_problem(refused, 403, "has not the scope act")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert call(may_act, f"jobs/{job.pk}/cancel", reason="x").status_code == 200
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_token_gives_nobody_a_role(is_problem: Any) -> None:
    job = factories.make_job()
    _, text = tokens.make(factories.make_user(), "x", BOTH)
    assert is_problem(call(text, f"jobs/{job.pk}/cancel", reason="x"), 403, "role builder")


def test_a_token_that_is_not_in_force_is_told_so(bert: User, is_problem: Any) -> None:
    row, text = tokens.make(bert, "x", BOTH, timezone.now() + timedelta(hours=1))
    assert call(text, "jobs").status_code == 200
    answer = call("deployer_nonsense", "jobs")
    assert is_problem(answer, 401, "is not known")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    ApiToken.objects.update(expires_at=timezone.now())
    assert is_problem(call(text, "jobs"), 401, "has expired")
    ApiToken.objects.update(expires_at=None)
    tokens.revoke(row, bert)
    assert is_problem(call(text, "jobs"), 401, "was revoked")
    with pytest.raises(RefusedError, match="revoked already"):
        tokens.revoke(row, bert)


def test_a_token_of_somebody_who_was_deactivated_is_of_no_use(bert: User) -> None:
    _, text = tokens.make(bert, "x", BOTH)
    User.objects.update(is_active=False)
    assert call(text, "jobs").status_code == 401


def test_a_token_opens_the_api_alone(bert: User) -> None:
    _, text = tokens.make(bert, "x", BOTH)
    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/tokens/").status_code == 302


def test_nothing_that_is_kept_of_a_token_lets_somebody_in(bert: User) -> None:
    row, text = tokens.make(bert, "x", BOTH)
    row.refresh_from_db()
    kept = {str(value) for value in vars(row).values()}
    assert not any(text in value for value in kept)
    assert call(row.hash, "jobs").status_code == 401


@pytest.mark.parametrize(
    ("name", "scopes", "hours", "said"),
    [(" ", BOTH, 1, "what the token is for"), ("x", (), 1, "without a scope"), ("x", BOTH, 0, "have expired")],
)
def test_a_token_that_makes_no_sense_is_not_made(
    bert: User, name: str, scopes: tuple[TokenScope, ...], hours: int, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        tokens.make(bert, name, scopes, timezone.now() + timedelta(hours=hours))


def test_a_person_makes_a_token_and_sees_it_once(client: Client, bert: User) -> None:
    client.force_login(bert)
    page = client.post("/tokens/", {"name": "<b>x", "scopes": ["read", "nonsense"], "days": "30"}).content.decode()
    text = page.split('<code class="token">')[1].split("<")[0]
    assert call(text, "jobs").status_code == 200
    again = client.get("/tokens/").content.decode()
    assert text not in again
    assert "&lt;b&gt;x" in again
    assert ApiToken.objects.get().scopes == ["read"]
    other = factories.make_api_token()
    assert client.post(f"/tokens/{other.pk}/revoke").status_code == 404
    client.post(f"/tokens/{ApiToken.objects.get(owner=bert).pk}/revoke")
    assert call(text, "jobs").status_code == 401
    assert "say what the token is for" in client.post("/tokens/", {"name": "", "scopes": "read"}).content.decode()


# Asking twice


def test_what_is_asked_twice_with_one_key_is_done_once(bert: User) -> None:
    _, text = tokens.make(bert, "x", BOTH)
    job = factories.make_job(state=JobState.FAILED, repository=factories.make_repository())
    first = call(text, f"jobs/{job.pk}/again", key="one", reason="x")
    second = call(text, f"jobs/{job.pk}/again", key="one", reason="x")
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert (first.status_code, second.headers["Idempotent-Replayed"]) == (201, "true")
    assert Job.objects.count() == 2
    assert call(text, f"jobs/{job.pk}/again", key="two", reason="x").status_code == 409


def test_a_key_names_one_call_of_one_person(bert: User, is_problem: Any) -> None:
    _, text = tokens.make(bert, "x", BOTH)
    _, other = tokens.make(factories.make_user(is_superuser=True), "x", BOTH)
    job, second = factories.make_job(), factories.make_job()
    assert call(text, f"jobs/{job.pk}/cancel", key="k", reason="x").status_code == 200
    assert is_problem(call(text, f"jobs/{second.pk}/cancel", key="k", reason="x"), 422, "used for another call")
    assert call(other, f"jobs/{second.pk}/cancel", key="k", reason="x").status_code == 200
    assert is_problem(call(text, f"jobs/{job.pk}/cancel", key="k" * 201, reason="x"), 400, "at most 200")


def test_a_call_that_goes_on_is_not_begun_again_before_it_is_lost(bert: User, is_problem: Any) -> None:
    _, text = tokens.make(bert, "x", BOTH)
    job = factories.make_job()
    call(text, f"jobs/{job.pk}/approve", key="k", reason="x")
    IdempotentCall.objects.update(status=None)
    assert is_problem(call(text, f"jobs/{job.pk}/approve", key="k", reason="x"), 409, "just now")
    IdempotentCall.objects.update(at=timezone.now() - timedelta(minutes=2))
    assert call(text, f"jobs/{job.pk}/approve", key="k", reason="x").status_code == 200
