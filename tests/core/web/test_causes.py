"""The probable cause of a failure, on the page of its job and in the API."""

from __future__ import annotations

import pytest
from django.test import Client

from core.states import JobState
from tests import factories

pytestmark = pytest.mark.django_db
PLACES = [
    {"path": "src/a.c", "line": 3, "message": "src/a.c, line 3: no <b>"},
    {"path": "src/b.c", "line": 14, "message": "neither"},
]


def test_the_page_of_a_job_begins_with_the_cause_its_lines_and_its_places(client: Client) -> None:
    job = factories.make_job(
        state=JobState.FAILED,
        reason="make exited with status 2",
        cause="src/a.c, line 3: no <b>",
        excerpt="<script>alert(1)</script>\nsrc/a.c:3:1: error: no <b>",
        places=PLACES,
    )
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert page.index("Probable cause") < page.index("make exited with status 2")
    assert "<p>src/a.c, line 3: no &lt;b&gt;</p>" in page
    assert "<code>src/b.c:14</code> neither" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\nsrc/a.c:3:1: error" in page
    assert "<script>alert" not in page


def test_where_no_cause_is_known_the_last_lines_are_there_to_be_opened(client: Client) -> None:
    job = factories.make_job(state=JobState.FAILED, excerpt="the last line")
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Probable cause" not in page
    assert "The last lines of its log" in page
    assert "the last line</pre>" in page


def test_the_api_tells_the_cause(client: Client) -> None:
    job = factories.make_job(state=JobState.FAILED, cause="It failed")
    other = factories.make_job()
    assert client.get(f"/api/jobs/{job.pk}").json()["cause"] == "It failed"
    assert client.get(f"/api/jobs/{other.pk}").json()["cause"] == ""
