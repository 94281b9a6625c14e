"""What the words of engines and registries mean. The words were recorded from Docker 20.10 before a disturbed registry."""

from __future__ import annotations

import pytest

from containers import faults
from containers.engine import EngineRefused
from containers.names import ImageName
from core.api import OperationError, Stalled, Waiting

IMAGE = ImageName.parse("127.0.0.1:5000/a/b:live")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("received unexpected HTTP status: 503 Service Unavailable", Waiting),
        ("received unexpected HTTP status: 507 Insufficient Storage", Waiting),
        ('error parsing HTTP 429 response body: unexpected end of JSON input: ""', Waiting),
        ("toomanyrequests: too many", Waiting),
        (
            'Head "http://127.0.0.1:1/v2/a/b/manifests/live": read tcp 127.0.0.1:2->127.0.0.1:1: connection reset by peer',
            Waiting,
        ),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', Waiting),
        ("error unmarshalling content: invalid character '<' looking for beginning of value", OperationError),
        ("no basic auth credentials", Stalled),
        ("unauthorized: authentication required", Stalled),
        ("denied: requested access to the resource is denied", Stalled),
        ("manifest for 127.0.0.1:1/a/b@sha256:12 not found: manifest unknown: manifest unknown", Stalled),
    ],
)
def test_what_will_pass_is_told_from_what_will_not(said: str, kind: type[OperationError]) -> None:
    judged = faults.of_transfer(EngineRefused("the engine", 500, said), IMAGE, "pull")
    assert type(judged) is kind
    assert said in str(judged)


@pytest.mark.parametrize(
    "line",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "failed to solve with frontend dockerfile.v0: rpc error: code = Unavailable desc = transport is closing",
        "error during connect: Post http://docker: EOF",
        "write /var/lib/docker/tmp/x: no space left on device",
    ],
)
def test_a_build_that_ended_so_is_tried_again(line: str) -> None:
    assert faults.passing(line)


@pytest.mark.parametrize(
    "line",
    [
        "executor failed running [/bin/sh -c make]: exit code: 2",
        "failed to solve with frontend dockerfile.v0: failed to read dockerfile: open /Dockerfile: no such file or directory",
        "",
    ],
)
def test_a_commit_that_does_not_build_is_not(line: str) -> None:
    assert not faults.passing(line)
