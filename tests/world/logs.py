"""Logs as builders write them, with the times at which each part was written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta

from core import configuration
from core.logs.render import plain
from core.logs.store import LogStore

_GREEN, _RED, _YELLOW, _DIM, _OFF = "\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"


def _note(text: str) -> str:
    return f"2026-11-24 09:31:07.118 {text}"


BUILT = (
    _note("acme/search at 4f1c09ab27 for linux/amd64"),
    _note("$ docker buildx build --platform linux/amd64 --progress plain --file Dockerfile ."),
    "#1 [internal] load build definition from Dockerfile",
    "#1 transferring dockerfile: 914B done",
    "#1 DONE 0.1s",
    "#5 [build 1/5] FROM docker.io/library/debian:13@sha256:1d3c811171a08a5adaa4a163fbafd96b61b87aa871bbc7aa15431ac275d3d430",
    "#5 resolve docker.io/library/debian:13 0.3s done",
    "#5 DONE 1.9s",
    "#6 [build 2/5] RUN apt-get update && apt-get install -y --no-install-recommends cargo pkg-config",
    *(f"#6 {n / 9:.3f} Get:{n} http://deb.debian.org/debian trixie/main package-{n} [{n * 37} kB]" for n in range(1, 24)),
    "#6 DONE 14.2s",
    "#7 [build 3/5] WORKDIR /src",
    "#7 DONE 0.0s",
    "#8 [build 4/5] COPY . .",
    "#8 DONE 0.2s",
    "#9 [build 5/5] RUN cargo test --release",
    *(f"#9 {n / 3:.3f} {_GREEN}   Compiling{_OFF} crate-{n} v0.{n % 7}.{n % 5}" for n in range(1, 38)),
    f"#9 21.90 {_YELLOW}warning{_OFF}: unused variable: `{_DIM}limit{_OFF}`",
    "#9 21.90   --> src/index.rs:88:9",
    "#9 24.01 running 3 tests",
    f"#9 24.10 test index::titles_come_first ... {_RED}FAILED{_OFF}",
    f"#9 24.11 test index::bodies_are_found ... {_GREEN}ok{_OFF}",
    f"#9 24.12 test query::quotes ... {_GREEN}ok{_OFF}",
    "#9 24.13 thread 'index::titles_come_first' panicked at src/index.rs:142:9:",
    "#9 24.13 assertion `left == right` failed: titles before bodies",
    "#9 24.13   left: [\"a body\", \"a title\"]",
    "#9 24.13  right: [\"a title\", \"a body\"]",
    f"#9 24.20 {_RED}error{_OFF}: test failed, to rerun pass `--lib`",
    '#9 ERROR: process "/bin/sh -c cargo test --release" did not complete successfully: exit code: 101',
    _note("the build has failed after 41 s"),
)  # fmt: skip
MOVED = (
    _note("$ docker service update --image registry.acme.example/shop-api@sha256:77aa… shop-api"),
    "update policy: one task at a time, start first, roll back on failure, watched for 30 s",
    "task 1 of 3: preparing on web1",
    "task 1 of 3: starting on web1",
    f"task 1 of 3: {_GREEN}healthy{_OFF} after 6 s",
    "task 2 of 3: preparing on web1",
    "task 2 of 3: starting on web1",
)


def without_colours(line: str) -> str:
    return plain(line.encode())


def write(name: str, lines: Sequence[str], began: datetime, took: timedelta, *, ended: bool = True) -> None:
    """Write a log whose lines came evenly over a time."""
    store = LogStore(configuration.current().logs_dir)
    path = store.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    data, records = b"", b""
    for number, line in enumerate(lines):
        at = began + took * (number / max(1, len(lines)))
        records += struct.pack("<QQ", len(data), int(at.timestamp() * 1000))
        data += line.encode() + b"\n"
    path.write_bytes(data if ended else data.rstrip(b"\n"))
    path.with_name(f"{path.name}.times").write_bytes(records)
