"""What is attested of releases and deployments: complete, always the same, readable by others, signed, and without secrets.

Others are the published protobuf definitions of in-toto and SLSA (`in-toto-attestation`), and `cryptography`.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.core.management import CommandError, call_command
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2

from core import signing
from core.errors import ConfigurationError, RefusedError
from core.models import Deployment, Provenance, Release
from core.pipeline import statements
from core.queries import provenance
from core.queries.provenance import Form
from core.services import outcomes
from core.services import provenance as records
from core.states import JobKind, JobState
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db

OPAM, BASE = "c" * 40, factories.digest_of("base")


@pytest.fixture
def release() -> Release:
    """Published just now, for two platforms, with inputs, after it was approved."""
    flavour = factories.make_flavour("acme", base_url="https://deploy.example.org/")
    for name, value in (("opam", OPAM), ("base", BASE), ("channel", "stable")):
        factories.make_input(name, flavour=flavour, value=value)
    repository = factories.make_repository("acme/shop", flavour=flavour)
    args = {
        "OPAM": {"input": "opam"},
        "BASE": {"input": "base"},
        "CHANNEL": {"input": "channel"},
        "TOKEN": "open sesame",
    }
    recipe = factories.make_recipe(repository=repository, args=args, platforms=["linux/amd64", "linux/arm64"])
    target = factories.make_target(recipe=recipe, image="registry.example.org/shop:live")
    commit = factories.make_commit("a" * 40, repository=repository)
    row = factories.make_release(target=target, commit=commit, digest="", published_at=None)
    filled = {"OPAM": OPAM, "BASE": BASE, "CHANNEL": "stable", "TOKEN": "open sesame"}
    for platform in recipe.platforms:
        build = factories.make_build(target=target, commit=commit, platform=platform, args=filled)
        factories.make_job(build=build, state=JobState.SUCCEEDED, value="an image")
        row.builds.add(build)
    boss = factories.make_user("boss")
    job = factories.make_job(
        JobKind.RELEASE,
        release=row,
        state=JobState.SUCCEEDED,
        value=factories.digest_of("index"),
        approved_by=boss,
        approved_at=factories.timezone.now(),
    )
    records.note_manifests(row, {"linux/amd64": factories.digest_of("amd"), "linux/arm64": factories.digest_of("arm")})
    outcomes.record(job, None)
    row.refresh_from_db()
    return row


@pytest.fixture
def deployment(release: Release) -> Deployment:
    return factories.make_deployment(release=release)


def told(data: bytes) -> dict[str, Any]:
    return json.loads(data)


def read(data: bytes) -> statement_pb2.Statement:
    """As the published definition reads it, which refuses names of fields that it does not know."""
    return json_format.Parse(data, statement_pb2.Statement())


def use_key(settings: Any, tmp_path: Any, key: Any) -> None:
    path = tmp_path / "key.pem"
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(*formats))
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"provenance_key": str(path)})


def test_a_release_is_a_statement_about_its_index_and_every_image_in_it(release):
    statement = read(provenance.of_release(release.pk, Form.STATEMENT))
    assert statement.type == "https://in-toto.io/Statement/v1"
    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    found = {each.name: each.digest["sha256"] for each in statement.subject}
    assert found == {
        "registry.example.org/shop:live": factories.digest_of("index").removeprefix("sha256:"),
        "registry.example.org/shop:live?platform=linux/amd64": factories.digest_of("amd").removeprefix("sha256:"),
        "registry.example.org/shop:live?platform=linux/arm64": factories.digest_of("arm").removeprefix("sha256:"),
    }


def test_its_predicate_is_provenance_as_slsa_defines_it(release):
    document = told(provenance.of_release(release.pk, Form.STATEMENT))["predicate"]
    predicate = json_format.ParseDict(document, provenance_pb2.Provenance())
    definition, run = predicate.build_definition, predicate.run_details
    assert definition.build_type == "urn:deployer:build:v1"
    given = json_format.MessageToDict(definition.external_parameters)
    assert given["repository"] == "acme/shop"
    assert (given["ref"], given["commit"], given["recipe"]) == ("refs/heads/live", "a" * 40, "web")
    assert given["platforms"] == ["linux/amd64", "linux/arm64"]
    assert given["args"]["CHANNEL"] == "stable"
    assert json_format.MessageToDict(definition.internal_parameters)["approvedBy"] == "boss"
    assert {each.name: dict(each.digest) for each in definition.resolved_dependencies} == {
        "source": {"gitCommit": "a" * 40},
        "input: opam": {"gitCommit": OPAM},
        "input: base": {"sha256": BASE.removeprefix("sha256:")},
        "input: channel": {},
    }
    assert definition.resolved_dependencies[2].content == b"stable"
    assert run.builder.id == "https://deploy.example.org/builders/dummy"
    assert set(run.builder.version) == {"deployer"}
    assert run.metadata.invocation_id == f"https://deploy.example.org/jobs/{release.job_id}/"
    assert run.metadata.started_on.ToDatetime() <= run.metadata.finished_on.ToDatetime()
    assert len(run.byproducts) == 3
    assert all(each.uri.endswith("/log") for each in run.byproducts)


def test_the_same_release_gives_the_same_bytes_whatever_is_declared_afterwards(release):
    first = provenance.of_release(release.pk, Form.STATEMENT)
    recipe = release.target.recipe
    recipe.args, recipe.builder = {}, "another"
    recipe.save()
    release.builds.first().jobs.update(started_at=None)
    assert provenance.of_release(release.pk, Form.STATEMENT) == first
    assert first == statements.encoded(told(first))


def test_what_was_published_before_it_was_written_down_is_told_by_what_is_known(release):
    Provenance.objects.all().delete()
    document = told(provenance.of_release(release.pk, Form.STATEMENT))
    json_format.ParseDict(document["predicate"], provenance_pb2.Provenance())
    assert len(document["subject"]) == 1
    assert "version" not in document["predicate"]["runDetails"]["builder"]


def test_nothing_is_attested_of_what_is_not_there_yet(anybody, is_problem):
    row = factories.make_release(digest="")
    assert is_problem(anybody.get(f"releases/{row.pk}/provenance"), 409, "not published yet")
    waits = factories.make_deployment(state=JobState.QUEUED)
    assert is_problem(anybody.get(f"deployments/{waits.pk}/provenance"), 409, "has not ended yet")
    assert is_problem(anybody.get("releases/999999/provenance"), 404, "no such release")


def test_a_deployment_is_a_statement_about_the_digest_that_was_deployed(release):
    ann = factories.make_user("ann")
    job = factories.make_job(
        JobKind.DEPLOYMENT, state=JobState.SUCCEEDED, repository=release.commit.repository, approved_by=ann
    )
    service = factories.make_service("shop", target=release.target, host="web1")
    row = factories.make_deployment(
        service=service, release=release, job=job, rollback=True, asked_by=ann, asked_why="it leaks"
    )
    Release.objects.filter(pk=release.pk).update(digest=factories.digest_of("published again"))
    data = provenance.of_deployment(row.pk, Form.STATEMENT)
    statement = read(data)
    assert statement.predicate_type == "urn:deployer:deployment:v1"
    assert [dict(each.digest) for each in statement.subject] == [
        {"sha256": factories.digest_of("index").removeprefix("sha256:")}
    ]
    predicate = told(data)["predicate"]
    assert predicate["service"] == {"name": "shop", "host": "web1", "deployer": "dummy", "flavour": "acme"}
    assert (predicate["cause"], predicate["askedBy"], predicate["askedWhy"]) == ("rollback", "ann", "it leaks")
    assert (predicate["approvedBy"], predicate["outcome"], predicate["rollback"]) == ("ann", "succeeded", True)
    assert provenance.of_deployment(row.pk, Form.STATEMENT) == data


def test_no_secret_is_in_it(release, monkeypatch, tmp_path, settings):
    """Neither one that was known when it was written down, nor one that became known since."""
    (tmp_path / "registry").write_text("open sesame\n")
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"secrets_dir": tmp_path})
    assert b"sesame" not in provenance.of_release(release.pk, Form.STATEMENT)
    records.record(release.pk)
    kept = Provenance.objects.get().statement
    assert kept["predicate"]["buildDefinition"]["externalParameters"]["args"]["TOKEN"] == "[redacted]"
    monkeypatch.setenv("DEPLOYER_SECRET_CHANNEL", "stable")
    records.record(release.pk)
    document = told(provenance.of_release(release.pk, Form.STATEMENT))
    json_format.ParseDict(document["predicate"], provenance_pb2.Provenance())
    assert b64decode(document["predicate"]["buildDefinition"]["resolvedDependencies"][2]["content"]) == b"[redacted]"


def verify(envelope: dict[str, Any], public: Any) -> bytes:
    """By DSSE's protocol, written down here a second time."""
    payload = b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 " + b" ".join([str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    [signature] = envelope["signatures"]
    signed = b64decode(signature["sig"])
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signed, message)
    else:
        public.verify(signed, message, ec.ECDSA(hashes.SHA256()))
    return payload


