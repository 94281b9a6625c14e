"""Another host, as far as a process can tell: a network namespace with a wire to this one, and a name of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests import real


class Elsewhere:
    """Reached over one wire, which can be cut.

    :ivar name: of the host.
    :ivar here: the address that this host has for it.
    """

    def __init__(self, name: str) -> None:
        number = os.getpid() % 60000
        self.name = name
        self.here, self._there = (
            f"10.{200 + number // 16000}.{number // 64 % 250}.{number % 62 * 4 + each}" for each in (1, 2)
        )
        self._space, self._wire = f"deployer-{number}", f"dep{number}"

    def command(self, words: Sequence[str]) -> Sequence[str]:
        """The command line that runs a command there. It replaces itself: the process is the command."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name, *words]
        return ["ip", "netns", "exec", self._space, *named]

    def cut(self) -> None:
        """Let nothing through any more. Nobody is told: what is sent is simply lost."""
        _ip("link", "set", self._wire, "down")

    def mend(self) -> None:
        _ip("link", "set", self._wire, "up")

    def make(self) -> None:
        _ip("netns", "add", self._space)
        _ip("link", "add", self._wire, "type", "veth", "peer", "name", "eth0", "netns", self._space)
        _ip("address", "add", f"{self.here}/30", "dev", self._wire)
        _ip("link", "set", self._wire, "up")
        for words in (("address", "add", f"{self._there}/30", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", self._space, *words)
        _ip("-n", self._space, "link", "set", "lo", "up")

    def remove(self) -> None:
        for words in (("link", "delete", self._wire), ("netns", "delete", self._space)):
            subprocess.run(["ip", *words], check=False, capture_output=True)


@contextmanager
def elsewhere(name: str) -> Iterator[Elsewhere]:
    """Another host for one test. Where none can be made the test is skipped, or fails if every service is required."""
    real.required("ip", "iproute2")
    host = Elsewhere(name)
    try:
        host.make()
    except subprocess.CalledProcessError as error:
        host.remove()
        real.skip_or_fail(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    try:
        yield host
    finally:
        host.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
