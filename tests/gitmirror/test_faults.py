"""What is said of a remote that did not do what was asked."""

from __future__ import annotations

import pytest

from core.api import OperationError
from gitmirror import commands, faults
from gitmirror.mirror import talk


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "http://127.0.0.1:9/acme/shop.git",
            r"127\.0\.0\.1:9 cannot be reached: Failed to connect to 127\.0\.0\.1 port 9",
        ),
        ("https://git.invalid/acme/shop.git", r"git\.invalid cannot be reached: Could not resolve host: git\.invalid$"),
        ("git://127.0.0.1:9/acme/shop.git", r"127\.0\.0\.1:9 cannot be reached: Connection refused$"),
        ("ssh://git@127.0.0.1:9/acme/shop.git", r"127\.0\.0\.1:9 cannot be reached: .*Connection refused$"),
        ("git@git.invalid:acme/shop.git", r"git\.invalid cannot be reached: Could not resolve hostname git\.invalid"),
    ],
)
async def test_a_server_that_is_not_there_is_told_by_its_name_and_not_by_the_repository(url: str, told: str) -> None:
    with pytest.raises(OperationError, match=rf"^{told}") as raised:
        await talk(url, commands.list_remote(url))
    assert "acme/shop" not in str(raised.value), "all repositories on that server have one reason"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.0.2.1 port 22\n"
                "fatal: Could not read from remote repository."
            ),
            "git.example.org cannot be reached: Connection reset by peer",
        ),
        (
            "fatal: unable to access 'https://git.example.org/a/': Operation timed out after 300000 milliseconds",
            "git.example.org cannot be reached: Operation timed out",
        ),
        (
            "fatal: repository 'https://git.example.org/a.git/' not found",
            "https://git.example.org/a.git cannot be read: repository 'https://git.example.org/a.git/' not found",
        ),
        (
            "remote: Failed to connect to our database\nfatal: unable to access: The requested URL returned error: 500",
            "https://git.example.org/a.git cannot be read: unable to access: The requested URL returned error: 500",
        ),
        (
            "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled",
            (
                "https://git.example.org/a.git asks for a password or key that this host does not have: "
                "fatal: could not read Username for 'https://git.example.org': terminal prompts disabled"
            ),
        ),
    ],
)
def test_each_way_of_failing_has_its_own_words(said: str, told: str) -> None:
    assert faults.reason("https://git.example.org/a.git", said) == told


def test_a_password_in_an_address_is_not_told() -> None:
    said = "fatal: unable to access 'https://ann:s3cret@git.example.org/a/': Could not resolve host: git.example.org"
    for what in (said, "fatal: https://ann:s3cret@git.example.org/a not found"):
        assert "s3cret" not in faults.reason("https://ann:s3cret@git.example.org/a", what)
