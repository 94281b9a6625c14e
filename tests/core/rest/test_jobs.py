"""Jobs: lists, logs, approving, cancelling, again."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from core import configuration
from core.logs.store import LogStore
from core.models import Activity, Job
from core.states import JobKind, JobState, Level
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db
LOG = "2026-11-23/000001-build.log"


@pytest.fixture
def store() -> LogStore:
    return LogStore(configuration.current().logs_dir)


def write(store: LogStore, data: bytes) -> None:
    path = store.path(LOG)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# Lists


def test_jobs_can_be_filtered(anybody):
    job = factories.make_job(JobKind.BUILD, state=JobState.FAILED)
    factories.make_job(JobKind.INPUT, input=factories.make_input())
    for filter in (
        {"state": "failed"},
        {"kind": "build"},
        {"repository": job.repository.name},
        {"flavour": job.flavour.name},
    ):
        assert [each["id"] for each in anybody.get("jobs", **filter).json()["items"]] == [job.pk]
    assert anybody.get("jobs", state="queued", kind="build").json() == {"items": [], "next": None}


def test_pages_lead_from_the_newest_job_to_the_oldest(anybody):
    jobs = [factories.make_job().pk for _ in range(5)]
    seen, before = [], {}
    while True:
        page = anybody.get("jobs", limit=2, **before).json()
        seen += [each["id"] for each in page["items"]]
        # What begins meanwhile moves nothing from one page to the next.
        factories.make_job()
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == sorted(jobs, reverse=True)


def test_a_job_says_why_it_waits(anybody):
    job = factories.make_job(flavour=factories.make_flavour(threshold=Level.AVERAGE), level=Level.DANGEROUS)
    seen = anybody.get(f"jobs/{job.pk}").json()
    assert "Waits for approval" in seen["reason"]
    assert (seen["level"], seen["state"], seen["log_size"]) == ("dangerous", "queued", 0)
    assert anybody.get("jobs").json()["items"][0]["reason"] == seen["reason"]


# Logs


def test_a_log_is_read_from_an_offset_as_it_was_written(anybody, store):
    data = b"one\n\xff\x00\x1b[1mtwo\n<script>"
    write(store, data)
    job = factories.make_job(state=JobState.SUCCEEDED, log=LOG)
    answer = anybody.get(f"jobs/{job.pk}/log")
    assert answer.content == data
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert anybody.get(f"jobs/{job.pk}/log", offset=4, limit=3).content == data[4:7]
    assert anybody.get(f"jobs/{job.pk}").json()["log_size"] == len(data)


def test_a_log_is_read_to_its_end_in_parts(anybody, store):
    data = bytes(range(256)) * 10
    write(store, data)
    job = factories.make_job(state=JobState.FAILED, log=LOG)
    got, offset, complete = b"", 0, "false"
    while complete == "false":
        answer = anybody.get(f"jobs/{job.pk}/log", offset=offset, limit=700)
        got += answer.content
        offset, complete = int(answer.headers["X-Log-Next-Offset"]), answer.headers["X-Log-Complete"]
    assert got == data


def test_the_log_of_a_job_that_runs_is_not_complete(anybody, store):
    write(store, b"begun\n")
    job = factories.make_job(state=JobState.RUNNING, log=LOG)
    answer = anybody.get(f"jobs/{job.pk}/log")
    assert (answer.content, answer.headers["X-Log-Complete"]) == (b"begun\n", "false")


def test_a_job_that_wrote_nothing_has_an_empty_log(anybody, store):
    for log in ("", LOG):
        answer = anybody.get(f"jobs/{factories.make_job(log=log).pk}/log")
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "part", [{"offset": -1}, {"limit": 0}, {"limit": 1 << 30}, {"offset": 10**30}, {"offset": "x"}]
)
def test_a_part_that_no_log_has_is_refused(part, anybody, store, is_problem):
    assert is_problem(anybody.get(f"jobs/{factories.make_job(log=LOG).pk}/log", **part), 422, next(iter(part)))


def test_an_offset_beyond_the_end_finds_nothing(anybody, store):
    write(store, b"short")
    job = factories.make_job(state=JobState.SUCCEEDED, log=LOG)
    assert anybody.get(f"jobs/{job.pk}/log", offset=1 << 40).content == b""


# Actions


def test_a_builder_approves(builder):
    job = factories.make_job(level=Level.DANGEROUS)
    answer = builder.post(f"jobs/{job.pk}/approve", reason="looks good")
    assert answer.status_code == 200
    assert answer.json()["approved_by"] == "bert"
    activity = Activity.objects.get()
    assert (activity.user, activity.verb, activity.reason) == (builder.user, "approved", "looks good")


def test_a_builder_cancels_and_says_why(builder, is_problem):
    job = factories.make_job()
    assert is_problem(builder.post(f"jobs/{job.pk}/cancel"), 422, "reason")
    assert is_problem(builder.post(f"jobs/{job.pk}/cancel", reason="  "), 422, "reason")
    answer = builder.post(f"jobs/{job.pk}/cancel", reason="not today")
    assert (answer.json()["state"], answer.json()["reason"]) == ("cancelled", "not today")


def test_doing_it_again_makes_a_new_job(builder):
    job = factories.make_job(state=JobState.FAILED, build=factories.make_build())
    answer = builder.post(f"jobs/{job.pk}/again", reason="the network was down")
    assert answer.status_code == 201
    new = Job.objects.get(pk=answer.json()["id"])
    assert new.pk != job.pk
    assert (new.fingerprint, new.state) == (job.fingerprint, JobState.QUEUED)


def test_what_is_not_possible_now_is_a_conflict(builder, is_problem):
    over = factories.make_job(state=JobState.SUCCEEDED)
    assert is_problem(builder.post(f"jobs/{over.pk}/cancel", reason="x"), 409, "cannot be cancelled: it has succeeded")
    assert is_problem(builder.post(f"jobs/{over.pk}/approve"), 409, "it does not wait")
    waiting = factories.make_job(exclusive=over.exclusive)
    assert is_problem(builder.post(f"jobs/{over.pk}/again"), 409, f"job {waiting.pk}")


@pytest.mark.parametrize("action", ["approve", "cancel", "again"])
def test_only_who_has_the_role_acts(action, anybody, viewer, is_problem):
    job = factories.make_job()
    assert is_problem(anybody.post(f"jobs/{job.pk}/{action}", reason="x"), 403, "Sign in first")
    assert is_problem(viewer.post(f"jobs/{job.pk}/{action}", reason="x"), 403, "role builder")
    job.refresh_from_db()
    assert (job.state, job.approved_by) == (JobState.QUEUED, None)
    assert not Activity.objects.exists()


def test_an_admin_of_another_flavour_may_not_act_in_this_one(is_problem):
    anna = Api(User.objects.create_user("anna"))
    mine = factories.make_job(flavour=factories.make_flavour(admins=["anna"]))
    theirs = factories.make_job()
    assert anna.post(f"jobs/{mine.pk}/approve").status_code == 200
    assert is_problem(anna.post(f"jobs/{theirs.pk}/approve"), 403, "role builder")


def test_another_site_cannot_have_a_browser_act(builder, is_problem):
    job = factories.make_job()
    tricked = Api(builder.user, enforce_csrf_checks=True)
    assert is_problem(tricked.post(f"jobs/{job.pk}/cancel", reason="x"), 403, "CSRF")
    stranger = Api(enforce_csrf_checks=True)
    assert is_problem(stranger.post(f"jobs/{job.pk}/cancel", reason="x"), 403, "Sign in first")
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
