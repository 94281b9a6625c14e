"""What people do while the world breaks: authors push, operators ask by the API. Seeded, and all of it is remembered."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from core.testing.git_server import WorkTree
from tests.chaos.engine import DOCKERFILE, REPOSITORY
from tests.chaos.plugin.roles import digest_of
from tests.chaos.world import World, image_of


class Author:
    """Pushes to one repository; what its refs should be is `heads`. Each commit of `live` has a number, which grows."""

    def __init__(self, world: World, repository: str, dice: random.Random) -> None:
        self.repository = repository
        self.heads: dict[str, str] = {}
        self.number_of: dict[str, int] = {}
        self._dice = dice
        self._number = 0
        bare = world.git.root / f"{repository}.git"
        self._work = WorkTree(world.directory / "work" / repository, str(bare))
        self.push()

    @property
    def image(self) -> str:
        return image_of(self.repository)

    @property
    def live(self) -> str:
        return self.heads["refs/heads/live"]

    def push(self, *, rewrite: bool = False) -> str:
        """Push to the deployment branch; with `rewrite` the last commit is replaced by another one."""
        if rewrite and len(self.number_of) > 1:
            self._work.reset("HEAD~1")
        commit = self._commit("live")
        self.number_of[digest_of(self.image, commit)] = self._number
        self._work.push("HEAD:refs/heads/live", force=True)
        self.heads["refs/heads/live"] = commit
        return f"pushed {self._number} to live of {self.repository}"

    def branch(self) -> str:
        """Push a branch, or a ref like a pull request's, that is only checked; or delete one."""
        others = sorted(self.heads.keys() - {"refs/heads/live"})
        if len(others) > 3:
            gone = self._dice.choice(others)
            self._work.push(f":{gone}")
            del self.heads[gone]
            return f"deleted {gone} of {self.repository}"
        here = self._work.commit_hash()
        ref = self._dice.choice(["refs/heads/topic-{}", "refs/pull/{}/head"]).format(self._number)
        self.heads[ref] = self._commit("topic")
        self._work.push(f"HEAD:{ref}", force=True)
        self._work.reset(here)
        return f"pushed {ref} of {self.repository}"

    def _commit(self, what: str) -> str:
        self._number += 1
        self._work.write("version", f"{self._number}\n")
        self._work.write("Dockerfile", DOCKERFILE)
        return self._work.commit(f"{what} {self._number}")


@dataclass
class Call:
    """Something that somebody asks for by the API, until it is answered for good.

    :param mark: its reason, which no other call has.
    """

    path: str
    body: dict[str, Any]
    mark: str
    status: int = 0
    answer: str = ""
    tries: int = 0


@dataclass
class Operator:
    """Asks by the API, one thing after the other, each again until it is answered: nothing is asked for twice."""

    world: World
    calls: list[Call] = field(default_factory=list)
    _queue: queue.Queue[Call | None] = field(default_factory=queue.Queue)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, daemon=True, name="operator")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)

    def ask(self, path: str, **body: Any) -> Call:
        mark = f"call {len(self.calls)}"
        call = Call(path, {"reason": mark, **body}, mark)
        self.calls.append(call)
        self._queue.put(call)
        return call

    @property
    def waits(self) -> list[Call]:
        """Those that were not answered yet."""
        return [call for call in self.calls if not call.status]

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            while not self._once(call):
                time.sleep(0.2)

    def _once(self, call: Call) -> bool:
        headers = {"Authorization": f"Bearer {self.world.token}", "Idempotency-Key": call.mark}
        call.tries += 1
        try:
            url = self.world.url("web", 8000) + call.path
            answer = requests.post(url, json=call.body, headers=headers, timeout=5)
        except requests.RequestException as error:
            call.answer = type(error).__name__
            return False
        call.answer = answer.text[:300]
        if answer.status_code >= 500 or "is being carried out just now" in answer.text:
            return False
        call.status = answer.status_code
        return True


