"""News of one deployment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.api import Commit, News

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RUNNING = News(
    flavour="acme",
    key="deployment-7",
    state="running",
    text="Deploy aaaaaaaaaa as shop: running",
    url="https://d.example.org/jobs/1/",
    service="shop",
    repository="acme/shop",
    commit=Commit(hash="a" * 40, message="Mend the till & say <hello>\n\nAt length.", author="A. Author"),
    commit_url="https://git.example.org/acme/shop/commit/aaaa",
    service_url="https://d.example.org/services/1/",
    uri="https://shop.example.org",
    started_at=AT,
)
WAITING = replace(RUNNING, state="queued", waiting=True, started_at=None)
FAILED = replace(RUNNING, state="failed", reason="it is not healthy: 500", finished_at=AT + timedelta(seconds=8))
DONE = replace(RUNNING, state="succeeded", finished_at=AT + timedelta(seconds=8))
UNHEALTHY = News(
    flavour="acme",
    key="service-1-health-20261123T120000",
    state="unhealthy",
    text="shop is unhealthy. It answers 500",
    url="https://d.example.org/services/1/",
    service="shop",
    repository="acme/shop",
    service_url="https://d.example.org/services/1/",
    reason="It answers 500",
    started_at=AT,
)
HEALTHY = replace(UNHEALTHY, state="healthy", text="shop is healthy again", reason="", recovered=True)
