"""What can be declared of a service's health and drift, and what is wrong with the rest."""

from __future__ import annotations

import pytest

from core.pipeline.declaration import Flavour, HealthCheck, Service, Use
from core.pipeline.snippet import write
from core.pipeline.validate import Offers, faults_of, service_faults
from core.values import Options

OFFERS = Offers({}, {}, {"swarm": type("Swarm", (), {"Options": Options})}, {}, {}, {}, {}, {})
URI = "https://shop.example.org"


@pytest.mark.parametrize(
    "service",
    [
        Service("shop", Use("swarm"), uri="shop.example.org", check=HealthCheck()),
        Service("shop", Use("swarm"), check=HealthCheck(uri="tcp://10.0.0.1:5432")),
        Service("shop", Use("swarm"), uri=URI, check=HealthCheck(path="/up", status=204, redirects=3), soak=0),
        Service("shop", Use("swarm"), soak=600, drift="heal"),
    ],
)
def test_what_is_right_has_no_fault(service: Service) -> None:
    assert list(service_faults(service, OFFERS)) == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"check": HealthCheck()}, "check: uri: neither the check nor the service has one, so there is nothing to ask"),
        (
            {"check": HealthCheck(uri="ftp://x")},
            "check: uri 'ftp://x': it is `http://…`, `https://…` or `tcp://host:port`",
        ),
        ({"check": HealthCheck(uri="tcp://x")}, "check: uri 'tcp://x': it is"),
        ({"check": HealthCheck(uri="https://")}, "check: uri 'https://': it is"),
        ({"check": HealthCheck(uri="http://x:port/")}, "check: uri 'http://x:port/': it is"),
        ({"check": HealthCheck(uri="http://x y/")}, "check: uri 'http://x y/': it is"),
        ({"check": HealthCheck(uri="tcp://x:1", path="/up")}, "check: uri: of a tcp:// address only the connection"),
        ({"check": HealthCheck(path="up"), "uri": URI}, "check: path 'up': it begins with `/`"),
        ({"check": HealthCheck(status=0), "uri": URI}, "check: status 0: it is a status of HTTP, such as 200"),
        ({"check": HealthCheck(timeout=0), "uri": URI}, "check: timeout 0: it is a number of seconds from 1 to 3600"),
        ({"check": HealthCheck(redirects=11), "uri": URI}, "check: redirects 11: it is a number from 0 to 10"),
        ({"soak": -1}, "soak -1: it is a number of seconds, 0 for none"),
        ({"drift": "heel"}, "drift 'heel': unknown; did you mean 'heal'?"),
    ],
)
def test_what_is_wrong_is_told(fields: dict[str, object], fault: str) -> None:
    (found,) = service_faults(Service("shop", Use("swarm"), **fields), OFFERS)  # type: ignore[arg-type]
    assert found.startswith(fault)


def test_a_flavour_says_what_is_done_about_drift() -> None:
    assert list(faults_of(Flavour("acme", drift="heal"), OFFERS)) == []
    assert list(faults_of(Flavour("acme", drift="no"), OFFERS)) == ["drift 'no': unknown; there are: ask, heal, off"]


def test_what_the_admin_declares_is_written_as_a_flavour_file_has_it() -> None:
    service = Service("shop", Use("swarm"), uri=URI, check=HealthCheck(path="/up"), soak=60, drift="off")
    assert eval(write(service)) == service
