"""Whatever comes from outside, in whatever shape: it is refused with a sentence, or does what it may, and nothing else."""

from __future__ import annotations

import hmac
import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import secrets
from core.errors import ConfigurationError, DeclarationError
from core.logs.lines import lines
from core.logs.render import coloured, plain
from core.logs.store import LogStore
from core.models import Activity, Delivery, Flavour, Job, Repository
from core.pipeline import declaration as d
from core.pipeline import validate
from core.plugins import plugins
from core.services import declarations
from core.values import Delivery as Told
from core.web import webhooks
from ocluster import capability
from ocluster.rpc.sturdy_ref import SturdyRef
from tests import factories
from tests.e2e.harness import ROOT

SLOW = os.environ.get("HYPOTHESIS_PROFILE") == "slow"
MOST = 2000 if SLOW else 40
many = settings(max_examples=MOST, deadline=None, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
#: As GitHub's are, with anything in the place of anything.
payloads = st.fixed_dictionaries(
    {},
    optional={
        "action": json_values | st.sampled_from(["opened", "requested_action", "rerequested", "deleted"]),
        "repository": json_values | st.fixed_dictionaries({"full_name": json_values | st.just("acme/shop")}),
        "repositories": json_values | st.lists(st.fixed_dictionaries({"full_name": json_values}), max_size=3),
        "sender": json_values | st.fixed_dictionaries({"login": json_values, "id": json_values}),
        "changes": json_values,
        "check_run": json_values | st.fixed_dictionaries({"head_sha": json_values, "external_id": json_values}),
        "check_suite": json_values,
        "requested_action": json_values | st.fixed_dictionaries({"identifier": json_values | st.just("rebuild")}),
        "installation": json_values,
        "ref": json_values,
    },
)
EVENTS = ("push", "pull_request", "check_run", "check_suite", "installation", "repository", "ping", "", "\xff")


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET", "open sesame")


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(b"open sesame", body, sha256).hexdigest()


@many
@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4), st.booleans())
def test_no_bytes_and_no_headers_get_a_webhook_past_its_signature(
    signed: None, body: bytes, headers: dict[str, str], named: bool
) -> None:
    given_headers = {name.lower(): value for name, value in headers.items()}
    if named:
        given_headers |= {"x-github-event": "push", "x-hub-signature-256": next(iter(headers.values()), "")}
    with pytest.raises(PermissionError):
        plugins.source("github").webhook(given_headers, {}, body)


@many
@given(payloads | json_values, st.sampled_from(EVENTS), st.sampled_from(["application/json", "text/html", ""]))
def test_whatever_a_signed_webhook_says_it_is_read_or_refused(
    signed: None, payload: Any, event: str, kind: str
) -> None:
    body = json.dumps(payload).encode()
    headers = {"x-hub-signature-256": signature(body), "x-github-event": event, "content-type": kind}
    try:
        told = plugins.source("github").webhook(headers, {}, body)
    except ValueError:
        return
    assert isinstance(told, Told)
    assert all(isinstance(name, str) and len(name) <= 200 for name in told.look)


