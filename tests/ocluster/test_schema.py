"""Our declaration of OCluster's interfaces has upstream's ids and ordinals, which decide what crosses the wire."""

from __future__ import annotations

from typing import Any

import pytest

from ocluster.rpc.schema import api
from tests.ocluster.replay import RECORDINGS, opened, recorded

#: The ids of capnp's own `schema.capnp` for upstream's declarations.
IDS = {
    "Submission": 0xF4E8A768B32A7C42,
    "Ticket": 0x9497C03B7CA5B27B,
    "Job": 0xCA66FD1F972EFCCC,
    "Queue": 0x817F986F80263AAF,
    "Worker": 0xE06EEDCF95BF7905,
    "Registration": 0xE098A12B91E35740,
    "Progress": 0xD7529E2702CD958A,
    "PoolAdmin": 0xD906B771B4082451,
    "Admin": 0xDD51F35540DAC6AD,
    "Persistent": 0xC8CB212FCD9F5691,
}
METHODS = {
    "Submission": ["submit"],
    "Ticket": ["job", "cancel"],
    "Job": ["log", "result", "cancel"],
    "Queue": ["pop", "setActive"],
    "Worker": ["metrics", "selfUpdate", "additionalMetric"],
    "Registration": ["register"],
    "Progress": ["report"],
    "PoolAdmin": ["show", "workers", "setActive", "worker", "update", "setRate", "forget", "drain"],
    "Admin": ["pools", "pool", "addClient", "removeClient", "listClients"],
    "Persistent": ["save"],
}


@pytest.mark.parametrize("name", sorted(IDS))
def test_an_interface_has_upstreams_id_and_methods(name: str) -> None:
    node = getattr(api(), name).schema.node
    assert node.id == IDS[name]
    assert [method.name for method in node.interface.methods] == METHODS[name]


def ordinals(struct: Any) -> dict[str, int]:
    return {field.name: field.ordinal.explicit for field in struct.schema.node.struct.fields if field.which() == "slot"}


def test_a_build_has_upstreams_ordinals() -> None:
    assert ordinals(api().DockerBuild) == {
        "pushTarget": 1,
        "pushUser": 2,
        "pushPassword": 3,
        "buildArgs": 4,
        "squash": 6,
        "buildkit": 7,
        "includeGit": 8,
    }
    assert ordinals(api().JobDescr) == {"cacheHint": 1, "repository": 2, "commits": 3, "secrets": 5}


def test_what_a_real_scheduler_was_sent_is_read_by_it() -> None:
    """The recorded submission is a Docker build by its path, written by upstream's schema."""
    for path in sorted(RECORDINGS.glob("docker-build*.jsonl")):
        submit = next(frame for _, kind, frame in recorded(path.stem) if kind == "call")
        with opened(submit) as message:
            asked = message.call.params.content.as_struct(api().Submission.schema.methods["submit"].param_type)
            assert (asked.pool, asked.descr.repository) == ("linux-x86_64", "https://git.example/acme/shop.git")
            build = asked.descr.action.dockerBuild
            assert (build.dockerfile.which(), build.pushUser != "") == ("path", True)
