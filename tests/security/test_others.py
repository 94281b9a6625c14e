"""The other threats: a forged webhook, a bad plugin, a lost capability file, a stolen backup, addresses, two admins."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.management import archive
from core.models import Activity, Delivery, Deployment, Job, Release, Repository
from core.pipeline import declaration, validate
from core.services import declarations, tokens
from core.states import TokenScope
from core.web import webhooks
from ocluster.rpc.sturdy_ref import SturdyRef
from tests import factories
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy
from tests.e2e.harness import ROOT

pytestmark = pytest.mark.django_db


def test_who_stole_a_webhooks_secret_makes_the_deployer_look_and_no_more(dummy: Dummy) -> None:
    webhooks._by_address.clear()
    webhooks._by_repository.clear()
    repository = factories.make_repository("acme/shop", source="dummy")
    later = timezone.now() + timedelta(hours=1)
    Repository.objects.update(next_look_at=later)
    headers = {"x-dummy-secret": "open sesame"}
    status, said = webhooks.answer("dummy", headers, {}, repository.name.encode())
    assert (status, said["looking_at"]) == (202, [repository.name])
    assert Repository.objects.get().next_look_at < later
    # What it says of branches and commits is not asked for, and nothing is done before the source was.
    assert not any(model.objects.exists() for model in (Job, Release, Deployment))


def test_a_webhook_that_is_sent_again_changes_nothing(dummy: Dummy) -> None:
    webhooks._by_address.clear()
    webhooks._by_repository.clear()
    shop.declare()
    dummy.source.delivery = "the same"
    for status in (202, 200, 200):
        assert webhooks.answer("dummy", {"x-dummy-secret": "open sesame"}, {}, b"acme/shop")[0] == status
    assert Delivery.objects.get().count == 3


def test_a_plugin_that_raises_takes_no_page_down(dummy: Dummy, monkeypatch: Any) -> None:
    service = factories.make_service()
    for role in ("source", "builder", "deployer"):
        monkeypatch.setattr(type(getattr(dummy, role)), "facts", lambda self: 1 / 0, raising=False)
    for path in ("/", "/plugins/", f"/services/{service.pk}/", "/settings/", "/api/plugins"):
        assert Client(raise_request_exception=False).get(path).status_code == 200, path


@pytest.fixture
def capability(tmp_path: Path) -> str:
    """A capability file in `data/secrets`; its secret part."""
    text = str(SturdyRef(host="ci.example.org", port=9000, fingerprint=bytes(32), service=b"open sesame open"))
    file = tmp_path / "data/secrets/ocluster_submission"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    file.write_text(text)
    return text.rpartition("/")[2]


def test_a_capability_file_is_on_no_page_and_in_no_operation(settings: Any, tmp_path: Path, capability: str) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"secrets_dir": tmp_path / "data/secrets"})
    boss = Client()
    boss.force_login(factories.make_user("boss", is_superuser=True, is_staff=True))
    for path in ("/settings/", "/plugins/", "/pools/", "/api/settings", "/api/plugins", "/metrics", "/readyz"):
        assert capability not in boss.get(path).content.decode(), path


def test_a_capability_file_is_in_no_backup_even_if_it_is_kept_beside_the_data(tmp_path: Path, capability: str) -> None:
    data, unpacked = tmp_path / "data", tmp_path / "unpacked"
    (data / "logs").mkdir()
    (data / "logs" / "a.log").write_text("is in it")
    own = {
        "DEPLOYER_DATA_DIR": str(data),
        "DEPLOYER_SECRETS_DIR": str(data / "secrets"),
        "DEPLOYER_SECRET_KEY": "x" * 50,
    }
    environment = {"PATH": "/usr/bin:/bin", **own}
    for command in (("migrate", "-v0"), ("backup", str(tmp_path / "backup.tar.zst"))):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True, timeout=120)
    unpacked.mkdir()
    archive.unpack(tmp_path / "backup.tar.zst", unpacked)
    kept = b"".join(path.read_bytes() for path in unpacked.rglob("*") if path.is_file())
    assert b"is in it" in kept
    assert b"django_migrations" in kept
    assert capability.encode() not in kept


def test_a_stolen_copy_of_the_database_has_no_token_and_no_password_in_it() -> None:
    _, text = tokens.make(factories.make_user("ann", password="a good password"), "x", [TokenScope.ACT])
    from django.apps import apps
    from django.core import serializers

    rows = [row for model in apps.get_models() for row in model._base_manager.all()]
    kept = serializers.serialize("json", rows)
    assert text not in kept
    assert text.removeprefix(tokens.PREFIX)[:10] not in kept
    assert "a good password" not in kept


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:alert(1)//", "ext::sh -c id", "--upload-pack=id", "-oProxyCommand=id"]
)
def test_an_address_that_is_declared_leads_only_where_its_plugin_goes(url: str) -> None:
    """No command of git's is reached by an address, and no page sends a browser to one that is not of the web."""
    pages = {
        name: f"{url}{{{key}}}" for name, key in (("commit_url", "commit"), ("ref_url", "ref"), ("compare_url", "old"))
    }
    use = declaration.Use("git", url=url, **pages)
    refused = list(validate.use_faults(use, declarations.offers().sources))
    assert bool(refused) == (not url.startswith("file:")), refused
    repository = factories.make_repository(source="git", options={"url": "https://git.example.org/a", **pages})
    commit = factories.make_commit(repository=repository)
    target = factories.make_target(recipe=factories.make_recipe(repository=repository))
    service = factories.make_service(uri=url, target=target)
    build = factories.make_build(commit=commit, recipe=target.recipe)
    rows = {"services": service, "commits": commit, "builds": build, "repositories": repository}
    for path in ("/services/", *(f"/{word}/{row.pk}/" for word, row in rows.items())):
        page = Client().get(path).content.decode()
        leads = re.findall(r'href="([^"]*)"', page)
        assert leads
        assert not [each for each in leads if not each.startswith(("/", "?", "#", "http://", "https://"))], path


def test_of_what_two_admins_do_each_is_recorded_under_its_own_name() -> None:
    service = factories.make_service()
    flavour = service.target.recipe.repository.flavour
    for name in ("ann", "bob"):
        client = Client()
        client.force_login(factories.make_user(name, is_superuser=True))
        client.post(f"/services/{service.pk}/{'lock' if name == 'ann' else 'unlock'}", {"reason": f"because {name}"})
    done = [(str(each.user), each.reason, each.flavour) for each in Activity.objects.order_by("pk")]
    assert done == [("ann", "because ann", flavour), ("bob", "because bob", flavour)]


def test_a_change_of_somebodys_rights_is_recorded_with_who_made_it() -> None:
    from django.contrib.auth.models import Group

    boss = Client()
    boss.force_login(factories.make_user("boss", is_superuser=True, is_staff=True))
    ann = factories.make_user("ann")
    group = Group.objects.create(name="deployer-admins")
    form = {"username": "ann", "groups": [group.pk], "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01"}
    answer = boss.post(f"/admin/auth/user/{ann.pk}/change/", {**form, "date_joined_1": "00:00:00"})
    assert answer.status_code == 302
    [done] = Activity.objects.all()
    assert (str(done.user), done.verb, done.subject) == ("boss", "changed", f"user {ann.pk}")
    assert "deployer-admins" in done.reason
    assert "staff" in done.reason


def test_what_is_kept_on_the_disk_is_not_for_others_to_read(settings: Any) -> None:
    current = settings.DEPLOYER.model_copy(update={"secret_key": ""})
    assert len(current.signing_key()) > 40
    assert not (current.data_dir / "secret_key").stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