@pytest.mark.parametrize("make", [ed25519.Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP256R1())])
def test_it_is_signed_and_whoever_has_the_public_key_can_tell(release, deployment, settings, tmp_path, make):
    key = make()
    use_key(settings, tmp_path, key)
    for data in (
        provenance.of_release(release.pk, Form.ENVELOPE),
        provenance.of_deployment(deployment.pk, Form.ENVELOPE),
    ):
        assert read(verify(told(data), key.public_key())).subject
    bundle = told(provenance.of_release(release.pk, Form.BUNDLE))
    assert verify(bundle["dsseEnvelope"], key.public_key()) == provenance.of_release(release.pk, Form.STATEMENT)
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    changed = {**bundle["dsseEnvelope"], "payloadType": "application/json"}
    with pytest.raises(InvalidSignature):
        verify(changed, key.public_key())
    assert serialization.load_pem_public_key(signing.signer().public) == key.public_key()


def test_the_signed_bytes_are_the_same_each_time_as_well(release, settings, tmp_path):
    use_key(settings, tmp_path, ed25519.Ed25519PrivateKey.generate())
    assert provenance.of_release(release.pk, Form.BUNDLE) == provenance.of_release(release.pk, Form.BUNDLE)


def test_a_key_may_be_the_setting_itself_and_then_is_shown_nowhere(settings):
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(*formats).decode()
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"provenance_key": pem})
    assert signing.signer() is not None
    assert pem in settings.DEPLOYER.secrets()
    assert pem.splitlines()[1] not in repr(signing.signer())


