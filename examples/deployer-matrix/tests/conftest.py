"""A homeserver for all tests, and a bot in a room of its own for each."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from deployer_matrix.options import MatrixOptions
from homeserver import Homeserver, Person, homeserver, python


@dataclass(frozen=True)
class Ops:
    """A room, whoever made it, and the bot."""

    room: str
    alice: Person
    bot: Person

    def options(self, **given: object) -> MatrixOptions:
        return MatrixOptions.model_validate({"homeserver": self.bot.server.url, "room": self.room, **given})


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    found = python()
    if found is None:
        pytest.skip("Synapse is missing: pip install matrix-synapse, anywhere, and name that Python in SYNAPSE_PYTHON")
    with homeserver(tmp_path_factory.mktemp("synapse"), found) as server:
        yield server


@pytest.fixture(scope="session")
def root(server: Homeserver) -> Person:
    """The admin of the homeserver."""
    return server.person("root", admin=True)


@pytest.fixture(scope="session")
def people(server: Homeserver) -> tuple[Person, Person]:
    """Somebody, and a bot."""
    return server.person("alice"), server.person("bot")


@pytest.fixture
def ops(people: tuple[Person, Person], secrets: Callable[[str, str], None]) -> Ops:
    """A private room, into which the bot was invited: it has not joined yet."""
    alice, bot = people
    secrets("matrix_token", bot.token)
    room = alice.room(name="Deployments", preset="private_chat")
    alice.invite(bot, room)
    return Ops(room, alice, bot)


@pytest.fixture
def alone(ops: Ops, server: Homeserver, secrets: Callable[[str, str], None]) -> Ops:
    """The same with a bot of its own, which can come to harm."""
    bot = server.person(f"bot-{uuid.uuid4().hex[:8]}")
    secrets("matrix_token", bot.token)
    ops.alice.invite(bot, ops.room)
    return replace(ops, bot=bot)
