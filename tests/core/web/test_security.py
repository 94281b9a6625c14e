"""What browsers are told about every answer."""

from __future__ import annotations

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
POLICY = "Content-Security-Policy"


@pytest.mark.parametrize("path", ["/", "/jobs/", "/nowhere/", "/api/jobs", "/healthz", "/admin/login/", "/login/"])
def test_nothing_inline_and_nothing_from_elsewhere_is_run(client: Client, path: str) -> None:
    policy = client.get(path, follow=True).headers[POLICY]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_only_the_login_sends_forms_elsewhere(client: Client) -> None:
    assert client.get("/").headers[POLICY].endswith("form-action 'self'")
    assert "form-action 'self' https:" in client.get("/login/").headers[POLICY]


@pytest.mark.parametrize("path", ["/", "/login/", "/admin/login/", "/settings/"])
def test_no_page_has_anything_inline(client: Client, path: str) -> None:
    page = client.get(path, follow=True).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=", page)
