"""The overview of more services than fit on a page."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from core.models import Service, Target
from core.web.views import overview
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target with six services of which one is broken, where three are listed."""
    monkeypatch.setattr(overview, "_LISTED", 3)
    target = factories.make_target()
    for number in range(6):
        factories.make_service(f"web-{number}", target=target, status="failed" if number == 5 else "done")
    return target


def listed(client: Client, query: str) -> tuple[list[str], str]:
    """The services that are listed, in their order, and the whole page."""
    page = client.get(f"/{query}").content.decode()
    return re.findall(r"<strong>(web-\d)", page), page


def test_those_that_need_somebody_are_listed_and_the_others_can_be(client: Client, target: Target) -> None:
    names, page = listed(client, "")
    assert names == ["web-5", "web-0", "web-1"]
    assert "3 more are not listed" in page
    assert 'href="?all=1"' in page
    assert ">all 6<" in page
    assert len(listed(client, "?all=1")[0]) == 6
    assert "not listed" not in listed(client, "?all=1")[1]


def test_a_filter_finds_what_was_not_listed(client: Client, target: Target) -> None:
    names, page = listed(client, "?q=web-4")
    assert names == ["web-4"]
    assert "1 of 6 shown" in page
    names, page = listed(client, "?q=web&show=fine")
    assert names == ["web-0", "web-1", "web-2"]
    assert "2 more fit" in page
    assert 'href="?all=1&amp;q=web&amp;show=fine"' in page


def test_of_few_those_that_do_not_fit_are_hidden_for_whoever_types_on(client: Client, target: Target) -> None:
    Service.objects.exclude(name__in=["web-4", "web-5"]).delete()
    names, page = listed(client, "?q=web-4")
    assert names == ["web-5", "web-4"]
    assert page.count(" hidden>\n<td>") == 1
    assert "data-cut" not in page
