"""What holds for every screen."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import (
    Activity,
    Approval,
    Build,
    BuilderPools,
    Commit,
    Delivery,
    Deployment,
    GateException,
    Identity,
    Job,
    Message,
    PluginFact,
    PluginIncident,
    PluginSwitch,
    Provenance,
    Ref,
    Release,
    ReleaseChanges,
    Rollback,
    Runner,
)
from tests import factories

pytestmark = pytest.mark.django_db
MODELS = sorted(
    model._meta.model_name for model in apps.get_app_config("core").get_models() if not model._meta.auto_created
)
RECORDS = (
    Delivery,
    Activity,
    Approval,
    Build,
    BuilderPools,
    PluginIncident,
    PluginSwitch,
    Commit,
    Deployment,
    GateException,
    Identity,
    Job,
    Message,
    PluginFact,
    Provenance,
    Ref,
    Release,
    ReleaseChanges,
    Rollback,
    Runner,
)
DECLARED = ("flavour", "input", "recipe", "repository", "service", "target")


def make_one_of_each() -> None:
    """A row of every model, of its own repository."""
    service = factories.make_service()
    deployment = factories.make_deployment(service=service)
    commit = deployment.release.commit
    factories.make_ref(commit=commit, url="https://example.org/live", title="Live")
    factories.make_job(build=factories.make_build(target=service.target, commit=commit))
    factories.make_rollback(service=service, release=deployment.release)
    factories.make_hold(service=service)
    factories.make_approval(job=deployment.job)
    factories.make_gate_exception(service=service)
    factories.make_release_changes(release=deployment.release)
    factories.make_provenance(release=deployment.release)
    factories.make_api_token()
    factories.make_idempotent_call()
    factories.make_input(flavour=service.target.recipe.repository.flavour)
    factories.make_runner()
    factories.make_message()
    factories.make_activity()
    factories.make_delivery()
    factories.make_identity()
    factories.make_plugin_fact()
    factories.make_builder_pools()
    factories.make_plugin_switch()
    factories.make_approval()
    factories.make_gate_exception(service=service)
    factories.make_process()
    factories.make_tidying()
    factories.make_schema()
    factories.make_plugin_incident()
    factories.make_probe()
    factories.make_log_rule()
    factories.make_measurement()
    factories.make_release_changes()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_screen(model, boss):
    make_one_of_each()
    assert boss.list(model).status_code == 200
    row = apps.get_model("core", model)._default_manager.first()
    answer = boss.page(row)
    assert answer.status_code == 200
    assert answer.templates


@pytest.mark.parametrize("model", MODELS)
def test_a_list_of_many_costs_as_many_queries_as_a_list_of_few(model, boss):
    for _ in range(2):
        make_one_of_each()
    with CaptureQueriesContext(
        connection,
    ) as few:
        boss.list(model)
    for _ in range(10):
        make_one_of_each()
    with CaptureQueriesContext(connection) as many:
        boss.list(model)
    assert len(many) == len(few)


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_deleted_in_the_admin_even_by_a_superuser(model, boss, client):
    make_one_of_each()
    row = apps.get_model("core", model)._default_manager.first()
    answer = client.post(reverse(f"admin:core_{model}_delete", args=[row.pk]), {"post": "yes"})
    assert answer.status_code == 403
    assert "delete_selected" not in boss.list(model).rendered_content
    assert type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", RECORDS)
def test_records_are_read_only_even_for_a_superuser(model, boss, client):
    make_one_of_each()
    row = model._default_manager.first()
    name = model._meta.model_name
    assert client.get(reverse(f"admin:core_{name}_add")).status_code == 403
    assert client.post(reverse(f"admin:core_{name}_change", args=[row.pk]), {"reason": "other"}).status_code == 403
    assert boss.page(row).context["has_change_permission"] is False


@pytest.mark.parametrize("model", MODELS)
def test_who_has_no_permission_sees_nothing(model, staff):
    make_one_of_each()
    pages = staff()
    assert pages.list(model).status_code == 403
    assert pages.page(apps.get_model("core", model)._default_manager.first()).status_code == 403


@pytest.mark.parametrize("model", DECLARED)
def test_what_a_flavour_file_declares_is_shown_read_only_with_its_origin(model, boss):
    make_one_of_each()
    row = apps.get_model("core", model)._default_manager.first()
    type(row)._default_manager.update(origin="flavours/acme.py")
    page = boss.page(row)
    assert page.context["has_change_permission"] is False
    assert "Declared in <strong>flavours/acme.py</strong>" in page.rendered_content
    assert 'name="_save"' not in page.rendered_content
    assert boss.post(row, name="other").status_code == 403
    assert "flavours/acme.py" in boss.list(model).rendered_content


@pytest.mark.parametrize("model", DECLARED)
def test_the_list_shows_what_is_in_use_and_on_request_what_is_retired(model, boss):
    make_one_of_each()
    make_one_of_each()
    row = apps.get_model("core", model)._default_manager.first()
    type(row)._default_manager.filter(pk=row.pk).update(retired_at=timezone.now())

    def listed(**query: str) -> set[int]:
        return {each.pk for each in boss.list(model, **query).context["cl"].result_list}

    assert row.pk not in listed()
    assert listed(use="retired") == {row.pk}
    assert listed(use="all") == listed() | {row.pk}


def test_a_title_that_is_markup_is_shown_and_not_obeyed(boss):
    commit = factories.make_commit(message="<script>alert(1)</script>", author="<b>x</b>")
    factories.make_ref(commit=commit, url="javascript:alert(1)", title="<i>y</i>")
    for model in ("commit", "ref"):
        shown = boss.list(model).rendered_content
        assert "<script>alert(1)" not in shown
        assert "<b>x</b>" not in shown
        assert "<i>y</i>" not in shown
        assert "javascript:" not in shown


def test_schedules_keep_their_own_screen(boss, client):
    from django_q.models import Schedule

    assert admin.site.is_registered(Schedule)
    answer = client.get(reverse("admin:django_q_schedule_add"))
    assert answer.status_code == 200
    assert answer.context["has_change_permission"]


def test_the_list_can_be_narrowed_to_where_things_are_declared(boss):
    mine = factories.make_repository()
    theirs = factories.make_repository(origin="flavours/acme.py")

    def listed(declared_in: str) -> list[int]:
        return [each.pk for each in boss.list("repository", declared_in=declared_in).context["cl"].result_list]

    assert listed("-") == [mine.pk]
    assert listed("flavours/acme.py") == [theirs.pk]


def test_a_new_page_shows_objects_where_objects_are_wanted(boss):
    shown = boss.new("repository").context["adminform"].form
    assert shown["options"].value() == "{}"
    assert boss.new("flavour").context["adminform"].form["notifiers"].value() == "[]"
