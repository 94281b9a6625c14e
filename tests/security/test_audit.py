"""What people did can be read, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from core.errors import RefusedError
from core.models import Activity
from core.services import activities, audit
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def done() -> Activity:
    return factories.make_activity(user=factories.make_user("ann"), reason="as it was")


@pytest.mark.parametrize(
    "attempt",
    [
        lambda row: row.save(),
        lambda row: row.delete(),
        lambda row: Activity.objects.all().delete(),
        lambda row: Activity.objects.update(reason="another"),
        lambda row: Activity.objects.bulk_update([row], ["reason"]),
        lambda row: Activity.objects.update_or_create(pk=row.pk, defaults={"reason": "another"}),
    ],
)
def test_no_model_method_changes_it(done: Activity, attempt: Any) -> None:
    with pytest.raises(RefusedError, match="never changed"), transaction.atomic():
        attempt(done)
    assert Activity.objects.get().reason == "as it was"


@pytest.mark.parametrize("table", audit.KEPT)
@pytest.mark.parametrize("verb", ["update {} set user_id = user_id", "delete from {}"])
def test_the_database_refuses_it_too(done: Activity, table: str, verb: str) -> None:
    assert done.user
    LogEntry.objects.create(user=done.user, action_flag=ADDITION, object_repr="x")
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        QuerySet(Activity).filter(pk=done.pk).update(reason="another")
    assert (Activity.objects.get().reason, LogEntry.objects.count()) == ("as it was", 1)


def test_nobody_changes_it_in_the_admin_not_even_a_superuser(done: Activity) -> None:
    boss = Client()
    boss.force_login(factories.make_user("boss", is_superuser=True, is_staff=True))
    where = f"/admin/core/activity/{done.pk}"
    assert boss.get(f"{where}/change/").status_code == 200
    for path, form in (
        (f"{where}/change/", {"reason": "another"}),
        (f"{where}/delete/", {"post": "yes"}),
        ("/admin/core/activity/add/", {"verb": "did", "subject": "job 1", "label": "x"}),
    ):
        assert boss.post(path, form).status_code == 403, path
    assert b'value="delete_selected"' not in boss.get("/admin/core/activity/").content
    form = {"action": "delete_selected", "_selected_action": done.pk, "post": "yes"}
    boss.post("/admin/core/activity/", form)
    assert Activity.objects.filter(pk=done.pk, reason="as it was").exists()


def test_whoever_did_something_cannot_be_deleted_and_it_with_them(done: Activity) -> None:
    assert done.user
    other = factories.make_user("edits")
    LogEntry.objects.create(user=other, action_flag=ADDITION, object_repr="x")
    boss = Client()
    boss.force_login(factories.make_user("boss", is_superuser=True, is_staff=True))
    for user in (done.user, other):
        boss.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
        assert User.objects.filter(pk=user.pk).exists()


def test_what_is_old_is_forgotten_by_a_command_that_says_who_and_why(done: Activity) -> None:
    old = factories.make_activity(at=timezone.now() - timedelta(days=400))
    with pytest.raises(CommandError, match="say why"):
        call_command("forget_activities", "--days=365", "--reason= ", "--user=ann")
    call_command("forget_activities", "--days=365", "--reason=the law", "--user=ann")
    assert not Activity.objects.filter(pk=old.pk).exists()
    newest = Activity.objects.latest("pk")
    assert (str(newest), newest.user) == ("ann forgot activities of ann", done.user)
    assert newest.reason.startswith("1 from before ")
    assert newest.reason.endswith(": the law")
    with pytest.raises(IntegrityError), transaction.atomic():
        QuerySet(Activity).filter(pk=done.pk).update(reason="another")


def test_it_says_whose_it_is() -> None:
    deployment = factories.make_deployment()
    flavour = deployment.service.target.recipe.repository.flavour
    for row in (deployment, deployment.service, deployment.job, deployment.release, flavour, factories.make_user()):
        activities.record(None, "saw", row)
    whose = [each.flavour for each in Activity.objects.order_by("pk")]
    assert whose == [flavour] * 5 + [None]
