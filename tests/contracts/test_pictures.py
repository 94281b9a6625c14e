"""The documentation's pictures: each that is named is there, and each page has one or a reason to have none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import factories
from tests.screenshots.__main__ import IMAGES, MOST, MOST_TOGETHER
from tests.screenshots.pictures import PICTURES, WITHOUT
from tests.world.walk import pages

DOCS = IMAGES.parent
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def named() -> dict[Path, str]:
    """The pictures that pages of the documentation show, and what each says to those who cannot see it."""
    found = {}
    for page in DOCS.rglob("*.md"):
        for words, address in _IMAGE.findall(page.read_text()):
            if "://" not in address:
                found[(page.parent / address).resolve()] = words
    return found


def test_each_picture_that_is_named_is_there_and_says_what_it_shows():
    for path, words in named().items():
        assert path.is_file(), f"{path.name} is missing: make screenshots"
        assert words, path


def test_each_picture_that_is_there_is_made_and_shown():
    there = {path.stem for path in IMAGES.glob("*.png")}
    assert there == {each.name for each in PICTURES}, "make screenshots, and remove those that nobody makes"
    assert there <= {path.stem for path in named()}, "a picture that no page of the documentation shows"


def test_pictures_are_small():
    sizes = [path.stat().st_size for path in IMAGES.glob("*.png")]
    assert max(sizes) < MOST
    assert sum(sizes) < MOST_TOGETHER


@pytest.mark.django_db
def test_each_page_has_a_picture_or_a_reason_to_have_none(client):
    client.force_login(factories.make_user(is_superuser=True, is_staff=True))
    known = {each.page for each in PICTURES} | set(WITHOUT)
    for page in pages({}):
        # What is only posted to is no page.
        if client.get(page.path).status_code != 405:
            assert page.name in known, f"{page.name} ({page.path}): name it in tests/screenshots/pictures.py"
