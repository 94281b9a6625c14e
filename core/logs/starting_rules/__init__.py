"""The log rules that the deployer brings, as data.

Scores: 80 and more for what stops any work (disk, memory, network, registries), 70 for what a package manager or Docker
refuses, 60 for what a compiler or a test says of a line, 50 and less for what only tells that something failed. The words
are those of the programs themselves; each rule carries an example of them.
"""

from core.logs.starting_rules import compilers, docker, machine, network, ocaml, packages
from core.values import LogRule

STARTING_RULES: tuple[LogRule, ...] = (
    *machine.RULES,
    *network.RULES,
    *docker.RULES,
    *packages.RULES,
    *ocaml.RULES,
    *compilers.RULES,
)

__all__ = ["STARTING_RULES"]
