"""Distributions that bring plugins and flavours, without building and installing them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile

_NONE: Mapping[str, str] = {}


def brings(site: Path, name: str, *, plugins: Mapping[str, str] = _NONE, flavours: Mapping[str, str] = _NONE) -> None:
    """Have whoever has a directory on the path find a distribution there.

    :param plugins: entry points, by the plugin's name: `hello.apps:HelloConfig`.
    :param flavours: entry points, by the flavour's name: `acme_flavour:flavour`.
    """
    about = site / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = {"deployer.plugins": plugins, "deployer.flavours": flavours}
    lines = [line for group, entries in groups.items() for line in (f"[{group}]", *map(" = ".join, entries.items()))]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


def copied(origin: Path, target: Path) -> Path:
    """A copy of what git knows below a directory, and of what is new there, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=origin, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (origin / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(origin / name, target / name)
    return target
