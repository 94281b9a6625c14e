"""Certificates that do not do, and endpoints that do not answer: each is told with what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.api import OperationError, ServicePlace, Stalled
from core.testing.logs import RecordingLog
from plugins.albatross import client
from plugins.albatross.deployer import AlbatrossDeployer
from tests.containers.registry.images import Publisher
from tests.plugins.albatross.authority import Authority
from tests.plugins.albatross.conftest import deploy, place, released, set_secrets
from tests.plugins.albatross.endpoint import Endpoint


async def observe(service: ServicePlace, tmp_path: Path) -> None:
    await AlbatrossDeployer().observe(service, tmp_path)


async def test_our_certificate_that_has_expired_is_told_with_its_date_and_nothing_is_sent(
    service: ServicePlace, endpoint: Endpoint, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_secrets(monkeypatch, authority.user(expired=True), authority.root_pem)
    with pytest.raises(
        Stalled, match=r"'user' in the secret albatross_certificate has expired on \d{4}-\d\d-\d\d"
    ) as told:
        await observe(service, tmp_path)
    assert str(datetime.now(UTC).year) in str(told.value) or str(datetime.now(UTC).year - 1) in str(told.value)
    assert endpoint.commands == []


async def test_a_host_whose_certificate_has_expired_is_told(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        Endpoint(authority, server=authority.server(expired=True)) as endpoint,
        pytest.raises(Stalled, match=r"the certificate of .* has expired: make a new one on the host"),
    ):
        await observe(place(endpoint), tmp_path)


async def test_a_host_of_another_authority_is_not_told_anything(
    service: ServicePlace,
    endpoint: Endpoint,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    set_secrets(monkeypatch, authority.user(), other.root_pem)
    with pytest.raises(Stalled, match=r"is not of the CA in the secret albatross_server_ca .*cacert\.pem"):
        await observe(service, tmp_path)
    assert endpoint.commands == []


async def test_a_host_that_does_not_know_our_authority_is_told(
    service: ServicePlace, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    set_secrets(monkeypatch, other.user(), authority.root_pem)
    with pytest.raises(Stalled, match="refuses our certificate"):
        await observe(service, tmp_path)


@pytest.mark.parametrize(
    ("secret", "value", "said"),
    [
        (
            "CERTIFICATE",
            "",
            r"our CA's certificate is missing: put it, as PEM, into DEPLOYER_SECRET_ALBATROSS_CERTIFICATE",
        ),
        ("CERTIFICATE", "nonsense", r"the secret albatross_certificate holds no certificate"),
        ("KEY", "", r"our CA's private key is missing"),
        ("KEY", "-----BEGIN PRIVATE KEY-----\nnonsense\n", r"the secret albatross_key holds no private key"),
        ("SERVER_CA", "", r"the CA of the host's certificate is missing"),
        ("SERVER_CA", "nonsense", r"the secret albatross_server_ca holds no certificate"),
    ],
)
async def test_secrets_that_are_missing_or_nonsense_are_named(
    secret: str, value: str, said: str, service: ServicePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"DEPLOYER_SECRET_ALBATROSS_{secret}", value)
    with pytest.raises(Stalled, match=said) as told:
        await observe(service, tmp_path)
    assert "nonsense" not in str(told.value)


async def test_a_key_of_another_certificate_is_told(
    service: ServicePlace, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_KEY", authority.user(name="another").key_pem)
    with pytest.raises(Stalled, match="is not that of the first certificate in albatross_certificate"):
        await observe(service, tmp_path)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("close", "ended the connection without an answer"),
        ("half reply", "ends in the middle"),
        ("garbage", "is not Albatross's protocol"),
        ("mute", "does not answer"),
    ],
)
async def test_an_endpoint_that_gives_no_answer_is_told_and_asked_again(
    fault: str, said: str, service: ServicePlace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "_ANSWER", 0.5)
    endpoint.fault = fault
    with pytest.raises(OperationError, match=said) as told:
        await observe(service, tmp_path)
    assert not isinstance(told.value, Stalled)


async def test_a_host_that_is_lost_after_the_former_one_was_ended_is_told(
    service: ServicePlace, endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    one, two = released(publisher, "one"), released(publisher, "two")
    await deploy(service, one, tmp_path)

    def lose(text: str) -> None:
        if "sending" in text:
            endpoint.fault = "close"

    with pytest.raises(OperationError, match="It is not known what runs now") as told:
        await deploy(service, two, tmp_path, one, RecordingLog(lose))
    assert not isinstance(told.value, Stalled), "it is tried again"
    endpoint.fault = None
    await deploy(service, two, tmp_path, one)
    assert (await AlbatrossDeployer().observe(service, tmp_path / "data")).digest == two.digest
