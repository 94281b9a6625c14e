"""Stands in for `albatross-tls-endpoint` and albatrossd: real TLS 1.3, real certificates, the grammar by asn1tools.

What a host answers, and when it answers nothing, is as upstream has it: `tls/vmm_tls.ml` (who may say what),
`src/vmm_vmmd.ml` and `src/vmm_resources.ml` (texts).
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from datetime import UTC
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.plugins.albatross import grammar
from tests.plugins.albatross.authority import COMMAND, Authority
from tests.plugins.albatross.unikernel import Console, Unikernel

_LABEL = re.compile(r"[A-Za-z0-9.][A-Za-z0-9.-]{0,62}")
_TICK = 0.05


class _NoAnswerError(Exception):
    """What a host answers to what it does not allow: nothing."""


class _RefusedError(Exception):
    """A failure, with its text."""


class Endpoint:
    """A host.

    :param server: its certificate and key, as PEM; good ones if left out.
    :ivar fault: what it does instead of answering: `mute`, `close`, `half reply`, `garbage`.
    :ivar commands: what it was asked: `unikernel force-create`.
    """

    def __init__(self, authority: Authority, *, server: tuple[str, str] | None = None) -> None:
        self.host, self.port = "127.0.0.1", 0
        self.unikernels: dict[str, Unikernel] = {}
        self.commands: list[str] = []
        self.fault: str | None = None
        self._consoles: dict[str, Console] = {}
        self._context = _context(authority, server or authority.server())
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._socket = socket.create_server((self.host, self.port))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self.unikernels.values():
            each.destroy()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with (
            contextlib.suppress(OSError, _NoAnswerError),
            connection,
            self._context.wrap_socket(connection, server_side=True) as secure,
        ):
            self._answer(_Peer(secure))

    def _answer(self, peer: _Peer) -> None:
        if self.fault:
            peer.misbehave(self.fault, self._ended)
            return
        name, policies, (about, what) = peer.command()
        self.commands.append(f"{about} {what[0]}")
        try:
            reply = self._do(peer, name, policies, about, what)
        except _RefusedError as error:
            peer.send(name, ("failure", str(error)))
            return
        if reply:
            peer.send(name, ("reply", reply))

    def _do(self, peer: _Peer, name: str, policies: dict[str, Any], about: str, what: Any) -> tuple[str, Any] | None:
        match about, what:
            case "unikernel", ("info", _):
                runs = {each: found for each, found in self.unikernels.items() if found.running}
                path, _, label = name.rpartition(":")
                chosen = {name} if label else {each for each in runs if each.startswith(path)}
                return "unikernel-info", [
                    {"name": each, "info": _info(found)} for each, found in runs.items() if each in chosen
                ]
            case "unikernel", ("create" | "force-create" as how, config):
                image = config["image"] or peer.receive_stream()
                return self._create(name, policies, config, image, force=how == "force-create")
            case "unikernel", ("destroy", _):
                self._existing(name, "destroy: not found").destroy()
                return "string", "destroyed unikernel"
            case "unikernel", ("restart", ("no-arguments", _)):
                return self._restart(name, policies, {})
            case "unikernel", ("restart", ("new", arguments)):
                return self._restart(name, policies, arguments)
            case "unikernel", ("get", level):
                image = self._existing(name, "get: no unikernel found").image
                compressed = zlib.compress(image, level) if level else image
                return "unikernel-image", {"compressed": bool(level), "image": compressed}
            case "console", ("subscribe", begin):
                self._console(peer, name, begin)
            case "statistics", ("subscribe", _):
                self._statistics(peer, name)
            case _:
                raise _NoAnswerError
        return None

    def _existing(self, name: str, otherwise: str) -> Unikernel:
        found = self.unikernels.get(name)
        if not found or found.destroyed or not (found.running or found.config["fail"][0] == "restart"):
            raise _RefusedError(otherwise)
        return found

    def _create(
        self, name: str, policies: dict[str, Any], config: dict[str, Any], image: bytes, *, force: bool
    ) -> tuple[str, str]:
        with self._lock:
            former = self.unikernels.get(name)
            if former and former.running and not force:
                raise _RefusedError("Unikernel with same name is already running")
            self._check(name, policies, config)
            if former:
                former.destroy()
            if config["compressed"]:
                try:
                    image = zlib.decompress(image)
                except zlib.error as error:
                    raise _RefusedError(f"failed to uncompress: {error}") from None
            self.unikernels[name] = Unikernel(config, image, self._consoles.setdefault(name, []))
        return "string", "created unikernel"

    def _restart(self, name: str, policies: dict[str, Any], arguments: dict[str, Any]) -> tuple[str, str]:
        found = self._existing(name, "destroy: not found")
        kept = {key: found.config[key] for key in ("typ", "compressed", "image")}
        config = {**kept, **arguments} if arguments else found.config
        with self._lock:
            self._check(name, policies, config)
            found.destroy()
            self.unikernels[name] = Unikernel(config, found.image, self._consoles.setdefault(name, []))
        return "string", "created unikernel"

    def _check(self, name: str, policies: dict[str, Any], config: dict[str, Any]) -> None:
        """See that the policy of its path allows it; the one of its name does not count."""
        path = name.rpartition(":")[0]
        policy = policies.get(path)
        if policy is None:
            return
        others = [e for n, e in self.unikernels.items() if n != name and e.running and n.startswith(f"{path}:")]
        used = sum(each.config["memory"] for each in others)
        if len(others) + 1 > policy["unikernels"]:
            raise _RefusedError(f"maximum amount of unikernels ({policy['unikernels']}) reached")
        if config["memory"] > policy["memory"] - used:
            raise _RefusedError(
                f"maximum allowed memory ({policy['memory']}, used {used}) would be exceeded"
                f" (requesting {config['memory']})"
            )
        if alien := sorted(set(config["cpuids"]) - set(policy["cpuids"])):
            raise _RefusedError(f"CPUids {', '.join(map(str, alien))} are not allowed by policy")
        bridges = [each.get("bridge", each["netif"]) for each in config.get("bridges", [])]
        if refused := [each for each in bridges if each not in policy["bridges"]]:
            raise _RefusedError(f"bridges {', '.join(refused)} not allowed by policy")

    def _console(self, peer: _Peer, name: str, begin: tuple[str, Any]) -> None:
        console = self._consoles.get(name, [])
        peer.send(name, ("reply", ("string", "subscribed" if console else "waiting for VM")))
        if begin[0] == "count":
            at = max(0, len(console) - begin[1])
        else:
            at = sum(1 for moment, _ in console if moment < begin[1].replace(tzinfo=begin[1].tzinfo or UTC))
        while not (self._ended.is_set() or peer.gone()):
            console = self._consoles.get(name, [])
            for moment, line in console[at:]:
                peer.send(name, ("data", ("console", {"timestamp": moment, "data": line})))
            at = len(console)

    def _statistics(self, peer: _Peer, name: str) -> None:
        peer.send(name, ("reply", ("string", "subscribed")))
        while not (self._ended.is_set() or peer.gone()):
            peer.send(name, ("data", ("statistics", _usage())))


class _Peer:
    """Who has connected."""

    def __init__(self, secure: ssl.SSLSocket) -> None:
        self._secure = secure

    def command(self) -> tuple[str, dict[str, Any], tuple[str, Any]]:
        """What the certificates say: the name, the policies by path, and the command."""
        leaf, *others = [
            x509.load_der_x509_certificate(bytes(each.public_bytes(1 + 1)))
            for each in self._secure._sslobj.get_verified_chain()  # type: ignore[attr-defined]
        ]
        path, policies = "", {}
        for each in reversed(others):
            extension = _extension(each)
            if extension is None:
                continue
            told = grammar.command(extension)
            if told[0] != "policy" or told[1][0] != "add":
                raise _NoAnswerError
            path = f"{path}:{_label(each)}" if path else _label(each)
            policies[path] = told[1][1]
        extension = _extension(leaf)
        if extension is None:
            raise _NoAnswerError
        return f"{path}:{_label(leaf)}", policies, grammar.command(extension)

    def receive_stream(self) -> bytes:
        """What follows the handshake, up to a length of 0."""
        received = b""
        while length := struct.unpack(">I", self._receive(4))[0]:
            received += self._receive(length)
        return received

    def send(self, name: str, payload: tuple[str, Any]) -> None:
        message = grammar.wire(name, payload)
        self._secure.sendall(struct.pack(">I", len(message)) + message)

    def gone(self) -> bool:
        """Whether it has closed; waits a moment for that."""
        ready, _, _ = select.select([self._secure], [], [], _TICK)
        return bool(ready)

    def misbehave(self, fault: str, ended: threading.Event) -> None:
        message = grammar.wire(":x", ("reply", ("string", "created unikernel")))
        match fault:
            case "mute":
                while not (ended.is_set() or self.gone()):
                    pass
            case "half reply":
                self._secure.sendall(struct.pack(">I", len(message)) + message[:10])
            case "garbage":
                self._secure.sendall(struct.pack(">I", 40) + bytes(range(100, 140)))
            case "close":
                time.sleep(_TICK)

    def _receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            more = self._secure.recv(size - len(received))
            if not more:
                raise _NoAnswerError
            received += more
        return received


def _context(authority: Authority, server: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.root_pem)
    pair = Path(authority.directory / "server.pem")
    pair.write_text("".join(server))
    context.load_cert_chain(pair)
    return context


def _extension(certificate: x509.Certificate) -> bytes | None:
    for each in certificate.extensions:
        if each.oid == COMMAND:
            return bytes(each.value.value)
    return None


def _label(certificate: x509.Certificate) -> str:
    name = str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    if not _LABEL.fullmatch(name):
        raise _NoAnswerError
    return name.lower()


def _info(found: Unikernel) -> dict[str, Any]:
    config = found.config
    told = {key: config[key] for key in ("typ", "fail", "cpuids", "memory")}
    told |= {key: config[key] for key in ("startup", "arguments", "cpus") if key in config}
    if "blocks" in config:
        told["blocks"] = [
            {
                "unikernel-device": each["name"],
                "host-device": each.get("device", each["name"]),
                "sector-size": each.get("sector-size", 512),
                "size": 16,
            }
            for each in config["blocks"]
        ]
    if "bridges" in config:
        told["bridges"] = [
            {
                "unikernel-device": each["netif"],
                "host-device": each.get("bridge", each["netif"]),
                "mac": each.get("mac", b"\0\x80\x41\0\0\1"),
            }
            for each in config["bridges"]
        ]
    return {**told, "digest": found.digest, "started": found.started}


def _usage() -> dict[str, Any]:
    """A sample: 1.25 seconds of processor time, 24 MB."""
    names = ["ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock", "outblock"]
    names += ["msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw"]
    usage = {name: bytes(8) for name in names}
    usage |= {
        "utime": {"seconds": (1).to_bytes(8, "big"), "microseconds": 0},
        "stime": {"seconds": bytes(8), "microseconds": 250_000},
        "maxrss": (24 << 10).to_bytes(8, "big"),
    }
    return {"resource-usage": usage, "ifdata": []}
