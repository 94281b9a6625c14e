"""Approvals and exceptions: one act for the threshold and for gates, kept with who and why, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.errors import RefusedError
from core.models import Activity, Deployment, Flavour, Job, Service
from core.pipeline.gates import Answer
from core.services import approvals, exceptions, gate_answers, gates, identities, jobs
from core.services.scope import Scope
from core.states import JobState, Level
from tests import factories
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(dummy: Dummy) -> Job:
    """A deployment that waits, behind a gate and a threshold."""
    flavour = factories.make_flavour("acme", threshold=Level.DANGEROUS, gates=[["dummy", {}]])
    target = factories.make_target(recipe=factories.make_recipe(repository=factories.make_repository(flavour=flavour)))
    service = factories.make_service("shop", target=target)
    deployment = factories.make_deployment(service=service, state=JobState.QUEUED)
    Job.objects.filter(pk=deployment.job_id).update(level=Level.DANGEROUS)
    return Job.objects.get(pk=deployment.job_id)


def claimed() -> Deployment:
    now = timezone.now()
    (row,) = gate_answers.claim(now, Scope(), jobs.startable(now, Scope()), limit=9)
    return row


def say(job: Job, asked: Deployment | None = None, **hold: Any) -> bool:
    """Have the gate hold it, or let it go where nothing is given."""
    asked = asked or claimed()
    (standing,) = gates.standing_before(Flavour.objects.get(), Service.objects.get())
    known = {"kind": standing.kind, "key": standing.key, "title": standing.title, "exceptions": standing.exceptions}
    now = timezone.now()
    return gate_answers.record(asked, [Answer(**known, holds=bool(hold), **hold)], now + timedelta(minutes=1), now)


def row(job: Job) -> Deployment:
    return Deployment.objects.select_related("job").get(job=job)


def people(*names: str) -> list[User]:
    return [factories.make_user(name) for name in names]


def test_nothing_starts_that_gates_have_not_let_go(job: Job) -> None:
    approvals.approve(job, factories.make_user("ann"))
    assert shop.claim() == []
    say(job, reason="no")
    assert shop.claim() == []
    Deployment.objects.update(gates_due_at=timezone.now())
    say(job)
    assert [each.pk for each in shop.claim()] == [job.pk]


def test_that_it_was_let_go_counts_for_a_short_time_and_is_asked_anew_once_it_may_start(job: Job) -> None:
    say(job)
    Deployment.objects.update(let_go_until=timezone.now() - timedelta(seconds=1))
    now = timezone.now()
    assert not gate_answers.claim(now, Scope(), jobs.startable(now, Scope()), limit=9), "it waits for approval first"
    Deployment.objects.update(gates_due_at=now + timedelta(hours=1))
    Flavour.objects.update(threshold=None)
    assert shop.claim() == []
    assert claimed().job_id == job.pk


def test_two_do_not_ask_at_once_and_what_is_asked_when_something_changes_counts_no_more(job: Job) -> None:
    asked = claimed()
    now = timezone.now()
    assert not gate_answers.claim(now, Scope(), jobs.startable(now, Scope()), limit=9)
    approvals.approve(job, factories.make_user("ann"))
    assert not say(job, asked), "it was asked before the approval"
    assert row(job).let_go_until is None
    assert say(job)


def test_one_act_confirms_and_counts(job: Job) -> None:
    ann, bob, cy = people("ann", "bob", "cy")
    say(job, reason="0 of 2", approvers=("admin",))
    approvals.approve(job, ann, reason="read it")
    approvals.approve(job, ann)
    job.refresh_from_db()
    assert job.approved_by == ann
    assert [each.user for each in job.approvals.all()] == [ann]
    say(job, reason="1 of 2", approvers=("admin",))
    approvals.approve(job, bob)
    say(job)
    with pytest.raises(RefusedError, match="approved already, by ann"):
        approvals.approve(job, cy)
    assert Activity.objects.filter(verb="approved").count() == 2


def test_an_approval_of_somebody_without_the_role_counts_for_gates_alone(job: Job) -> None:
    (flo,) = people("flo")
    say(job, reason="0 of 1", approvers=("flo",))
    approvals.approve(job, flo, confirms=False)
    job.refresh_from_db()
    assert job.approved_by is None
    say(job)
    with pytest.raises(RefusedError, match="does not wait for your approval"):
        approvals.approve(job, factories.make_user("gil"), confirms=False)


def test_who_approved_takes_it_back_until_it_starts(job: Job) -> None:
    ann, bob = people("ann", "bob")
    say(job, reason="0 of 2", approvers=("admin",))
    approvals.approve(job, ann)
    approvals.approve(job, bob)
    say(job)
    approvals.take_back(job, ann, reason="I looked again")
    job.refresh_from_db()
    assert job.approved_by == bob, "there is another who confirmed it"
    assert row(job).let_go_until is None
    with pytest.raises(RefusedError, match="ann has not approved job"):
        approvals.take_back(job, ann)
    say(job)
    approvals.take_back(job, bob)
    job.refresh_from_db()
    assert (job.approved_by, job.approved_at) == (None, None)
    approvals.approve(job, bob)
    say(job)
    (started,) = shop.claim()
    with pytest.raises(RefusedError, match="cannot be taken back: it does not wait"):
        approvals.take_back(started, bob)


def test_an_exception_is_from_one_gate_for_one_deployment_or_for_a_time(job: Job) -> None:
    (ann,) = people("ann")
    service = Service.objects.get()
    standing = gates.standing_before(Flavour.objects.get(), service)
    for wrong, said in (
        ({"reason": " ", "job": job}, "say why"),
        ({"reason": "x"}, "say for how long"),
        ({"reason": "x", "until": timezone.now() - timedelta(hours=1)}, "ended already"),
    ):
        with pytest.raises(RefusedError, match=said):
            exceptions.grant(service, standing, ann, **wrong)  # type: ignore[arg-type]
    (granted,) = exceptions.grant(service, standing, ann, reason="it burns", job=job)
    with pytest.raises(RefusedError, match="let through already"):
        exceptions.grant(service, standing, ann, reason="it burns", job=job)
    say(job, reason="no")
    (answer,) = gates.answers(row(job))
    assert (answer.holds, answer.excepted) == (False, f"ann lets job {job.pk} through gate dummy: it burns")
    exceptions.revoke(granted, ann)
    with pytest.raises(RefusedError, match="in force no more"):
        exceptions.revoke(granted, ann)
    say(job, reason="no")
    assert row(job).let_go_until is None
    exceptions.grant(service, standing, ann, reason="it burns", until=timezone.now() + timedelta(hours=1))
    Flavour.objects.update(gates=[["dummy", {"name": "another"}]])
    Deployment.objects.update(gates_due_at=None)
    say(job, reason="no")
    assert gates.holds(row(job)), "for a gate that was declared otherwise since it counts no more"


def test_a_gate_without_exceptions_has_none(job: Job) -> None:
    Flavour.objects.update(gates=[["dummy", {"exceptions": "nobody"}]])
    standing = gates.standing_before(Flavour.objects.get(), Service.objects.get())
    with pytest.raises(RefusedError, match="has no exceptions"):
        exceptions.grant(Service.objects.get(), standing, factories.make_user(), reason="x", job=job)


def test_rollbacks_pass_unless_the_option_says_otherwise(dummy: Dummy) -> None:
    passes, holds = gates.standing_before(
        factories.make_flavour(gates=[["dummy", {}], ["dummy", {"rollbacks": True}]]), factories.make_service()
    )
    assert not passes.asks(rollback=True)
    assert holds.asks(rollback=True)
    assert passes.asks(rollback=False)


def test_what_had_begun_goes_on_after_a_crash_and_is_asked_anew_after_an_error(job: Job) -> None:
    approvals.approve(job, factories.make_user("ann"))
    say(job)
    (started,) = shop.claim("lost")
    assert jobs.take_back(["lost"], timezone.now()) == 1
    (again,) = shop.claim()
    assert again.pk == started.pk, "half-way is nowhere"
    claim = jobs.Claim(again.pk, again.runner)
    jobs.put_back(claim, reason="it does not answer", not_before=timezone.now(), counts=True)
    assert shop.claim() == []


@pytest.mark.parametrize(
    ("author", "wrote"),
    [
        ("Ann Author <ann@example.org>", True),
        ("Somebody <ANN@example.org>", True),
        ("ann <ann@laptop>", True),
        ("Ann Author", True),
        ("X <12+whoever@users.noreply.github.com>", True),
        ("X <13+ann-gh@users.noreply.github.com>", False),
        ("X <ann-gh@users.noreply.github.com>", True),
        ("ann-gh <x@y>", True),
        ("Bob <bob@example.org>", False),
        ("", False),
        ("<>", False),
    ],
)
def test_an_author_is_known_by_address_number_login_and_name(author: str, wrote: bool) -> None:
    user = factories.make_user("ann", email="ann@example.org", first_name="Ann", last_name="Author")
    factories.make_identity(user=user, subject="12", login="ann-gh")
    assert identities.wrote(user, author) is wrote
    assert not identities.wrote(factories.make_user("stranger"), author)
