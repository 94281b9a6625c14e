"""What goes wrong: each fault begins, lasts a while, and is healed. Everything random comes from the dice it is given."""

from __future__ import annotations

import os
import random
import time
from abc import ABC, abstractmethod
from pathlib import Path

import redis

from tests.chaos.network import Cut
from tests.chaos.world import LEASE, World

_RUNNERS = ("runner-a", "runner-b")
_HOSTS = ("web", *_RUNNERS, "qcluster-a", "qcluster-b")


class Fault(ABC):
    """One thing that goes wrong.

    :ivar kind: what the report counts it as.
    :ivar what: it in words.
    :ivar hosts: the hosts that it concerns.
    :ivar seconds: how long it lasts.
    :ivar killed: by host, when processes there were killed: on a busy machine that takes a while.
    """

    kind = ""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world = world
        self.seconds = dice.uniform(0.2, 4)
        self.hosts: tuple[str, ...] = ()
        self.killed: dict[str, float] = {}
        self.what = self.kind

    @abstractmethod
    def begin(self) -> None: ...

    def heal(self) -> None:
        """Most of what was killed comes back by itself (`tests.chaos.processes`)."""
        return


class Kill(Fault):
    kind = "kill"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = (dice.choice((*_RUNNERS, *_RUNNERS, *_HOSTS)),)
        self._whole, self._nth = dice.random() < 0.7, dice.randrange(100)
        self.what = f"kill -9 of {self.hosts[0]}" + ("" if self._whole else ", one of its processes")

    def begin(self) -> None:
        self.world.services[self.hosts[0]].kill(whole=self._whole, nth=self._nth)
        self.killed[self.hosts[0]] = time.monotonic()


class KillAll(Fault):
    kind = "kill all"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = _HOSTS
        self.what = "kill -9 of every process of the deployer"

    def begin(self) -> None:
        for host in _HOSTS:
            self.world.services[host].kill()
            self.killed[host] = time.monotonic()


class Pause(Fault):
    kind = "pause"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = (dice.choice((*_RUNNERS, *_RUNNERS, *_RUNNERS, "web", "qcluster-a")),)
        self.seconds = LEASE * dice.uniform(1.1, 1.6)
        self.what = f"SIGSTOP of {self.hosts[0]} for {self.seconds:.1f} s"

    def begin(self) -> None:
        self.world.services[self.hosts[0]].pause()

    def heal(self) -> None:
        self.world.services[self.hosts[0]].resume()


class NetworkCut(Fault):
    kind = "cut"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        one = dice.choice((*_RUNNERS, *_HOSTS))
        other = dice.choice(("database", "database", "git", "outside") if one in _RUNNERS else ("database",))
        self.hosts = (one, other)
        self._how = dice.choice(list(Cut))
        self.seconds = dice.uniform(0.5, LEASE * 1.6)
        self.what = f"{one} and {other} cut: {self._how}, for {self.seconds:.1f} s"

    def begin(self) -> None:
        self.world.net.cut(*self.hosts, self._how)

    def heal(self) -> None:
        self.world.net.heal()


class ClockStep(Fault):
    kind = "clock step"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = (dice.choice((*_RUNNERS, *_RUNNERS, *_HOSTS)),)
        self._step = dice.choice((-3600, 3600))
        self.what = f"clock of {self.hosts[0]} stepped by {self._step} s"

    def begin(self) -> None:
        self.world.step_clock(self.hosts[0], self._step)

    def heal(self) -> None:
        self.world.step_clock(self.hosts[0], 0)


class DiskFull(Fault):
    kind = "disk full"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.disk = dice.choice((*_RUNNERS, "logs"))
        self.hosts = _RUNNERS if self.disk == "logs" else (self.disk,)
        self.what = f"disk of {self.disk} full"

    @property
    def _ballast(self) -> Path:
        return self.world.disk(self.disk) / "ballast"

    def begin(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def heal(self) -> None:
        self._ballast.unlink()


class Database(Fault):
    kind = "database restart"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = ("database",)
        self.what = "PostgreSQL killed at once"

    def begin(self) -> None:
        # As `pg_ctl stop -m immediate`, without its courtesy.
        self.world.services["postgres"].kill()


class Redis(Fault):
    kind = "redis"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self._flush = dice.random() < 0.5
        self.hosts = ("database",)
        self.what = "Redis flushed: every hint lost" if self._flush else "Redis killed"

    def begin(self) -> None:
        if self._flush:
            redis.Redis(self.world.net.address("database")).flushall()
        else:
            self.world.services["redis"].kill()


class Git(Fault):
    kind = "git server"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self._killed = dice.random() < 0.5
        self.hosts = ("git",)
        self.what = "Git server killed" if self._killed else "Git server answers 500"

    def begin(self) -> None:
        if self._killed:
            self.world.services["git"].kill()
        else:
            (self.world.git.root / "broken").touch()

    def heal(self) -> None:
        (self.world.git.root / "broken").unlink(missing_ok=True)


class RealEngine(Fault):
    """Ends the daemon, whose containers go on without it until it is back; or the registry."""

    kind = "engine restart"

    def __init__(self, world: World, dice: random.Random) -> None:
        super().__init__(world, dice)
        self.hosts = ("engine",)
        self._name = dice.choice(("engine", "registry"))
        self.what = f"kill -9 of the {'Docker engine' if self._name == 'engine' else 'registry'}"

    def begin(self) -> None:
        self.world.services[self._name].kill(whole=self._name == "registry")


#: The faults, and how often each comes.
KINDS: tuple[tuple[type[Fault], int], ...] = (
    (Kill, 5),
    (KillAll, 1),
    (Pause, 4),
    (NetworkCut, 5),
    (ClockStep, 3),
    (DiskFull, 2),
    (Database, 2),
    (Redis, 1),
    (Git, 1),
)


def choose(world: World, dice: random.Random, number: int) -> Fault:
    """The next fault: each kind once at first, then at random; of DEPLOYER_CHAOS_ONLY alone where that names a kind."""
    only = os.environ.get("DEPLOYER_CHAOS_ONLY", "")
    there = [*KINDS, *(((RealEngine, 3),) if world.engine else ())]
    among = [(kind, weight) for kind, weight in there if kind.kind == only] or there
    if number < len(among):
        return among[number][0](world, dice)
    kinds, weights = zip(*among, strict=True)
    return dice.choices(kinds, weights)[0](world, dice)
