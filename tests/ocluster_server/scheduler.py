"""The stand-in as tests hold it: a process that is started, told what its workers do, and asked what it was asked."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.ocluster_server.record import Record, State
from tests.ocluster_server.script import Rule, Script

Result = TypeVar("Result")
#: One worker for each platform, with more room than tests need.
POOLS: Mapping[str, Mapping[str, int]] = {
    "linux-x86_64": {"x86-1": 100},
    "linux-arm64": {"arm-1": 100},
    "linux-ppc64": {"power-1": 100},
    "linux-riscv64": {"risc-1": 100},
    "linux-s390x": {"mainframe-1": 100},
}
#: The client whose capability is `capability_file`.
CLIENT = "submission"
_ROOT = Path(__file__).parents[2]
#: Seconds between looks at what has become of jobs.
_INTERVAL = 0.02


class Scheduler:
    """A scheduler. Its key, addresses and what was submitted outlive its process.

    :param directory: where its key and capability files are.
    :param pools: of each pool, its workers and how many jobs each takes at once.
    :param tls: False for a scheduler that says `insecure`.
    """

    def __init__(self, directory: Path, pools: Mapping[str, Mapping[str, int]] = POOLS, *, tls: bool = True) -> None:
        self.directory, self.pools, self._tls = directory, pools, tls
        self.capability_file, self.admin_file = directory / f"{CLIENT}.cap", directory / "admin.cap"
        self._rules: list[Rule] = []
        self._earlier: list[Record] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._end(signal.SIGKILL)

    @property
    def uri(self) -> str:
        """The sturdy ref that submissions need."""
        return self.capability_file.read_text().strip()

    @property
    def process(self) -> int:
        """Its process number."""
        assert self._process
        return self._process.pid

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        """Start it, or start it again: at the same address, with the scripts that were set."""
        self.directory.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "tests.ocluster_server", str(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=_ROOT, env=os.environ
            )
        self._ask(
            {
                "port": self._port,
                "tls": self._tls,
                "pools": self.pools,
                "clients": [CLIENT],
                "first": len(self._earlier) + 1,
                "rules": [{"pool": r.pool, "repository": r.repository, "script": r.script.told()} for r in self._rules],
            }
        )
        self._port = int(self.uri.rpartition("@")[2].partition("/")[0].rpartition(":")[2])

    def stop(self) -> None:
        """End it as an administrator would; all that it had is lost."""
        self._earlier = self._with_lost(self.jobs())
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._earlier = self._with_lost(self.jobs())
        self._end(signal.SIGKILL)

    def mute(self) -> None:
        """Stop its process: its connections stay, and nothing is answered, `jobs` neither."""
        os.kill(self.process, signal.SIGSTOP)

    def unmute(self) -> None:
        """Have it go on."""
        os.kill(self.process, signal.SIGCONT)

    def script(self, script: Script | None = None, *, pool: str = "", repository: str = "", **changes: Any) -> None:
        """Set what becomes of jobs from now on, of one pool, one repository or all. The latest that fits is taken.

        :param changes: fields of `Script`.
        """
        script = dataclasses.replace(script or Script(), **changes)
        self._rules.append(Rule(pool, repository, script))
        if self._process:
            self._ask({"do": "script", "pool": pool, "repository": repository, "script": script.told()})

    def jobs(self) -> Sequence[Record]:
        """Everything that was ever submitted, in that order."""
        if self._process is None:
            return list(self._earlier)
        return [*self._earlier, *(Record.of(each) for each in self._ask({"do": "jobs"}))]

    def wait(self, condition: Callable[[Sequence[Record]], Result], seconds: float = 30) -> Result:
        """Wait until something holds for its jobs; answer what the condition does."""
        end = time.monotonic() + seconds
        while not (result := condition(jobs := self.jobs())):
            assert time.monotonic() < end, f"waited {seconds} s; its jobs: {jobs}"
            time.sleep(_INTERVAL)
        return result

    async def until(self, condition: Callable[[Sequence[Record]], Result], seconds: float = 30) -> Result:
        """`wait`, while the loop goes on."""
        end = time.monotonic() + seconds
        while not (result := condition(jobs := self.jobs())):
            assert time.monotonic() < end, f"waited {seconds} s; its jobs: {jobs}"
            await asyncio.sleep(_INTERVAL)
        return result

    def finish(self, job: Record, *, fail: str = "") -> None:
        """Have a job that hangs go on to its end; a text has it fail with that."""
        self._ask({"do": "finish", "number": job.number, "fail": fail})

    def pause_workers(self) -> None:
        """Have no worker take anything more."""
        self._ask({"do": "set_active", "active": False})

    def resume_workers(self) -> None:
        self._ask({"do": "set_active", "active": True})

    def add_worker(self, pool: str, name: str, capacity: int = 100) -> None:
        """A worker connects."""
        self._ask({"do": "add_worker", "pool": pool, "name": name, "capacity": capacity})

    def lose_worker(self, pool: str, name: str) -> None:
        """A worker is gone, with what it did, until it is added again."""
        self._ask({"do": "lose_worker", "pool": pool, "name": name})

    def revoke(self, client: str = CLIENT) -> None:
        """Take a client's capability away. It is given a new one when the scheduler starts the next time."""
        self._ask({"do": "revoke", "client": client})

    def connections(self) -> tuple[int, int]:
        """How many connections there ever were since it started, and how many there are."""
        ever, now = self._ask({"do": "connections"})
        return ever, now

    def drop_connections(self) -> None:
        """Reset all of them."""
        self._ask({"do": "drop"})

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the stand-in ended: {(self.directory / 'log').read_text()[-3000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["answer"]

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process
        assert process.stdin
        assert process.stdout
        # One that is stopped takes no other signal.
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        process.wait(30)
        process.stdin.close()
        process.stdout.close()

    def _with_lost(self, jobs: Sequence[Record]) -> list[Record]:
        return [each if each.ended else dataclasses.replace(each, state=State.LOST) for each in jobs]
