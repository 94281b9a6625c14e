"""Hosts as network namespaces: each is joined to a hub of its own, and cut off from others by its own packet filter."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from tests.real import required, skip_or_fail

HOSTS = ("database", "web", "runner-a", "runner-b", "qcluster-a", "qcluster-b", "git", "engine", "outside")


class Cut(StrEnum):
    """How the network between two hosts fails."""

    BOTH_WAYS = "both ways, in silence"
    ONE_WAY = "one way, in silence"
    REFUSED = "refused with resets"
    LOSSY = "a third of all packets lost"


@dataclass(frozen=True, slots=True)
class Network:
    """The namespaces of one world; all of them see each other, and the tests' own host sees all of them."""

    number: int

    def namespace(self, host: str) -> str:
        return f"chaos{self.number}-{host}"

    def address(self, host: str) -> str:
        return f"{self._prefix}.{HOSTS.index(host) + 1}"

    def inside(self, host: str) -> tuple[str, ...]:
        """The words before a command that runs on a host: its network and its name are the host's own."""
        named = 'hostname "$0" && exec "$@"'
        # Not `ip netns exec`, which gives it a /sys without the control groups that an engine needs.
        enter = ("nsenter", f"--net=/run/netns/{self.namespace(host)}", "unshare", "--uts")
        return (*enter, "sh", "-c", named, host)

    def cut(self, one: str, other: str, how: Cut) -> None:
        """Cut two hosts off from each other, beside what is cut already."""
        drop: Sequence[tuple[str, ...]] = (("INPUT", "-s"), ("OUTPUT", "-d"))
        if how is Cut.ONE_WAY:
            drop = drop[:1]
        end: tuple[str, ...] = ("-j", "DROP")
        if how is Cut.REFUSED:
            drop, end = drop[1:], ("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
        elif how is Cut.LOSSY:
            end = ("-m", "statistic", "--mode", "random", "--probability", "0.33", *end)
        sides = [(one, other), (other, one)] if how is Cut.REFUSED else [(one, other)]
        for here, there in sides:
            for chain, direction in drop:
                self._on(here, "iptables", "-w", "-A", chain, direction, self.address(there), *end)

    def heal(self) -> None:
        """Undo every cut."""
        for host in HOSTS:
            for chain in ("INPUT", "OUTPUT"):
                self._on(host, "iptables", "-w", "-F", chain)

    @property
    def _prefix(self) -> str:
        return f"10.{64 + self.number // 250}.{self.number % 250 + 1}"

    def _on(self, host: str, *words: str) -> None:
        _run("ip", "netns", "exec", self.namespace(host), *words)

    def make(self) -> None:
        hub = self.namespace("hub")
        _run("ip", "netns", "add", hub)
        _run("ip", "-n", hub, "link", "add", "hub", "type", "bridge")
        _run("ip", "-n", hub, "link", "set", "hub", "up")
        for index, host in enumerate(HOSTS, 1):
            here = self.namespace(host)
            _run("ip", "netns", "add", here)
            self._join(hub, f"to{index}", here, f"{self._prefix}.{index}")
            _run("ip", "-n", here, "link", "set", "lo", "up")
        self._join(hub, "to-tests", "", f"{self._prefix}.254")

    def _join(self, hub: str, end: str, namespace: str, address: str) -> None:
        inner = "eth0" if namespace else f"chaos{self.number}"
        there = ("peer", "name", inner, *(("netns", namespace) if namespace else ("netns", "1")))
        _run("ip", "-n", hub, "link", "add", end, "type", "veth", *there)
        _run("ip", "-n", hub, "link", "set", end, "master", "hub", "up")
        on = ("-n", namespace) if namespace else ()
        _run("ip", *on, "address", "add", f"{address}/24", "dev", inner)
        _run("ip", *on, "link", "set", inner, "up")

    def remove(self) -> None:
        with suppress(subprocess.CalledProcessError):
            _run("ip", "link", "delete", f"chaos{self.number}")
        for host in (*HOSTS, "hub"):
            with suppress(subprocess.CalledProcessError):
                _run("ip", "netns", "delete", self.namespace(host))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


@contextmanager
def network() -> Iterator[Network]:
    """The hosts, joined; gone at the end."""
    required("ip", "iproute2")
    required("iptables", "iptables")
    # Several processes of tests may each have one at the same time.
    made = Network(secrets.randbelow(2500))
    try:
        made.make()
    except subprocess.CalledProcessError as error:
        made.remove()
        skip_or_fail(f"network namespaces cannot be made here: {error.stderr.strip()}")
    try:
        yield made
    finally:
        made.remove()
