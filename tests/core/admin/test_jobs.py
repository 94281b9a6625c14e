"""The list of jobs: approving and cancelling."""

from __future__ import annotations

import pytest

from core.models import Activity
from core.states import JobState, Level
from tests import factories
from tests.core.admin.pages import told

pytestmark = pytest.mark.django_db


def test_jobs_are_approved_in_the_list_and_it_is_recorded(boss):
    jobs = [factories.make_job(level=Level.DANGEROUS, title=f"job {number}") for number in range(2)]
    assert told(boss.act("approve", *jobs, reason="looks good")) in (
        ["2 approved: job 1, job 0"],
        ["2 approved: job 0, job 1"],
    )
    for job in jobs:
        job.refresh_from_db()
        assert job.approved_by == boss.user
    assert {(each.user, each.verb, each.reason) for each in Activity.objects.all()} == {
        (boss.user, "approved", "looks good")
    }


def test_a_job_is_cancelled_in_the_list_with_the_reason(boss):
    job = factories.make_job()
    boss.act("cancel", job, reason="not today")
    job.refresh_from_db()
    assert (job.state, job.reason, job.cancelled_by_person) == (JobState.CANCELLED, "not today", True)


def test_what_cannot_be_done_is_told_and_the_others_are_done(boss):
    over, waiting = factories.make_job(state=JobState.FAILED), factories.make_job()
    messages = told(boss.act("cancel", over, waiting))
    assert f"job {over.pk} cannot be cancelled: it has failed." in messages
    assert "1 cancelled: build job" in messages
    assert Activity.objects.count() == 1


def test_who_may_only_look_can_neither_approve_nor_cancel(staff):
    job = factories.make_job(level=Level.DANGEROUS)
    pages = staff("view_job")
    pages.act("approve", job)
    pages.act("cancel", job)
    job.refresh_from_db()
    assert (job.state, job.approved_by) == (JobState.QUEUED, None)
    assert not Activity.objects.exists()


def test_the_permission_to_change_jobs_lets_approve_and_not_edit(staff):
    job = factories.make_job(level=Level.DANGEROUS)
    pages = staff("change_job")
    assert pages.post(job, title="other").status_code == 403
    pages.act("approve", job)
    job.refresh_from_db()
    assert job.approved_by == pages.user


def test_a_job_leads_to_its_log(boss):
    job = factories.make_job(log="2026-11-23/000001-build.log")
    assert f"/api/jobs/{job.pk}/log" in boss.page(job).rendered_content


def test_jobs_are_found_by_their_commit(boss):
    job = factories.make_job(commit=factories.make_commit("abc" + "0" * 37))
    factories.make_job()
    assert [each.pk for each in boss.list("job", q="abc000").context["cl"].result_list] == [job.pk]
