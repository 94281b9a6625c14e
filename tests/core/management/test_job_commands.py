"""`manage.py approve` and `manage.py cancel`."""

from __future__ import annotations

import os
import pwd
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from core.models import Activity
from core.states import JobState, Level
from tests import factories

pytestmark = pytest.mark.django_db
ME = pwd.getpwuid(os.getuid()).pw_name


def run(command: str, *arguments: object) -> str:
    output = StringIO()
    call_command(command, *map(str, arguments), stdout=output)
    return output.getvalue()


def test_jobs_are_approved_by_a_named_person_with_a_reason():
    anna = User.objects.create_user("anna")
    jobs = [factories.make_job(level=Level.DANGEROUS, title=f"job {number}") for number in range(2)]
    printed = run("approve", *(job.pk for job in jobs), "--reason", "looks good", "--user", "anna")
    assert printed.splitlines() == [f"Approved job {job.pk} as anna: {job.title}" for job in jobs]
    for job in jobs:
        job.refresh_from_db()
        assert job.approved_by == anna
    assert {(each.user, each.reason) for each in Activity.objects.all()} == {(anna, "looks good")}


def test_without_a_name_it_is_recorded_for_who_the_system_says():
    job = factories.make_job(level=Level.DANGEROUS)
    run("approve", job.pk)
    job.refresh_from_db()
    assert job.approved_by is not None
    assert job.approved_by.username == ME
    made, approved = Activity.objects.order_by("pk")
    assert "acts on the command line" in made.reason
    assert (approved.verb, approved.user) == ("approved", job.approved_by)


def test_a_job_is_cancelled_with_its_reason():
    job = factories.make_job()
    run("cancel", job.pk, "--reason", "not today")
    job.refresh_from_db()
    assert (job.state, job.reason) == (JobState.CANCELLED, "not today")


def test_a_cancel_needs_a_reason():
    with pytest.raises(CommandError, match="--reason"):
        run("cancel", factories.make_job().pk)


@pytest.mark.parametrize("command", ["approve", "cancel"])
def test_what_is_refused_is_told_and_the_others_are_done(command):
    over, waiting = factories.make_job(state=JobState.SUCCEEDED), factories.make_job()
    with pytest.raises(CommandError) as raised:
        run(command, over.pk, 10**30, waiting.pk, "--reason", "x")
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"job {over.pk} cannot be")
    assert second == f"there is no job {10**30}"
    waiting.refresh_from_db()
    assert waiting.approved_at or waiting.state == JobState.CANCELLED


def test_an_unknown_person_is_refused_before_anything_is_done():
    User.objects.create_user("anna")
    job = factories.make_job()
    with pytest.raises(CommandError, match="user 'ana': unknown; did you mean 'anna'"):
        run("approve", job.pk, "--user", "ana")
    job.refresh_from_db()
    assert job.approved_by is None


def test_a_job_that_is_named_twice_is_approved_once():
    job = factories.make_job()
    run("approve", job.pk, job.pk)
    assert Activity.objects.filter(verb="approved").count() == 1


def test_a_database_without_tables_is_told_in_a_sentence():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_job RENAME TO elsewhere")
    with pytest.raises(CommandError, match=r"was `manage\.py migrate` run"):
        run("approve", 1)
