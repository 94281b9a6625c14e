"""Who changed what, when and why: of each declared thing."""

from __future__ import annotations

import pytest
from django.urls import reverse

from core.models import Repository
from core.pipeline.declaration import Flavour, Use
from core.pipeline.declaration import Repository as Declared
from core.services import admin_edits, declarations
from tests import factories

pytestmark = pytest.mark.django_db


def shown(client, row: object) -> str:
    answer = client.get(reverse("admin:core_repository_history", args=[row.pk]))  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_a_person_changes_is_listed_with_the_reason(boss, client):
    row = factories.make_repository("acme/shop")
    assert "Nothing is recorded" in shown(client, row)
    row.poll = 7
    admin_edits.change(row, boss.user, ["poll"])
    admin_edits.retire(row, boss.user, reason="<b>moved</b>")
    text = shown(client, row)
    assert "poll: 120 → 7" in text
    assert "&lt;b&gt;moved&lt;/b&gt;" in text
    assert "boss" in text


def test_what_a_flavour_file_changes_is_listed_too(boss, client):
    def apply(*repositories: Declared) -> None:
        declarations.apply(Flavour("acme", repositories), "flavours/acme.py")

    for poll in (60, 60, 90):
        apply(Declared("acme/shop", Use("git", url="/x"), poll=poll))
    apply()
    text = shown(client, Repository.objects.get())
    assert text.count("<td>the deployer</td>") == 3
    assert "Declared in <strong>flavours/acme.py</strong>" in text
    for said in ("declared acme/shop", "flavours/acme.py; poll: 60 → 90", "flavours/acme.py declares it no more"):
        assert said in text


def test_history_costs_a_bounded_number_of_queries(boss, client, django_assert_max_num_queries):
    row = factories.make_repository("acme/shop")
    for number in range(60):
        factories.make_activity(subject=f"repository {row.pk}", user=boss.user, reason=str(number))
    with django_assert_max_num_queries(12):
        assert "1 of 2" in shown(client, row)


def test_who_may_not_look_sees_no_history(staff, client):
    row = factories.make_repository("acme/shop")
    staff()
    assert client.get(reverse("admin:core_repository_history", args=[row.pk])).status_code == 403