def test_without_a_key_nothing_is_signed_and_a_wrong_one_is_told(release, settings, tmp_path, anybody, is_problem):
    assert is_problem(anybody.get(f"releases/{release.pk}/provenance", form="envelope"), 409, "DEPLOYER_PROVENANCE_KEY")
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"provenance_key": str(tmp_path / "nowhere")})
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        signing.signer()
    use_key(settings, tmp_path, rsa.generate_private_key(65537, 2048))
    with pytest.raises(ConfigurationError, match="neither of Ed25519 nor of ECDSA"):
        signing.signer()
    (tmp_path / "key.pem").write_text("no key, but perhaps a password")
    with pytest.raises(ConfigurationError, match="is no private key") as error:
        signing.signer()
    assert "perhaps" not in str(error.value)
    assert is_problem(anybody.get(f"releases/{release.pk}/provenance", form="bundle"), 409, "is no private key")


def test_the_api_the_pages_and_the_command_have_the_same(release, deployment, capsysbinary):
    data = provenance.of_release(release.pk, Form.STATEMENT)
    answer = Api().get(f"releases/{release.pk}/provenance")
    assert (answer.content, answer.headers["Content-Type"]) == (data, "application/vnd.in-toto+json")
    assert f"/api/releases/{release.pk}/provenance" in Api().client.get(f"/releases/{release.pk}/").content.decode()
    page = Api().client.get(f"/deployments/{deployment.pk}/").content.decode()
    assert f"/api/deployments/{deployment.pk}/provenance" in page
    assert "form=envelope" not in page
    call_command("provenance", release.digest)
    assert capsysbinary.readouterr().out == data
    call_command("provenance", str(release.pk), deployment=deployment.pk)
    assert capsysbinary.readouterr().out == provenance.of_deployment(deployment.pk, Form.STATEMENT)
    with pytest.raises(CommandError, match="its deployments"):
        call_command("provenance", str(release.pk), deployment=deployment.pk + 1)
    with pytest.raises(CommandError, match="there is no release sha256"):
        call_command("provenance", "sha256:1")
    with pytest.raises(CommandError, match="DEPLOYER_PROVENANCE_KEY"):
        call_command("provenance", str(release.pk), form="envelope")
    with pytest.raises(RefusedError):
        provenance.of_release(release.pk, Form.ENVELOPE)
