"""Webhooks of GitHub: every published payload, signed; and what is none."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.api import Asked, Delivery
from plugins.github import webhooks
from tests.github_server import published
from tests.github_server.fixtures import SECRET
from tests.github_server.server import signature

SENT = {"content-type": "application/json", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET", SECRET)


def read(event: str, payload: Any, *, secret: str = SECRET, **headers: str) -> Delivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {**SENT, "x-github-event": event, "x-hub-signature-256": signature(body, secret)}
    return webhooks.read({**sent, **{name.replace("_", "-"): value for name, value in headers.items()}}, body)


def example(event: str, action: str = "") -> dict[str, Any]:
    """A published payload of an event and action."""
    return next(each for each in published.examples(event) if each.get("action", "") == action)


LOOKING = ("push", "create", "delete", "repository", "installation", "installation_repositories")


@pytest.mark.parametrize("event", LOOKING)
def test_whatever_may_change_heads_leads_to_a_look(event: str) -> None:
    for payload in published.examples(event):
        told = read(event, payload)
        assert told.look or told.everything
        assert told.asked == ()


def test_no_published_payload_is_misunderstood() -> None:
    for event, examples in published.webhooks().items():
        for payload in examples:
            told = read(event, payload)
            assert told.event.startswith(event)
            assert told.id == SENT["x-github-delivery"]
            full_name = (payload.get("repository") or {}).get("full_name")
            assert set(told.look) <= {full_name} or event in (*LOOKING, "installation_repositories")


@pytest.mark.parametrize(
    ("action", "looks"),
    [
        ("opened", True),
        ("synchronize", True),
        ("closed", True),
        ("reopened", True),
        ("labeled", False),
        ("locked", False),
    ],
)
def test_of_pull_requests_only_what_changes_heads_leads_to_a_look(action: str, looks: bool) -> None:
    assert bool(read("pull_request", example("pull_request", action)).look) is looks


def test_who_did_it_and_what_it_was_are_told() -> None:
    told = read("pull_request", example("pull_request", "opened"))
    assert (told.event, told.sender, told.look) == ("pull_request.opened", "Codertocat", ("Codertocat/Hello-World",))


def test_a_renamed_repository_is_looked_at_under_both_names() -> None:
    payload = example("repository", "renamed")
    payload["repository"]["full_name"] = "Octocoders/New-Name"
    assert read("repository", payload).look == ("Octocoders/New-Name", "Octocoders/Hello-World")


def test_a_transferred_repository_is_looked_at_at_both_owners() -> None:
    assert set(read("repository", example("repository", "transferred")).look) == {
        "Octocoders/Hello-World",
        "octocat/Hello-World",
    }


def test_an_installation_that_names_no_repository_is_about_all() -> None:
    assert read("installation", example("installation", "suspend")).everything
    assert read("installation", example("installation", "created")).look == ("Codertocat/Hello-World",)


def test_repositories_that_an_app_was_given_or_lost_are_looked_at() -> None:
    for action in ("added", "removed"):
        assert read("installation_repositories", example("installation_repositories", action)).look


@pytest.mark.parametrize("event", ["check_run", "check_suite"])
def test_run_again_is_asked_for_by_a_person(event: str) -> None:
    payload = example(event, "rerequested")
    (asked,) = read(event, payload).asked
    assert asked == Asked(
        verb="rebuild",
        repository=payload["repository"]["full_name"],
        commit=payload[event]["head_sha"],
        person=f"github:{payload['sender']['login']}",
        subject=str(payload["sender"]["id"]),
    )


@pytest.mark.parametrize(("identifier", "verbs"), [("rebuild", ["rebuild"]), ("cancel", ["cancel"]), ("format", [])])
def test_our_own_buttons_are_understood(identifier: str, verbs: list[str]) -> None:
    payload = example("check_run", "requested_action")
    payload["requested_action"]["identifier"] = identifier
    assert [asked.verb for asked in read("check_run", payload).asked] == verbs


@pytest.mark.parametrize("action", ["created", "completed"])
def test_what_our_own_checks_lead_to_is_left_alone(action: str) -> None:
    told = read("check_run", example("check_run", action))
    assert (told.look, told.asked, told.everything) == ((), (), False)


def test_a_ping_and_what_is_unknown_lead_to_nothing() -> None:
    for event in ("ping", "star", "an_event_of_the_future"):
        told = read(event, {"zen": "Design for failure."})
        assert (told.look, told.asked, told.everything) == ((), (), False)


def test_a_form_is_read_as_well() -> None:
    body = urlencode({"payload": json.dumps(example("push"))}).encode()
    assert read("push", body, content_type="application/x-www-form-urlencoded").look


def test_what_to_set_at_github_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = webhooks.setup()
    assert "push, create, delete, pull request, check run, check suite and repository" in said
    assert "DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET" in said
    assert "not set yet" not in said
    monkeypatch.delenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET")
    assert "not set yet" in webhooks.setup()


# What is refused


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(PermissionError, match="signature is wrong"):
        read("push", example("push"), secret="another")


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(PermissionError, match="X-Hub-Signature-256 is missing"):
        read("push", example("push"), x_hub_signature_256="")


def test_a_signature_of_the_older_kind_is_none() -> None:
    with pytest.raises(PermissionError):
        read("push", example("push"), x_hub_signature_256="sha1=0000000000000000000000000000000000000000")


@pytest.mark.parametrize("given", ["sha256=", "sha256=é", "x" * 10_000, "sha256=" + "0" * 64])
def test_no_signature_is_too_odd_to_be_refused(given: str) -> None:
    with pytest.raises(PermissionError):
        read("push", example("push"), x_hub_signature_256=given)


def test_without_a_secret_everything_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET")
    with pytest.raises(PermissionError, match="until their secret is set: DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET"):
        read("push", example("push"))


def test_two_secrets_hold_while_one_takes_the_others_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET", "old\nnew\n")
    assert read("push", example("push"), secret="old").look
    assert read("push", example("push"), secret="new").look
    with pytest.raises(PermissionError):
        read("push", example("push"), secret="old\nnew")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="its body is no JSON"):
        read("push", body)


def test_another_content_type_says_what_to_choose() -> None:
    with pytest.raises(ValueError, match="choose application/json"):
        read("push", example("push"), content_type="text/xml")


def test_without_an_event_it_is_no_webhook_of_github() -> None:
    with pytest.raises(ValueError, match="X-GitHub-Event"):
        read("", example("push"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_FIELDS = ("action", "repository", "sender", "check_run", "changes", "repositories", "requested_action", "installation")


@given(
    event=st.sampled_from(sorted((*LOOKING, "check_run", "check_suite"))),
    payload=st.dictionaries(st.sampled_from(_FIELDS), _JSON),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_payload_makes_it_stumble(event: str, payload: dict[str, Any]) -> None:
    told = read(event, payload)
    assert all(isinstance(name, str) for name in told.look)
