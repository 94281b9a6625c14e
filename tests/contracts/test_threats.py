"""Every threat of the documentation names the tests that show what stops it, and they are there."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import ROOT

PAGE = (ROOT / "docs/explanation/security.md").read_text()
THREATS = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE))


def collected(node: str) -> bool:
    """Whether pytest would collect a test of this id: by the text of its file, as collecting all takes half a minute."""
    path, *names = node.split("::")
    file = ROOT / path
    if not file.is_file():
        return False
    text = file.read_text()
    *classes, test = names or [""]
    if not test:
        return bool(re.search(r"^(?:async )?def test_", text, re.MULTILINE))
    if not re.search(rf"^{'    ' if classes else ''}(?:async )?def {test}\(", text, re.MULTILINE):
        return False
    return all(re.search(rf"^class {each}\b", text, re.MULTILINE) for each in classes)


def test_the_threats_that_matter_are_there() -> None:
    assert len(THREATS) >= 12
    for words in (
        "pull request",
        "webhook secret",
        "malicious plugin",
        "Log injection",
        "curious viewer",
        "capability file",
    ):
        assert any(words in each for each in THREATS), words


@pytest.mark.parametrize("threat", sorted(THREATS))
def test_it_names_tests_that_there_are(threat: str) -> None:
    text = THREATS[threat]
    nodes = re.findall(r"`(tests/[\w/]+\.py(?:::\w+)*)`", text.partition("*Shown by*")[2])
    assert nodes, "say by which test it is shown what stops it"
    assert not [node for node in nodes if not collected(node)]
    assert "*What stops it*" in text
    assert "*What remains*" in text or "nothing. It is code" in text
