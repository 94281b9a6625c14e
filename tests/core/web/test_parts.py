"""Long lists, a part at a time."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from core.models import Job
from core.states import JobKind, JobState
from core.web.parts import Part, part_of
from tests import factories

pytestmark = pytest.mark.django_db


def part(size: int = 3, **asked: object) -> Part:
    return part_of(Job.objects.all(), RequestFactory().get("/", asked), size)


def jobs(count: int) -> list[int]:
    repository = factories.make_repository()
    return [factories.make_job(repository=repository, state=JobState.SUCCEEDED).pk for _ in range(count)][::-1]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 7])
def test_going_to_the_end_and_back_shows_all_of_it(count: int) -> None:
    keys = jobs(count)
    seen, now = [], part()
    while True:
        seen += [row.pk for row in now.rows]
        if now.older is None:
            break
        now = part(before=now.older)
    assert seen == keys
    while now.newer is not None:
        now = part(after=now.newer)
    assert [row.pk for row in now.rows] == keys[:3]


def test_what_comes_meanwhile_moves_nothing() -> None:
    jobs(7)
    first = part()
    second = part(before=first.older)
    jobs(5)
    assert [row.pk for row in part(before=first.older).rows] == [row.pk for row in second.rows]
    back = part(after=second.newer)
    assert back.rows[-1].pk == second.newer + 1


@pytest.mark.parametrize("asked", [{"before": "x"}, {"after": "-1"}, {"before": "9" * 30}, {"after": "٣"}])
def test_a_mistyped_part_is_the_first(asked: dict[str, str]) -> None:
    keys = jobs(4)
    assert [row.pk for row in part(**asked).rows] == keys[:3]


def test_the_end_that_was_thrown_away_leads_back() -> None:
    keys = jobs(4)
    now = part(before=keys[-1])
    assert (now.rows, now.older) == ([], None)
    assert [row.pk for row in part(after=now.newer).rows] == keys[1:]


def test_the_page_of_jobs_keeps_its_filter_and_skips_nothing_by_counting(client: Client) -> None:
    repository = factories.make_repository()
    for _ in range(101):
        factories.make_job(repository=repository, state=JobState.FAILED)
    factories.make_job(JobKind.INPUT, repository=repository)
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/jobs/?state=failed").content.decode()
        older = re.search(r'href="([^"]*)">Older', page)[1].replace("&amp;", "&")
        assert "state=failed" in older
        page = client.get(f"/jobs/{older}").content.decode()
    assert len(set(re.findall(r'href="/jobs/(\d+)/"', page))) == 50
    assert "Newer</a>" in page
    assert not [each for each in queries.captured_queries if "OFFSET" in each["sql"] or "COUNT" in each["sql"]]
