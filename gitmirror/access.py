"""How git gets at a repository: with which key or token. What it must not read or ask is left out."""

from __future__ import annotations

import os
import shlex
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: What of this process's environment git is to see.
_PASSED_ON = ("SSL_CERT_FILE", "SSH_AUTH_SOCK", "GIT_SSL_CAINFO")


@dataclass(frozen=True, slots=True)
class Access:
    """A way to a repository.

    :param ssh: further words for ssh, such as the key.
    :param server: the address, without a path, that `password` is for; it is shown to no other.
    :param password: with `user`, for HTTP. It stands in no command line and in no file.
    """

    ssh: Sequence[str] = ()
    server: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """The environment for git: nothing of the machine's or a user's configuration, and never a question."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_SSH_COMMAND": shlex.join(["ssh", "-oBatchMode=yes", *self.ssh]),
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **self._header(),
        }

    def _header(self) -> dict[str, str]:
        """Configuration by environment (git 2.31): a header for one server alone."""
        if not self.password:
            return {}
        credentials = b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.server.rstrip('/')}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {credentials}",
        }


def server_of(url: str) -> str:
    """The part of an address that names the server."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def ssh_words(identity: str, known_hosts: str) -> Sequence[str]:
    """Options of ssh that name a key and the hosts that are known."""
    words = [f"-oIdentityFile={identity}", "-oIdentitiesOnly=yes"] if identity else []
    return words + ([f"-oUserKnownHostsFile={known_hosts}"] if known_hosts else [])


#: Nothing but what git can do without being let in.
ANYBODY = Access()
