"""Faults, one after the other: people work meanwhile, it is healed, all has to come right, and every invariant to hold."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos import faults, invariants
from tests.chaos.engine import REPOSITORY, SERVICE, Engine
from tests.chaos.load import Load, Operator
from tests.chaos.world import LEASE, PRODUCT, REPOSITORIES, World

#: Seconds that everything has to come right in, on a machine that others use as well.
LIMIT = 150


class BrokenInvariantError(AssertionError):
    """An invariant does not hold."""


@dataclass
class Round:
    """One fault and what came of it. :ivar seconds: from when it was healed until all was right again."""

    number: int
    kind: str
    what: str
    acts: list[str]
    seconds: float = 0.0


@dataclass
class Result:
    """A run. :ivar ends: how often processes ended that nobody had killed."""

    seed: int
    rounds: list[Round] = field(default_factory=list)
    moves: int = 0
    refused: int = 0
    jobs: int = 0
    calls: int = 0
    tries: int = 0
    told: int = 0
    ends: dict[str, int] = field(default_factory=dict)


class Run:
    """One seed's faults in one world."""

    def __init__(self, world: World, seed: int, say: Any = print) -> None:
        self._world, self._say = world, say
        self._dice = random.Random(seed)
        self._history = invariants.History()
        self._operator = Operator(world)
        self._load = Load(world, self._operator, random.Random(seed + 1))
        self._torn_up_to, self._last = 0, ""
        self.result = Result(seed)
        self._services_of = {
            f"{name.partition('/')[2]}-{word}": name for name, words in REPOSITORIES.items() for word in words
        }

    def go(self, count: int) -> Result:
        """Have so many faults.

        :raises BrokenInvariantError: an invariant does not hold.
        """
        with self._operator:
            try:
                self._converge("the beginning")
                for number in range(count):
                    self._round(number)
            finally:
                self._sum_up()
        return self.result

    def _round(self, number: int) -> None:
        fault = faults.choose(self._world, self._dice, number)
        acts = [self._load.act() for _ in range(self._dice.randrange(3))]
        # Somewhere in what follows from that.
        time.sleep(self._dice.uniform(0, 3))
        began = time.monotonic()
        fault.begin()
        acts += [self._load.act() for _ in range(self._dice.randrange(1, 3))]
        self._say(f"{number + 1}: {fault.what}; {', '.join(acts)}", flush=True)
        time.sleep(max(began + fault.seconds - time.monotonic(), 0))
        fault.heal()
        healed = time.monotonic()
        self._remember(fault, began, healed)
        row = Round(number + 1, fault.kind, fault.what, acts)
        row.seconds = self._converge(f"{number + 1}: {fault.what}") - healed
        self.result.rounds.append(row)
        self._say(f"   right again after {row.seconds:.1f} s; last: {self._last}", flush=True)

    def _remember(self, fault: faults.Fault, began: float, healed: float) -> None:
        for host, at in fault.killed.items():
            self._history.killed[host].append(at)
        for host in fault.hosts:
            match fault:
                case faults.Pause():
                    self._history.paused[host].append((began, healed))
                case faults.NetworkCut() if "outside" in fault.hosts:
                    # What was lost on the way is sent again, later each time.
                    self._history.mute[host].append((began, healed + 5))
        if isinstance(fault, faults.DiskFull) and fault.disk == "logs":
            self._torn_up_to = max((job["id"] for job in self._world.ask("jobs").get("jobs", ())), default=0)

    # Coming right

    def _converge(self, when: str) -> float:
        """Wait until all is right, and answer when it was."""
        end = time.monotonic() + LIMIT
        while True:
            left = self._left()
            if not left:
                at = time.monotonic()
                self._check(when)
                return at
            self._last = left[0]
            if time.monotonic() > end:
                raise self._broken(when, left)
            time.sleep(0.3)

    def _left(self) -> list[str]:
        seen = self._world.ask("look")
        if "error" not in seen:
            self._load.settle(seen)
        if waits := self._operator.waits:
            return [
                f"{call.path} ({call.mark}) is not answered after {call.tries} tries: {call.answer}" for call in waits
            ]
        heads = {name: author.heads for name, author in self._load.authors.items()}
        images = {name: author.image for name, author in self._load.authors.items()}
        left = list(invariants.undone(seen, heads, images, self._services_of, self._running()))
        left += [] if left or self._world.engine is None else self._left_on(self._world.engine, seen)
        self._seen = seen
        return left

    def _left_on(self, engine: Engine, seen: dict[str, Any]) -> list[str]:
        state, head = seen["services"][SERVICE], self._load.authors[REPOSITORY].live
        if state["commit"] != head:
            return [
                f"{SERVICE} runs {state['commit']} as the database has it, and {head} should run: {state['reason']}"
            ]
        runs = engine.runs()
        return (
            [f"{SERVICE} runs {runs!r} on the engine, and {state['digest']} should"] if runs != state["digest"] else []
        )

    def _running(self) -> dict[str, Any]:
        url = self._world.url("outside", 80)
        return {name: requests.get(f"{url}/service/{name}", timeout=20).json() for name in self._services_of}

    def _check(self, when: str) -> None:
        events, seen = self._world.events(), self._seen
        authors = self._load.authors.values()
        numbers = {digest: number for author in authors for digest, number in author.number_of.items()}
        jobs = self._world.ask("jobs")["jobs"]
        found = [
            *invariants.silent(seen),
            *invariants.faults_of_moves(events, numbers, self._load.rollbacks),
            *invariants.faults_of_attempts(events, self._history),
            *invariants.faults_of_news(events, seen["deployments"], self._history),
            *invariants.faults_of_calls(self._operator.calls, [tuple(each) for each in seen["activities"]]),
            *invariants.faults_of_logs(jobs, self._world.disk("logs"), torn_up_to=self._torn_up_to),
            *invariants.faults_of_leases(seen, LEASE * 6),
        ]
        if found:
            raise self._broken(when, found)

    def _broken(self, when: str, found: list[str]) -> BrokenInvariantError:
        says = json.dumps(
            {key: self._seen.get(key) for key in ("active", "undone", "unsent", "repositories")}, indent=1
        )
        return BrokenInvariantError(
            f"seed {self.result.seed}, {when}:\n" + "\n".join(found) + f"\n{says[:6000]}\n{self._world.outputs(4000)}"
        )

    def _sum_up(self) -> None:
        events = Counter(event["event"] for event in self._world.events())
        result, calls = self.result, self._operator.calls
        result.moves, result.refused, result.told = events["move"], events["refused"], events["tell"]
        result.jobs = len(self._world.ask("jobs").get("jobs", ()))
        result.calls, result.tries = len(calls), sum(call.tries for call in calls)
        result.ends = {name: self._world.services[name].ends for name in PRODUCT}