class Load:
    """Everything that people do, at random."""

    def __init__(self, world: World, operator: Operator, dice: random.Random) -> None:
        self._world, self._operator, self._dice = world, operator, dice
        self.authors = {name: Author(world, name, dice) for name in world.repositories}
        self.locked: dict[str, int] = {}
        self.rollbacks: defaultdict[str, set[str]] = defaultdict(set)
        self._approved: set[int] = set()
        self._seen: dict[str, Any] = {}

    def act(self) -> str:
        """Do one thing; answer what."""
        author = self._dice.choice(sorted(self.authors.values(), key=lambda each: each.repository))
        what = self._dice.choices(
            ["push", "rewrite", "branch", "roll back", "lift", "lock", "cancel", "look"], [8, 3, 4, 3, 1, 1, 2, 1]
        )[0]
        match what:
            case "push" | "rewrite":
                did = author.push(rewrite=what == "rewrite")
                if self._dice.random() < 0.7:
                    # As a webhook would; the other pushes are found by polling.
                    self._look(author)
                return did
            case "branch" if author.repository != REPOSITORY:
                return author.branch()
            case "roll back":
                return self._roll_back(author)
            case "lift":
                return self._lift()
            case "lock" if author.repository != REPOSITORY:
                return self._lock(author)
            case "cancel":
                return self._cancel()
            case _:
                self._look(author)
                return f"asked for a look at {author.repository}"

    def _look(self, author: Author) -> None:
        self._operator.ask(f"/api/repositories/{self._seen['repositories'][author.repository]['id']}/look")

    def settle(self, seen: dict[str, Any]) -> None:
        """Do what others wait for: approve what asks for it, once, and unlock what was locked."""
        self._seen = seen
        for name, key in list(self.locked.items()):
            self._operator.ask(f"/api/services/{key}/unlock")
            del self.locked[name]
        for job in seen["active"]:
            waits = job["flavour"] == "careful" and job["state"] == "queued" and not job["approved"]
            if waits and job["kind"] != "build" and job["id"] not in self._approved:
                self._approved.add(job["id"])
                self._operator.ask(f"/api/jobs/{job['id']}/approve")

    def _services_of(self, author: Author) -> list[str]:
        short = author.repository.partition("/")[2]
        return sorted(name for name in self._seen["services"] if name.startswith(f"{short}-"))

    def _roll_back(self, author: Author) -> str:
        # Where services move in order, one that was sent back holds the others.
        if author.repository in ("chaos/row", REPOSITORY):
            return author.push()
        name = self._dice.choice(self._services_of(author))
        key = self._seen["services"][name]["id"]
        found = self._world.ask("releases", service=key).get("releases", [])
        older = [(release, commit) for release, commit in found if commit != author.live][:4]
        if not older:
            return author.push()
        release, commit = self._dice.choice(older)
        self.rollbacks[name].add(digest_of(author.image, commit))
        self._operator.ask(f"/api/services/{key}/roll-back", release=release)
        return f"asked to roll {name} back to {commit[:10]}"

    def _lift(self) -> str:
        if not self._seen["rollbacks"]:
            return "found no rollback to lift"
        name = self._dice.choice(self._seen["rollbacks"])["service"]
        self._operator.ask(f"/api/services/{self._seen['services'][name]['id']}/lift-rollback")
        return f"asked to lift the rollback of {name}"

    def _lock(self, author: Author) -> str:
        name = self._dice.choice(self._services_of(author))
        if name in self.locked:
            return "found it locked"
        self.locked[name] = self._seen["services"][name]["id"]
        self._operator.ask(f"/api/services/{self.locked[name]}/lock")
        return f"asked to lock {name}"

    def _cancel(self) -> str:
        now = self._world.ask("look")
        checks = [job["id"] for job in now.get("active", ()) if "check build" in job["title"]]
        if not checks:
            return "found no check to cancel"
        job = self._dice.choice(checks)
        self._operator.ask(f"/api/jobs/{job}/cancel")
        return f"asked to cancel job {job}"
