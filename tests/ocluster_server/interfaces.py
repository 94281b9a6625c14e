"""The methods that a scheduler has, by the numbers that cross the wire, and how their parameters are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import capnp

import ocluster
from tests.ocluster_server.description import describe
from tests.ocluster_server.messages import Kind, Refusal
from tests.ocluster_server.objects import Call

#: The ids of interfaces, as calls name them (reference/ocluster.md, section 3).
INTERFACES = {
    0xF4E8A768B32A7C42: "Submission",
    0x9497C03B7CA5B27B: "Ticket",
    0xCA66FD1F972EFCCC: "Job",
    0xD906B771B4082451: "PoolAdmin",
    0xDD51F35540DAC6AD: "Admin",
    0xC8CB212FCD9F5691: "Persistent",
}
#: Their methods, in the order of their ordinals.
METHODS = {
    "Submission": ("submit",),
    "Ticket": ("job", "cancel"),
    "Job": ("log", "result", "cancel"),
    "PoolAdmin": ("show", "workers", "setActive", "worker", "update", "setRate", "forget", "drain"),
    "Admin": ("pools", "pool", "addClient", "removeClient", "listClients"),
    "Persistent": ("save",),
}
_READ: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("Submission", "submit"): lambda p: {"pool": p.pool, "urgent": p.urgent, "description": describe(p.descr)},
    ("Job", "log"): lambda p: {"start": p.start},
    ("PoolAdmin", "setActive"): lambda p: {"worker": p.worker, "active": p.active, "auto_create": p.autoCreate},
    ("PoolAdmin", "forget"): lambda p: {"worker": p.worker},
    ("Admin", "pool"): lambda p: {"name": p.name},
    ("Admin", "addClient"): lambda p: {"id": p.id},
    ("Admin", "removeClient"): lambda p: {"id": p.id},
}


@cache
def api() -> Any:
    """OCluster's schema."""
    return capnp.load(str(Path(ocluster.__file__).with_name("ocluster.capnp")))


def read(message: Any) -> Call:
    """Understand a call.

    :param message: `Call` of `rpc.capnp`.
    :raises Refusal: there is no such interface or method, or its parameters cannot be read.
    """
    interface, ordinal = INTERFACES.get(message.interfaceId), message.methodId
    if interface is None:
        raise Refusal(f"Unknown interface 0x{message.interfaceId:x}", Kind.UNIMPLEMENTED)
    if ordinal >= len(METHODS[interface]):
        raise Refusal(f"{interface} has no method {ordinal}", Kind.UNIMPLEMENTED)
    method = METHODS[interface][ordinal]
    reader = _READ.get((interface, method))
    if reader is None:
        return Call(interface, _snake(method), {})
    try:
        parameters = message.params.content.as_struct(_parameters(interface, method))
        return Call(interface, _snake(method), reader(parameters))
    except (UnicodeDecodeError, capnp.KjException):
        # As OCaml's exceptions in a handler are told.
        raise Refusal("Internal error") from None


@cache
def _parameters(interface: str, method: str) -> Any:
    return getattr(api(), interface).schema.methods[method].param_type


def _snake(name: str) -> str:
    """`addClient` as Python names it."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
