"""A real homeserver for the tests: Synapse, with a database of its own, gone with the test.

Synapse needs no place beside this package: the variable SYNAPSE_PYTHON names the Python that has it.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

NAME = "example.test"
_SECRET = "for-tests-alone"
_START = 60


def python() -> str | None:
    """The Python that has Synapse; None where there is none."""
    found = os.environ.get("SYNAPSE_PYTHON", "")
    return found or (sys.executable if importlib.util.find_spec("synapse") else None)


@dataclass(frozen=True)
class Person:
    """Somebody who has an account, or a bot that has one."""

    server: Homeserver
    id: str
    token: str

    def ask(self, method: str, *path: str, body: object = None, **query: str) -> Any:
        """Do something as this person, whatever it is; what the homeserver answers."""
        return self._ask(method, "_matrix/client/v3", path, body, query)

    def administer(self, method: str, *path: str, body: object = None) -> Any:
        """Do something as an admin of the homeserver."""
        return self._ask(method, "_synapse/admin", path, body, {})

    def room(self, **settings: object) -> str:
        """Make a room; its id."""
        return str(self.ask("POST", "createRoom", body=settings)["room_id"])

    def invite(self, other: Person, room: str) -> None:
        self.ask("POST", "rooms", room, "invite", body={"user_id": other.id})

    def join(self, room: str) -> None:
        self.ask("POST", "join", room, body={})

    def is_in(self, room: str) -> bool:
        return room in self.ask("GET", "joined_rooms")["joined_rooms"]

    def events(self, room: str) -> Sequence[Mapping[str, Any]]:
        """The messages, edits and all, the oldest first."""
        told = self.ask("GET", "rooms", room, "messages", dir="b", limit="100")["chunk"]
        return [each for each in reversed(told) if each["type"] == "m.room.message" and each["content"]]

    def sees(self, room: str) -> Sequence[Mapping[str, Any]]:
        """The contents of the messages as a client shows them, with what they were edited to, the oldest first."""
        shown: dict[str, Mapping[str, Any]] = {}
        for event in self.events(room):
            relation = event["content"].get("m.relates_to", {})
            if relation.get("rel_type") != "m.replace":
                shown[event["event_id"]] = event["content"]
            elif relation["event_id"] in shown:
                shown[relation["event_id"]] = event["content"]["m.new_content"]
        return list(shown.values())

    def _ask(self, method: str, below: str, path: Sequence[str], body: object, query: Mapping[str, str]) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        url = "/".join((self.server.url, below, *(quote(part, safe="") for part in path)))
        answer = httpx.request(method, url, json=body, params=query, headers=headers, timeout=30)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json()

    def called(self, room: str) -> tuple[int, int]:
        """How often this person's client would have made itself heard: all of it, and what names the person."""
        told = self.ask("GET", "sync", timeout="0")["rooms"]["join"][room]["unread_notifications"]
        return told["notification_count"], told["highlight_count"]


@dataclass(frozen=True)
class Homeserver:
    """Where it answers clients."""

    url: str

    def person(self, name: str, *, admin: bool = False) -> Person:
        """Give somebody an account."""
        place = f"{self.url}/_synapse/admin/v1/register"
        nonce = httpx.get(place).json()["nonce"]
        words = "\0".join((nonce, name, "password", "admin" if admin else "notadmin"))
        mac = hmac.new(_SECRET.encode(), words.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": "password", "admin": admin, "mac": mac}
        told = httpx.post(place, json=body, timeout=30).json()
        return Person(self, told["user_id"], told["access_token"])


@contextmanager
def homeserver(directory: Path, python: str) -> Iterator[Homeserver]:
    """Run one for as long as the block lasts.

    :param directory: an empty one, for its database.
    :param python: the Python that has Synapse.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plenty = {"per_second": 1000, "burst_count": 1000}
    settings = {
        "server_name": NAME,
        "report_stats": False,
        "pid_file": str(directory / "pid"),
        "listeners": [
            {"port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}
        ],
        "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}},
        "media_store_path": str(directory / "media"),
        "signing_key_path": str(directory / "signing.key"),
        "registration_shared_secret": _SECRET,
        "macaroon_secret_key": _SECRET,
        "form_secret": _SECRET,
        "trusted_key_servers": [],
        "bcrypt_rounds": 4,
        "caches": {"sync_response_cache_duration": 0},
        "rc_message": plenty,
        "rc_registration": plenty,
        "rc_joins": {"local": plenty, "remote": plenty},
        "rc_invites": {"per_room": plenty, "per_user": plenty, "per_issuer": plenty},
        "rc_room_creation": plenty,
    }
    file = directory / "homeserver.yaml"
    file.write_text(json.dumps(settings))
    # In its isolated mode Python finds Synapse's packages and no others.
    command = [python, "-I", "-m", "synapse.app.homeserver", "--config-path", str(file)]
    with (directory / "log").open("wb") as log:
        subprocess.run([*command, "--generate-keys"], stdout=log, stderr=log, cwd=directory, check=True, timeout=_START)
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        _wait(f"http://127.0.0.1:{port}/_matrix/client/versions", process, directory / "log")
        yield Homeserver(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"Synapse did not start: {log.read_text()[-3000:]}")
