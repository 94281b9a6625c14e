"""A stranger's package adds models, screens, pages, operations, settings, files and commands; a broken one breaks nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.distributions import brings
from tests.e2e.harness import ROOT

HELLO = {
    "__init__.py": "",
    "apps.py": """
from core.api import PluginConfig

class HelloConfig(PluginConfig):
    name = "deployer_hello"
    label = "hello"
""",
    "models.py": """
from django.db import models

class Greeting(models.Model):
    text = models.CharField(max_length=100)
""",
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": """
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [migrations.CreateModel("Greeting", [
        ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=100)),
    ])]
""",
    "admin.py": """
from django.contrib import admin
from deployer_hello.models import Greeting

admin.site.register(Greeting)
""",
    "urls.py": """
from django.urls import path
from deployer_hello import views

urlpatterns = [path("", views.index, name="index")]
""",
    "views.py": """
from django.shortcuts import render
from deployer_hello.models import Greeting

def index(request):
    return render(request, "hello/index.html", {"greetings": Greeting.objects.all()})
""",
    "templates/hello/index.html": """
{% extends "deployer/base.html" %}{% load static %}
{% block title %}Greetings{% endblock %}
{% block main %}<h1>Greetings</h1>{% for each in greetings %}<p>{{ each.text }}</p>{% endfor %}
<img alt="" src="{% static 'hello/hand.svg' %}">{% endblock %}
""",
    "static/hello/hand.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "management/__init__.py": "",
    "management/commands/__init__.py": "",
    "management/commands/greet.py": """
from django.core.management.base import BaseCommand
from deployer_hello.models import Greeting

class Command(BaseCommand):
    def handle(self, **options):
        Greeting.objects.create(text="<b>hello</b>")
        self.stdout.write("greeted")
""",
    "hooks.py": """
from ninja import Router
from pydantic import Field

from core.api import LogRule, Page, PluginSettings, hookimpl

class HelloSettings(PluginSettings, env_prefix="DEPLOYER_HELLO_"):
    '''How it greets.'''
    volume: int = Field(3, ge=1, description="How loud.")

router = Router()

@router.get("/volume", response=int, summary="How loud it greets")
def volume(request):
    return HelloSettings.read().volume

@hookimpl
def deployer_register_settings():
    return [HelloSettings]

@hookimpl
def deployer_register_pages():
    return [Page(title="Greetings", name="index"), Page(title="Nowhere", name="nowhere")]

@hookimpl
def deployer_register_routers():
    return [router]

@hookimpl
def deployer_register_log_rules():
    return [LogRule(name="hello", pattern="^nobody greets (.+)$", report=r"Nobody greets \\1")]
""",
}
#: Parts of a plugin that break when they are imported, each in a plugin of its own.
BROKEN = ("models", "admin", "urls", "hooks")

#: What is seen with them installed, as JSON.
SEEN = """
import json, django; django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("greet")
User.objects.create_superuser("root", password="root")
client = Client(SERVER_NAME="localhost")
told = {"page": client.get("/plugins/hello/"), "api": client.get("/api/plugins/hello/volume"),
        "static": client.get("/static/hello/hand.svg"), "plugins": client.get("/plugins/"), "overview": client.get("/"),
        "openapi": client.get("/api/openapi.json")}
client.force_login(User.objects.get())
told["admin"] = client.get("/admin/")
from core.plugins import plugins
print(json.dumps({
    "answers": {name: [each.status_code, b"".join(each).decode()] for name, each in told.items()},
    "broken": plugins.broken, "rules": [rule.name for _, rule in plugins.log_rules],
}))
"""


def install(site: Path, name: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = site / f"deployer_{name}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    brings(site, f"deployer-{name}", plugins={name: f"deployer_{name}.apps:{name.capitalize()}Config"})


def broken(part: str) -> dict[str, str]:
    name = f"broken{part}"
    config = HELLO["apps.py"].replace("Hello", name.capitalize()).replace("hello", name)
    return {"__init__.py": "", "apps.py": config, "hooks.py": "", f"{part}.py": "raise RuntimeError('boom')\n"}


def environment(site: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{site}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
        "DEPLOYER_DATA_DIR": str(site / "data"),
        "DEPLOYER_HELLO_VOLUME": "11",
        "DEPLOYER_LOG_LEVEL": "CRITICAL",
    }


def python(site: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        env=environment(site),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of them are installed."""
    site = tmp_path_factory.mktemp("site")
    install(site, "hello", HELLO)
    for part in BROKEN:
        install(site, f"broken{part}", broken(part))
    return site


@pytest.fixture(scope="module")
def seen(site: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(python(site, "-c", SEEN).splitlines()[-1])
    return told


def answer(seen: dict[str, Any], name: str) -> str:
    status, text = seen["answers"][name]
    assert status == 200, text[:2000]
    return str(text)


def test_its_page_is_there_with_what_it_keeps_and_looks_like_all_others(seen: dict[str, Any]) -> None:
    page = answer(seen, "page")
    assert "&lt;b&gt;hello&lt;/b&gt;" in page
    assert '<a class="brand"' in page
    assert answer(seen, "static").startswith("<svg")


def test_its_page_is_in_the_navigation_of_all_pages_and_what_does_not_exist_is_not(seen: dict[str, Any]) -> None:
    for name in ("overview", "page"):
        assert '<a href="/plugins/hello/">Greetings</a>' in answer(seen, name)
        assert "Nowhere" not in answer(seen, name)


def test_its_operation_is_in_the_api_and_reads_its_setting(seen: dict[str, Any]) -> None:
    assert answer(seen, "api") == "11"
    operation = json.loads(answer(seen, "openapi"))["paths"]["/api/plugins/hello/volume"]["get"]
    assert operation["summary"] == "How loud it greets"
    assert operation["tags"] == ["plugin hello"]


def test_its_model_has_a_screen_in_the_admin(seen: dict[str, Any]) -> None:
    assert "/admin/hello/greeting/" in answer(seen, "admin")


def test_its_log_rule_is_known(seen: dict[str, Any]) -> None:
    assert "hello" in seen["rules"]


def test_its_settings_are_in_the_reference_and_checked(site: Path) -> None:
    python(site, "manage.py", "write_reference", "--directory", str(_directory(site / "reference")))
    told = (site / "reference" / "settings.md").read_text()
    assert "| `DEPLOYER_HELLO_VOLUME` | How loud. | `3` |" in told


def _directory(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_part_of_another_is_told_and_breaks_nothing(seen: dict[str, Any], part: str) -> None:
    assert "RuntimeError: boom" in seen["broken"][f"broken{part}"]
    assert f"broken{part}" in answer(seen, "plugins")


def test_what_is_broken_is_told_before_anybody_looks(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "plugins"],
        env=environment(site), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "broken: " in done.stderr
    assert all(f"broken{part}" in done.stderr for part in BROKEN), done.stderr
