"""In what a unikernel that runs differs from what was wanted, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from plugins.albatross.commands import Block, Configuration, Network


def differences(seen: Configuration, wanted: Configuration) -> str:
    """Tell them; empty where there is none. What was left to the host may be anything."""
    return "; ".join(_differences(seen, wanted))


def _differences(seen: Configuration, wanted: Configuration) -> Iterator[str]:
    if seen.memory != wanted.memory:
        yield f"it has {seen.memory} MB of memory instead of {wanted.memory}"
    if seen.cpuids != wanted.cpuids:
        yield f"it is on {processors(seen)} instead of {processors(wanted)}"
    if (seen.arguments or ()) != (wanted.arguments or ()):
        yield f"its arguments are {_told(seen.arguments)} instead of {_told(wanted.arguments)}"
    if len(seen.networks) != len(wanted.networks) or not all(map(_same_network, seen.networks, wanted.networks)):
        yield "its networks are others"
    if len(seen.blocks) != len(wanted.blocks) or not all(map(_same_block, seen.blocks, wanted.blocks)):
        yield "its block devices are others"
    if seen.restarts != wanted.restarts:
        yield "it is started again after other failures"
    if seen.startup != wanted.startup:
        yield "it has another place in the order of starting"


def processors(configuration: Configuration) -> str:
    """Which it may run on: `CPU 0`, `CPUs 1, 2`."""
    numbers = ", ".join(map(str, sorted(configuration.cpuids)))
    return f"CPU {numbers}" if len(configuration.cpuids) == 1 else f"CPUs {numbers}"


def _told(arguments: tuple[str, ...] | None) -> str:
    return repr(" ".join(arguments or ()))


def _same_network(seen: Network, wanted: Network) -> bool:
    same = (seen.name, seen.bridge or seen.name) == (wanted.name, wanted.bridge or wanted.name)
    return same and wanted.mac in (b"", seen.mac)


def _same_block(seen: Block, wanted: Block) -> bool:
    same = (seen.name, seen.device or seen.name) == (wanted.name, wanted.device or wanted.name)
    return same and wanted.sector in (0, seen.sector)