@pytest.mark.django_db
@settings(max_examples=MOST // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=payloads, event=st.sampled_from(EVENTS), identity=st.text(max_size=250))
def test_a_webhook_leads_to_looks_alone(signed: None, payload: Any, event: str, identity: str) -> None:
    webhooks._by_address.clear()
    webhooks._by_repository.clear()
    Repository.objects.filter(name="acme/shop").exists() or factories.make_repository("acme/shop", source="github")
    body = json.dumps(payload).encode()
    headers = {"x-hub-signature-256": signature(body), "x-github-event": event, "content-type": "application/json"}
    status, said = webhooks.answer("github", {**headers, "x-github-delivery": identity}, {}, body)
    assert status in (200, 202, 400)
    json.dumps(said)
    assert not Job.objects.exists()
    assert not Activity.objects.exists()


@pytest.mark.django_db
@settings(max_examples=MOST // 4, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.text(max_size=30), body=st.binary(max_size=100), query=st.text(max_size=50))
def test_nothing_that_is_posted_to_webhooks_is_a_fault_of_the_deployer(kind: str, body: bytes, query: str) -> None:
    webhooks._by_address.clear()
    client = Client(raise_request_exception=False)
    # As servers hand it on (PEP 3333): bytes, each as a character.
    given = query.encode(errors="surrogatepass").decode("latin-1")
    answer = client.post(f"/webhooks/{kind}", body, content_type="application/json", QUERY_STRING=given)
    assert answer.status_code < 500, (kind, answer.content)
    assert not Delivery.objects.exclude(event="refused").exists()


# What programs print

#: Pieces of what a terminal obeys, in any order.
escapes = st.lists(
    st.sampled_from(
        ["\x1b", "[", "]", "8;;", "https://evil.example", "\x07", "\x1b\\", "0;title", "31m", "2J", "?25l", "P", "\x9b", "\x9d",
         "\r", "\n", "\0", "<script>", "&", "a", "\u202e", "\u2066", "38;5;999m", "48;2;1;2m", "52;c;", "é", "\ud7ff"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
FORBIDDEN = [chr(n) for n in (*range(9), *range(11, 27), *range(28, 32), *range(0x7F, 0xA0), 0x202E, 0x2066)]


@many
@given(escapes | st.text(max_size=60), st.binary(max_size=10))
def test_a_terminal_is_made_to_do_nothing_by_a_log(text: str, more: bytes) -> None:
    shown = coloured(text.encode() + more)
    assert not [each for each in FORBIDDEN if each in shown]
    for sequence in shown.split("\x1b")[1:]:
        assert sequence.startswith("["), shown
        assert sequence[1:].lstrip("0123456789;:").startswith("m"), shown
    assert "\x1b" not in plain(text.encode() + more)


@settings(max_examples=1, deadline=None)
@given(st.lists(escapes | st.text(max_size=60), min_size=MOST, max_size=MOST * 2))
def test_a_page_is_made_to_do_nothing_by_a_log(found: list[str]) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    told = [each.encode("utf-8", "replace").decode().replace("\n", " ") for each in found]
    command = [node, str(ROOT / "tests/security/ansi.mjs")]
    done = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, check=True)
    for line, shown in zip(told, json.loads(done.stdout), strict=True):
        assert shown["plain"] == "".join(part["text"] for part in shown["parts"])
        assert not [each for each in (*FORBIDDEN, "\x1b") if each in shown["plain"]], line
        for part in shown["parts"]:
            assert set(part) <= {"text", "look", "color", "ground"}
            assert all(name in {"b", "d", "i", "u"} or name[0] == "c" for name in part["look"].split()), part
            for colour in (part.get("color"), part.get("ground")):
                assert colour is None or colour.replace("rgb(", "").replace(")", "").replace(" ", "").isdigit()


@many
@given(st.integers(-(2**40), 2**40), st.integers(1, 2000), st.lists(st.binary(max_size=40), max_size=8))
def test_whatever_lines_are_asked_for_they_are_of_the_log(
    tmp_path_factory: Any, first: int, count: int, written: list[bytes]
) -> None:
    store = LogStore(tmp_path_factory.mktemp("logs"))
    log = store.open("a.log")
    for piece in written:
        log.write(piece)
    log.close()
    text = b"".join(written)
    assert len(list(lines(store, "a.log", max(first, 0), count))) <= text.count(b"\n") + 1


# Files that people give


def _told(path: Path) -> str:
    """Why a capability file is refused; empty where it is read."""
    try:
        assert isinstance(capability.read(path, "DEPLOYER_X"), SturdyRef)
    except ConfigurationError as error:
        return str(error)
    return ""


@many
@given(st.binary(max_size=300) | st.text(max_size=120).map(str.encode))
def test_whatever_a_capability_file_has_it_is_read_or_refused_and_not_told(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.mktemp("cap") / "submission.cap"
    path.touch(mode=0o600)
    path.write_bytes(data)
    assert len(data) <= 20 or data.decode(errors="replace").strip() not in _told(path)


@many
@given(st.integers(0, 400), st.binary(min_size=1, max_size=5))
def test_a_capability_file_that_was_damaged_is_refused_and_its_secret_not_told(
    tmp_path_factory: Any, at: int, change: bytes
) -> None:
    secret = b"open sesame, open"
    text = str(SturdyRef(host="ci.example.org", port=9000, fingerprint=bytes(32), service=secret)).encode()
    at = min(at, len(text))
    path = tmp_path_factory.mktemp("cap") / "submission.cap"
    path.touch(mode=0o600)
    path.write_bytes(text[:at] + change + text[at:])
    assert text.rpartition(b"/")[2].decode() not in _told(path)


anything = json_values | st.just("acme/shop") | st.just("dummy") | st.just(1)
words = st.text(max_size=12) | st.sampled_from(
    ["acme/shop", "dummy", "live", "linux/amd64", "github:acme", "shop", "a" * 3000]
)
numbers = st.integers() | st.integers(0, 100)


def declared(text: Any, number: Any, mapping: Any, several: Any) -> Any:
    """Flavours whose parts are drawn from these."""
    used = st.builds(lambda kind, options: d.Use(kind, **options), text | st.just("dummy"), mapping)
    uses = used if text is words else used | anything
    services = st.builds(d.Service, name=text, deployer=uses, host=text, uri=text, notifiers=several(uses))
    targets = st.builds(d.Target, branch=text, image=text, services=several(services), rollout=text, soak=number)
    recipes = st.builds(
        d.Recipe,
        name=text,
        builder=uses,
        platforms=several(text),
        args=mapping,
        targets=several(targets),
        timeout=number,
    )
    return st.builds(
        d.Flavour,
        name=st.just("acme") | text,
        repositories=several(st.builds(d.Repository, name=text, source=uses, recipes=several(recipes), poll=number)),
        inputs=several(st.builds(d.Input, name=text, reader=uses, validity=number)),
        notifiers=several(uses),
        title=text,
        base_url=text,
        admins=several(text),
        viewers=several(text),
    )


def some(each: Any) -> Any:
    return st.lists(each, max_size=2)


arguments = st.dictionaries(st.text("ab", min_size=1, max_size=5), words, max_size=2)
flavours = declared(words, numbers, arguments, some) | declared(
    anything,
    anything,
    st.dictionaries(st.text("ab", min_size=1), anything, max_size=2),
    lambda each: some(each) | anything,
)


@pytest.mark.django_db
@settings(max_examples=MOST * 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(flavour=flavours)
def test_whatever_is_declared_is_applied_whole_or_refused_with_sentences(dummy: Any, flavour: d.Flavour) -> None:
    before = Flavour.objects.count()
    try:
        validate.check(flavour, declarations.offers(), place="somewhere.py")
    except DeclarationError as error:
        faults = error.faults
    else:
        declarations.apply(flavour, "somewhere.py")
        return
    assert faults
    assert all(fault.startswith("somewhere.py: ") for fault in faults)
    assert Flavour.objects.count() == before


HOSTILE = [
    "]]><script>alert(1)</script>",
    '"><svg onload=x>',
    "\x1b[2J\u202egnp",
    "a\0b",
    "é" * 200,
    "&lt;&#0;",
    "'; drop table",
]


@pytest.mark.django_db
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_in_pictures_and_on_pages(name: str) -> None:
    kept = name.replace("\0", "")
    repository = factories.make_repository(kept[:190])
    target = factories.make_target(kept[:90], recipe=factories.make_recipe(kept[:90], repository=repository))
    service = factories.make_service(kept[:90], target=target)
    commit = factories.make_commit(repository=repository, message=kept, author=kept)
    ref = factories.make_ref(f"refs/heads/{kept[:90]}", commit=commit, title=kept)
    client = Client()
    picture = client.get(f"/repositories/{repository.pk}/diagram.svg").content.decode()
    tree = ET.fromstring(picture)
    assert {each.tag.rpartition("}")[2] for each in tree.iter()} & {"script", "foreignObject", "iframe"} == set()
    assert not [name for each in tree.iter() for name in each.attrib if name.startswith("on")]
    for path in (
        "/",
        f"/repositories/{repository.pk}/",
        f"/services/{service.pk}/",
        f"/commits/{commit.pk}/",
        f"/refs/{ref.pk}/",
    ):
        page = client.get(path).content.decode()
        assert "<script>alert(1)" not in page, path
        assert "<svg onload" not in page, path
        assert "\u202e" not in page, path
