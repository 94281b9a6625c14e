"""The screen of services."""

from __future__ import annotations

import pytest
from django.utils import timezone

from core.models import Activity, Service
from tests import factories
from tests.core.admin.pages import faults, inline_faults

pytestmark = pytest.mark.django_db


@pytest.fixture
def target():
    return factories.make_target()


def test_a_service_is_added_on_the_page_of_its_target(boss, target):
    service = {"name": "shop", "deployer": "dummy", "options": '{"replicas": 2}', "host": "here", "uri": "http://shop/"}
    assert boss.change(target, services=[service]).status_code == 302
    row = Service.objects.get()
    assert (row.target, str(row), row.options, row.uri) == (target, "shop@here", {"replicas": 2}, "http://shop/")
    assert str(Activity.objects.get()) == "boss added shop@here"


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        pytest.param({"name": "../x"}, "name", "letters, digits", id="a name that is a path"),
        pytest.param({"deployer": "dumm"}, "deployer", "did you mean 'dummy'?", id="a deployer that nobody offers"),
        pytest.param({"options": '{"replicas": "many"}'}, "options", "option 'replicas': Input", id="a wrong type"),
        pytest.param({"host": "-oProxyCommand=x"}, "host", "a host's name", id="a host that looks like an option"),
        pytest.param(
            {"deployer": "host", "options": '{"port": 1, "trial": true}'}, "options", "`trial` needs", id="together"
        ),
        pytest.param({"host": "a b"}, "host", "a host's name", id="a host with a space"),
        pytest.param({"health_check": '{"pth": "/"}'}, "health_check", "did you mean 'path'?", id="no such word"),
        pytest.param({"health_check": '{"status": "ok"}'}, "health_check", "status: Input should", id="a wrong value"),
        pytest.param({"health_check": "[]"}, "health_check", "has to be an object", id="no object"),
        pytest.param({"health_check": "{}"}, "health_check", "nothing to ask", id="a check of nowhere"),
        pytest.param({"drift_policy": "mend"}, "drift_policy", "mend", id="no such policy"),
    ],
)
def test_what_a_flavour_file_could_not_say_is_refused_on_its_field(values, field, said, boss, target):
    right = {"target": target.pk, "name": "shop", "deployer": "dummy"}
    found = faults(boss.add("service", **{**right, **values}))
    assert list(found) == [field]
    assert said in " ".join(found[field])


def test_health_and_drift_are_declared_and_can_be_left_out_again(boss, target):
    service = factories.make_service("shop", uri="https://shop.example", target=target)
    check = '{"path": "/up", "redirects": 2}'
    assert boss.change(service, health_check=check, soak=60, drift_policy="heal").status_code == 302
    service.refresh_from_db()
    assert (service.soak, service.drift_policy) == (60, "heal")
    assert (service.health_check["path"], service.health_check["redirects"], service.health_check["grace"]) == (
        "/up",
        2,
        60,
    )
    assert "soak: None → 60" in Activity.objects.get().reason
    assert boss.change(service, health_check="", soak="", drift_policy="").status_code == 302
    service.refresh_from_db()
    assert (service.health_check, service.soak, service.drift_policy) == (None, None, "")


def test_two_services_of_a_name_on_a_host_are_refused_on_the_page(boss, target):
    service = {"name": "shop", "deployer": "dummy"}
    answer = boss.change(target, services=[service, service])
    assert inline_faults(answer, "services")[1] == {"__all__": ["This service is declared twice on this page."]}


def test_a_service_of_another_repository_is_not_declared_again(boss, target):
    factories.make_service("shop", origin="flavours/acme.py")
    found = faults(boss.add("service", target=target.pk, name="shop", deployer="dummy"))
    assert found == {"name": ["shop is declared already, in flavours/acme.py"]}


def test_a_service_moves_to_another_target_and_keeps_its_history(boss, target):
    service = factories.make_service("shop")
    factories.make_deployment(service=service)
    assert boss.change(service, target=target.pk).status_code == 302
    service.refresh_from_db()
    assert service.target == target
    assert service.deployments.count() == 1


def test_the_page_tells_what_runs_and_why(boss):
    service = factories.make_service(status="failed", reason="it is not healthy")
    deployment = factories.make_deployment(service=service)
    Service.objects.update(observed_at=timezone.now(), observed_detail="1 of 2 tasks")
    shown = boss.page(service).rendered_content
    assert "it is not healthy" in shown
    assert "1 of 2 tasks" in shown
    assert str(deployment.release) in shown
