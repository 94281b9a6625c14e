"""From a webhook of GitHub to the reconciled ref, at fifty a second, against one look with nothing else going on.

GitHub is a server that answers with what its schema would, at once: what is measured is this side of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import multiprocessing
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

from bench.push_to_log import answers
from bench.timing import tell
from core.testing.git_server import GitServer
from tests.e2e.harness import Pipeline

REPOSITORIES, RATE, SECONDS = 20, 50, 20
SECRET = "It's a Secret to Everybody"
FLAVOUR = f"""
from core.api import Flavour, Repository, Use

flavour = Flavour("acme", [Repository(f"acme/r{{number}}", Use("github"), poll=86400) for number in range({REPOSITORIES})])
"""


class Heads:
    """How often each repository was pushed to, which is its head, and how often GitHub was asked. Of several processes."""

    def __init__(self) -> None:
        self._numbers = multiprocessing.RawArray("Q", REPOSITORIES + 1)

    @property
    def asked(self) -> int:
        return self._numbers[REPOSITORIES]

    def ask(self) -> None:
        self._numbers[REPOSITORIES] += 1

    def push(self, name: str) -> int:
        self._numbers[_index(name)] += 1
        return self.pushed(name)

    def pushed(self, name: str) -> int:
        return self._numbers[_index(name)]


def _index(name: str) -> int:
    return int(name.removeprefix("acme/r"))


@dataclass(frozen=True)
class Sent:
    """A webhook that was sent and answered; `number` is the head that it tells of."""

    name: str
    number: int
    start: float
    answered: float


@dataclass(frozen=True)
class Taken:
    """Seconds from sending to the answer, and to the reconciled ref."""

    answered: float
    reconciled: float


def main() -> None:
    heads = Heads()
    with tempfile.TemporaryDirectory() as name, _github(heads) as url, GitServer(Path(name) / "git") as server:
        os.environ |= {
            "DEPLOYER_GITHUB_URL": url,
            "DEPLOYER_SECRET_GITHUB_TOKEN": "ghp_x",
            "DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET": SECRET,
        }
        pipeline = Pipeline(Path(name), server, FLAVOUR)
        try:
            pipeline.start()
            pipeline.until(lambda: answers(f"http://127.0.0.1:{pipeline.port}/readyz"))
            with Watcher(pipeline.data) as watcher:
                pipeline.until(lambda: len(watcher.seen()) == REPOSITORIES)
                alone = _send(pipeline, heads, watcher, count=REPOSITORIES, rate=5)
                asked = heads.asked
                many = _send(pipeline, heads, watcher, count=RATE * SECONDS, rate=RATE)
        finally:
            pipeline.kill()
    baseline = statistics.median(each.reconciled for each in alone)
    reconciled, answered = (
        sorted(each) for each in zip(*((one.reconciled, one.answered) for one in many), strict=True)
    )
    tell("one webhook alone, to the reconciled ref, median", baseline)
    tell(f"{RATE} webhooks a second for {SECONDS} s, to the answer, median", statistics.median(answered))
    tell("the same, 99 of 100", _most(answered))
    tell("the same webhooks, to the reconciled ref, median", statistics.median(reconciled), baseline, "one alone")
    tell("the same, 99 of 100", _most(reconciled), baseline, "one alone")
    print(f"  none of {RATE * SECONDS} was lost; GitHub was asked {heads.asked - asked} times")


def _most(taken: Sequence[float]) -> float:
    return taken[int(len(taken) * 0.99)]


class Watcher:
    """Sees in the database, from outside, what was reconciled and when."""

    def __init__(self, data: Path) -> None:
        path = data / "deployer.sqlite3"
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20, check_same_thread=False)
        self._version = 0
        self._seen: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def seen(self) -> dict[str, int]:
        """The head of each repository that was not only seen, but evaluated. Cheap where nothing was written since."""
        (version,) = self._connection.execute("pragma data_version").fetchone()
        if version != self._version:
            self._version = version
            rows = self._connection.execute(
                "select p.name, c.hash from core_ref r join core_commit c on c.id = r.commit_id"
                " join core_repository p on p.id = r.repository_id"
                " where r.version = r.reconciled_version and p.version = p.reconciled_version"
            )
            # One that is about to be evaluated again had been evaluated before.
            self._seen |= {name: int(hash, 16) for name, hash in rows.fetchall()}
        return self._seen


def _send(pipeline: Pipeline, heads: Heads, watcher: Watcher, *, count: int, rate: float) -> Sequence[Taken]:
    """Send webhooks at a rate, one repository after another, while another thread watches what becomes of each."""
    sent: list[Sent] = []
    with ThreadPoolExecutor(1) as watching, httpx.Client() as client:
        taken = watching.submit(_watch, watcher, sent, count)
        begin = time.perf_counter()
        for index in range(count):
            time.sleep(max(0.0, begin + index / rate - time.perf_counter()))
            name, start = f"acme/r{index % REPOSITORIES}", time.perf_counter()
            number = _push(client, pipeline, heads, name)
            sent.append(Sent(name, number, start, time.perf_counter()))
        return taken.result(60)


def _watch(watcher: Watcher, sent: list[Sent], count: int) -> Sequence[Taken]:
    taken: list[Taken] = []
    while len(taken) < count:
        seen, now = watcher.seen(), time.perf_counter()
        for each in [each for each in sent if seen.get(each.name, 0) >= each.number]:
            taken.append(Taken(each.answered - each.start, now - each.start))
            sent.remove(each)
        time.sleep(0.001)
    return taken


def _push(client: httpx.Client, pipeline: Pipeline, heads: Heads, name: str) -> int:
    number = heads.push(name)
    body = json.dumps(
        {"ref": "refs/heads/main", "repository": {"full_name": name}, "sender": {"login": "alice"}}
    ).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": f"{name}-{number}",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    client.post(f"http://127.0.0.1:{pipeline.port}/webhooks/github", content=body, headers=headers).raise_for_status()
    return number


@contextmanager
def _github(heads: Heads) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise the body waits for an acknowledgement of the headers, which takes 40 ms.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.endswith("/graphql"):
                self._say(201, {})
                return
            heads.ask()
            variables = asked["variables"]
            count = sum(key.startswith("owner") for key in variables)
            names = {f"r{index}": f"{variables[f'owner{index}']}/{variables[f'name{index}']}" for index in range(count)}
            self._say(200, {"data": {alias: _repository(heads, name) for alias, name in names.items()}})

        def _say(self, status: int, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # A process of its own: what it does is not to be timed with the rest.
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    process.terminate()
    process.join()
    server.server_close()


def _repository(heads: Heads, name: str) -> dict[str, Any]:
    commit = {
        "oid": f"{heads.pushed(name):040x}",
        "message": "A push",
        "committedDate": "2026-11-23T12:00:00Z",
        "author": None,
    }
    over = {"hasNextPage": False, "endCursor": None}
    return {
        "nameWithOwner": name,
        "isArchived": False,
        "defaultBranchRef": {"name": "main"},
        "refs": {"nodes": [{"name": "main", "target": commit}], "pageInfo": over},
        "pullRequests": {"nodes": [], "pageInfo": over},
    }


if __name__ == "__main__":
    main()
