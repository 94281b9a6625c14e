"""`/metrics`, and the dashboard and alert rules that ask for what is there."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from core import metrics
from core.services import facts, pools, tokens
from core.states import JobState, Level, TokenScope
from core.values import Fact
from tests import factories
from tests.dummy_plugin.roles import BUILT

pytestmark = pytest.mark.django_db

GRAFANA = Path(__file__).parents[3] / "docs/grafana"


def scrape(client: Any, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, by name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def offered(client: Any) -> set[str]:
    """The name of every series that there can be."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", client.get("/metrics").content.decode(), re.MULTILINE):
        names |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def test_it_tells_how_things_stand_and_what_was_measured(client: Any) -> None:
    factories.make_runner()
    factories.make_job(state=JobState.QUEUED)
    factories.make_hold()
    service = factories.make_service(current=factories.make_release(), current_digest="a", observed_digest="b")
    service.observed_at = timezone.now()
    service.save()
    metrics.QUEUED.measure(3, kind="build")
    BUILT.count(purpose="check")
    facts.record(
        "git", [Fact(label='a "b"\n', text="", warning=True, numbers={"left": 7, "Not a name": 1})], timezone.now()
    )
    found = scrape(client)
    flavour = service.target.recipe.repository.flavour.name
    assert found["deployer_runners", ()] == 1
    assert found["deployer_jobs", (("kind", "build"), ("state", "queued"))] == 1
    assert found["deployer_jobs", (("kind", "deployment"), ("state", "running"))] == 0
    assert found["deployer_holds", (("kind", "freeze"),)] == 1
    assert found["deployer_services_drifted", (("flavour", flavour),)] == 1
    assert found["deployer_job_queue_seconds_bucket", (("kind", "build"), ("le", "2.5"))] == 0
    assert found["deployer_job_queue_seconds_bucket", (("kind", "build"), ("le", "5.0"))] == 1
    assert found["deployer_job_queue_seconds_bucket", (("kind", "build"), ("le", "+Inf"))] == 1
    assert found["deployer_job_queue_seconds_sum", (("kind", "build"),)] == 3
    assert found["deployer_plugin_dummy_built_total", (("purpose", "check"),)] == 1
    assert found["deployer_plugin_git_left", (("fact", 'a "b"\n'),)] == 7
    assert found["deployer_plugin_warnings", (("plugin", "git"),)] == 1


def test_requests_are_counted_by_their_route_and_not_by_their_address(client: Any) -> None:
    for address in ("/jobs/1/", "/jobs/2/", "/nothing/1", "/nothing/2"):
        client.get(address)
    found = {
        dict(labels)["route"]: n
        for (name, labels), n in scrape(client).items()
        if name.endswith("request_seconds_count")
    }
    assert found == {"jobs/<int:pk>/": 2, "none": 2}


def test_it_asks_as_often_however_much_there_is(client: Any, django_assert_max_num_queries: Any) -> None:
    for _ in range(3):
        factories.make_service()
        factories.make_job(state=JobState.QUEUED, pool="builder host")
        factories.make_builder_pools(builder=f"b{_}")
    client.get("/metrics")
    with django_assert_max_num_queries(22):
        client.get("/metrics")
    assert pools.capacity_of("builder host") != 0


def test_where_pages_are_private_it_needs_a_token(client: Any, settings: Any) -> None:
    change = {"private": True, "metrics_token": "for-prometheus"}
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update=change)
    _, reads = tokens.make(factories.make_user("ann"), "p", {TokenScope.READ}, None)
    _, acts = tokens.make(factories.make_user("bob"), "q", {TokenScope.ACT}, None)
    for given in ("", "Bearer ", "Bearer wrong", f"Bearer {acts}", "Basic for-prometheus"):
        answer = client.get("/metrics", headers={"Authorization": given})
        assert answer.status_code == 401, given
        assert b"DEPLOYER_METRICS_TOKEN" in answer.content
    for given in ("Bearer for-prometheus", f"bearer {reads}"):
        assert scrape(client, Authorization=given)
    client.force_login(factories.make_user("eve"))
    assert scrape(client)
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"metrics_token": ""})
    client.logout()
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def names_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for: names outside of label matchers, `by (…)` and words of PromQL."""
    without = re.sub(r"\{[^}]*\}|\b(by|without)\s*\([^)]*\)|\[[^\]]*\]|offset \w+", " ", expression)
    words = set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", without))
    return words - {"sum", "rate", "increase", "histogram_quantile", "or", "and", "offset", "up"}


def expressions() -> list[str]:
    dashboard = json.loads((GRAFANA / "deployer.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    rules = yaml.safe_load((GRAFANA / "rules.yml").read_text())
    return asked + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def test_the_dashboard_and_the_rules_ask_for_what_is_offered(client: Any) -> None:
    # What a plugin tells, as GitHub's does once it was asked.
    numbers = {"rate_limit": 5000, "rate_limit_remaining": 4000}
    facts.record("github", [Fact(label="graphql, a token", text="", numbers=numbers)], timezone.now())
    there = offered(client)
    asked = {name for expression in expressions() for name in names_in(expression)}
    assert len(asked) > 25
    assert asked <= there, asked - there


def test_its_panels_do_not_lie_on_each_other() -> None:
    panels = json.loads((GRAFANA / "deployer.json").read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_it_counts_what_waits_for_approval_and_nothing_else(client: Any) -> None:
    soon, over = timezone.now() + timedelta(hours=1), timezone.now() - timedelta(hours=1)
    for level, fields in (
        (Level.DANGEROUS, {"threshold": Level.AVERAGE}),
        (Level.AVERAGE, {"threshold": Level.AVERAGE, "threshold_lifts_at": soon}),
        (Level.HARMLESS, {"threshold": Level.AVERAGE}),
        (Level.DANGEROUS, {"threshold": Level.AVERAGE, "threshold_lifts_at": over}),
        (Level.DANGEROUS, {}),
    ):
        factories.make_job(flavour=factories.make_flavour(**fields), state=JobState.QUEUED, level=level)
    approved = factories.make_flavour(threshold=Level.HARMLESS)
    factories.make_job(flavour=approved, state=JobState.QUEUED, approved_at=over)
    assert scrape(client)["deployer_jobs_waiting_for_approval", ()] == 2
