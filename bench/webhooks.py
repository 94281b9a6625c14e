"""From a webhook of GitHub to the reconciled ref, at fifty a second, against one look with nothing else going on.

GitHub is a server that answers with what its schema would, at once: what is measured is this side of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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


@dataclass
class Heads:
    """How often each repository was pushed to: the number is its head."""

    pushed: dict[str, int] = field(default_factory=dict)
    asked: int = 0

    def commit(self, name: str) -> str:
        return f"{self.pushed.get(name, 0):040x}"


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
            pipeline.until(lambda: len(_reconciled(pipeline.data)) == REPOSITORIES)
            alone = [_one(pipeline, heads, f"acme/r{number}") for number in range(REPOSITORIES)]
            asked = heads.asked
            taken = _many(pipeline, heads)
        finally:
            pipeline.kill()
    baseline = statistics.median(alone)
    taken.sort()
    tell("one webhook alone, to the reconciled ref, median", baseline)
    tell(f"{RATE} webhooks a second for {SECONDS} s, median", statistics.median(taken), baseline, "one alone")
    tell("the same, 99 of 100", taken[int(len(taken) * 0.99)], baseline, "one alone")
    print(f"none of {RATE * SECONDS} was lost; GitHub was asked {heads.asked - asked} times")


def _one(pipeline: Pipeline, heads: Heads, name: str) -> float:
    with httpx.Client() as client:
        start = time.perf_counter()
        number = _push(client, pipeline, heads, name)
        while _reconciled(pipeline.data).get(name, 0) < number:
            time.sleep(0.001)
        return time.perf_counter() - start


def _many(pipeline: Pipeline, heads: Heads) -> list[float]:
    """Send at the rate, and see when each was answered by a look, in another thread."""
    sent: list[tuple[str, int, float]] = []
    taken: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() or sent:
            seen, now = _reconciled(pipeline.data), time.perf_counter()
            for each in list(sent):
                name, number, start = each
                if seen.get(name, 0) >= number:
                    taken.append(now - start)
                    sent.remove(each)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with httpx.Client() as client:
        begin = time.perf_counter()
        for index in range(RATE * SECONDS):
            time.sleep(max(0.0, begin + index / RATE - time.perf_counter()))
            name = f"acme/r{index % REPOSITORIES}"
            start = time.perf_counter()
            number = _push(client, pipeline, heads, name)
            sent.append((name, number, start))
    over.set()
    watcher.join(60)
    assert len(taken) == RATE * SECONDS, f"{RATE * SECONDS - len(taken)} were lost"
    return taken


def _push(client: httpx.Client, pipeline: Pipeline, heads: Heads, name: str) -> int:
    number = heads.pushed[name] = heads.pushed.get(name, 0) + 1
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


def _reconciled(data: Path) -> dict[str, int]:
    """The head of each repository that was not only seen, but evaluated."""
    path = data / "deployer.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as connection:
        rows = connection.execute(
            "select p.name, c.hash from core_ref r join core_commit c on c.id = r.commit_id"
            " join core_repository p on p.id = r.repository_id"
            " where r.version = r.reconciled_version and p.version = p.reconciled_version"
        ).fetchall()
    connection.close()
    return {name: int(hash, 16) for name, hash in rows}


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
            heads.asked += 1
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
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def _repository(heads: Heads, name: str) -> dict[str, Any]:
    commit = {"oid": heads.commit(name), "message": "A push", "committedDate": "2026-11-23T12:00:00Z", "author": None}
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
