"""Making the sample repository: a deployment branch, a feature branch, and a branch whose test fails."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.testing.git_server import GitServer, WorkTree
from plugins.git.commands import post_receive_hook

NAME = "demo/hello"
#: The branch whose test fails, for all to see what that looks like.
BROKEN = "broken"

_SAMPLE = Path(__file__).parent / "sample"
_FEATURE = '''"""What the service says."""


def greet(name: str) -> str:
    return f"Good day, {name.title()}! (hello, world)"
'''
_BROKEN = '''"""What the service says."""


def greet(name: str) -> str:
    return "Hello, nobody!"
'''


def make(server: GitServer, work: Path, webhook: str) -> None:
    """Make the repository and its branches, unless they are there already; have it tell the deployer of pushes."""
    bare = server.root / f"{NAME}.git"
    if not bare.exists():
        shutil.rmtree(work, ignore_errors=True)
        bare = server.create(NAME)
        _push_branches(WorkTree(work, server.url(NAME)))
    hook = bare / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(post_receive_hook(webhook))
    hook.chmod(0o755)


def _push_branches(tree: WorkTree) -> None:
    for file in sorted(_SAMPLE.glob("*.py")):
        tree.write(file.name, file.read_text())
    tree.commit("Greet the world")
    tree.push("main")
    tree.push("main:live")
    for branch, message, text in (("feature", "Greet more politely", _FEATURE), (BROKEN, "Greet nobody", _BROKEN)):
        tree.branch(branch, start="main")
        tree.write("greeting.py", text)
        tree.commit(message)
        tree.push(branch)
    tree.switch("main")
