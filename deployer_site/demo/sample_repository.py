"""Making the sample repository: a deployment branch, a feature branch, and branches that show what goes wrong."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.testing.git_server import GitServer, WorkTree
from plugins.git.post_receive import post_receive_hook

#: The branch whose test fails, for all to see what that looks like.
BROKEN = "broken"

_HERE = Path(__file__).parent
_FEATURE = '''"""What the service says."""


def greet(name: str) -> str:
    return f"Good day, {name.title()}! (hello, world)"
'''
_BROKEN = '''"""What the service says."""


def greet(name: str) -> str:
    return "Hello, nobody!"
'''


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that starts at `main` and changes these files."""

    name: str
    message: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample repository."""

    name: str
    directory: Path
    branches: Sequence[Branch]


#: Built by a command on this host, and run there.
HOST = Sample(
    "demo/hello",
    _HERE / "sample",
    (
        Branch("feature", "Greet more politely", {"greeting.py": _FEATURE}),
        Branch(BROKEN, "Greet nobody", {"greeting.py": _BROKEN}),
    ),
)
_UNHEALTHY = (_HERE / "sample_docker" / "Dockerfile").read_text().replace("/www/health", "/www/oops", 1)
#: Built on a Docker engine, and run by its swarm.
DOCKER = Sample(
    "demo/web",
    _HERE / "sample_docker",
    (
        Branch("feature", "Greet more politely", {"greeting.txt": "Good day, world!\n"}),
        Branch(BROKEN, "Greet nobody", {"greeting.txt": "Hello, nobody!\n"}),
        Branch(
            "unhealthy",
            "Forget the health check's file",
            {"Dockerfile": _UNHEALTHY},
        ),
    ),
)


def make(sample: Sample, server: GitServer, work: Path, webhook: str) -> None:
    """Make the repository and its branches, unless they are there already; have it tell the deployer of pushes."""
    bare = server.root / f"{sample.name}.git"
    if not bare.exists():
        shutil.rmtree(work, ignore_errors=True)
        bare = server.create(sample.name)
        _push_branches(sample, WorkTree(work, server.url(sample.name)))
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(post_receive_hook(webhook))
    hook.chmod(0o755)


def _push_branches(sample: Sample, tree: WorkTree) -> None:
    for file in sorted(each for each in sample.directory.iterdir() if each.is_file()):
        tree.write(file.name, file.read_text())
    tree.commit("Greet the world")
    tree.push("main")
    tree.push("main:live")
    for branch in sample.branches:
        tree.branch(branch.name, start="main")
        for name, text in branch.files.items():
            tree.write(name, text)
        tree.commit(branch.message)
        tree.push(branch.name)
    tree.switch("main")
