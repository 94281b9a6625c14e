"""Finding things by words, on the page and through the API."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from core import configuration
from core.logs.store import LogStore
from core.models import Build, Deployment, Job, Release, Repository, Service
from core.queries import search
from core.states import JobState
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def repository() -> Repository:
    """The shop, whose service runs the second of two commits."""
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    return repository


def kinds(words: str) -> set[str]:
    return {hit.kind for hit in search.search(words)}


def write_log(job: Job, text: str) -> None:
    with contextlib.closing(LogStore(configuration.current().logs_dir).open(job.log)) as log:
        log.write(text.encode())


def test_what_is_built_and_deployed_is_found_by_all_that_it_is_known_by(repository: Repository) -> None:
    release = Release.objects.get(commit__hash=shop.hash_of("two"))
    factories.make_activity(user=factories.make_user("ann"))
    everything = {"service", "repository", "release", "deployment", "build", "job"}
    assert kinds("SHOP") == everything
    assert {"commit", "build", "deployment"} <= kinds(shop.hash_of("two")[:8].upper())
    assert {"release", "deployment"} <= kinds(release.digest)
    assert {"release", "deployment"} <= kinds(release.digest.removeprefix("sha256:")[:60])
    assert {"release", "deployment"} <= kinds("acme/shop:live")
    assert {"job", "build", "release", "deployment"} <= kinds("#1")
    assert {"commit", "deployment"} <= kinds("Commit two")
    assert kinds("ann") == {"person"}
    assert kinds("nothing like it") == set()


def test_whoever_did_nothing_is_not_told_of() -> None:
    factories.make_user("secretive")
    assert kinds("secretive") == set()


def test_every_hit_leads_to_a_page(client: Client, repository: Repository) -> None:
    factories.make_activity(user=factories.make_user("shopkeeper"))
    factories.make_ref("shopping", repository=repository)
    page = client.get("/search/", {"q": "shop"}).content.decode()
    found = re.findall(r'<li><a href="([^"]+)"', page)
    assert len(found) > 6
    for address in found:
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address
    assert {hit["page"] for hit in client.get("/api/search", {"q": "shop"}).json()} == {
        each.replace("&amp;", "&") for each in found
    }


@pytest.mark.parametrize(
    "words", ["%", "_", "'; drop table core_job; --", EVIL, "\0", "\x1b[2J", "9" * 15, "#" * 300, "(", "\\", "é", " "]
)
def test_whatever_is_searched_for_is_only_text(client: Client, repository: Repository, words: str) -> None:
    for query in ({"q": words}, {"q": words, "logs": "1"}, {"q": words, "before": "99999999999999999999"}):
        answer = client.get("/search/", query)
        assert answer.status_code == 200
        assert EVIL not in answer.content.decode()
    assert client.get("/api/search", {"q": words}).status_code in (200, 422)


def test_an_empty_search_says_what_can_be_found(client: Client) -> None:
    page = client.get("/search/").content.decode()
    assert "by the beginning of its hash" in page
    assert "Nothing is called" in client.get("/search/", {"q": "xyzzy"}).content.decode()


def test_lines_of_logs_are_found_and_the_search_goes_on_where_it_paused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [factories.make_job(state=JobState.FAILED, log=f"{number}.log") for number in range(3)]
    for job in jobs:
        write_log(job, f"one\ntwo {EVIL}\nno Space left in {job.pk}\n")
    monkeypatch.setattr(search, "_LOGS", 2)
    page = client.get("/search/", {"q": "space left"}).content.decode()
    assert "Search the logs for" in page
    assert "line 3" not in page
    page = client.get("/search/", {"q": "space left", "logs": "1"}).content.decode()
    newest, oldest = jobs[2], jobs[0]
    assert f'<a href="/jobs/{newest.pk}/#L3">line 3</a>' in page
    assert "<mark>Space left</mark>" in page
    assert f"/jobs/{oldest.pk}/" not in page
    [older] = re.findall(r'href="(\?[^"]+)">Search older logs', page)
    page = client.get("/search/" + older.replace("&amp;", "&")).content.decode()
    assert f'<a href="/jobs/{oldest.pk}/#L3">line 3</a>' in page
    assert "There is no older one" in page
    page = client.get("/search/", {"q": EVIL, "logs": "1"}).content.decode()
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_much_costs_as_many_queries_as_little(
    client: Client, repository: Repository, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    service = Service.objects.get()
    for _ in range(20):
        factories.make_deployment(service=service)
    assert Build.objects.exists()
    assert Deployment.objects.count() > 20
    with django_assert_max_num_queries(30):
        client.get("/search/", {"q": "shop"})
    assert sum(hit.kind == "deployment" for hit in search.search("shop")) == search.MOST


def test_every_page_has_the_search(client: Client, repository: Repository) -> None:
    for path in ("/", "/jobs/", f"/jobs/{Job.objects.first().pk}/"):  # type: ignore[union-attr]
        assert 'role="combobox"' in client.get(path).content.decode()


def test_the_filter_of_the_overview_is_in_its_address(client: Client, repository: Repository) -> None:
    for words, hidden in (("SHOP two", False), ("nowhere", True), (EVIL, True)):
        page = client.get("/", {"q": words}).content.decode()
        row = re.search(r'<tr id="service-[^>]+>', page)
        assert row
        assert (" hidden" in row[0]) == hidden
        assert f"{0 if hidden else 1} of 1 shown" in page
        assert EVIL not in page
