"""Our bytes against another implementation's: asn1tools from the grammar, and OpenSSL for certificates."""

from __future__ import annotations

import contextlib
import subprocess
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from plugins.albatross import commands, der, leaf, replies
from plugins.albatross.commands import Block, Configuration, Network
from plugins.albatross.credentials import COMMAND, Credentials
from plugins.albatross.der import MalformedError
from plugins.albatross.replies import Failure, Image, Infos, Line, Statistics, Success
from tests.plugins.albatross import grammar
from tests.plugins.albatross.authority import Authority
from tests.real import required

FULL = Configuration(
    memory=64,
    cpuids=frozenset({3, 0, 200}),
    networks=(Network(name="service", bridge="br0", mac=b"\2\0\0\0\0\7"), Network(name="other")),
    blocks=(Block(name="data", device="disk1", sector=512), Block(name="log")),
    arguments=("--hello=hi", "--name=ü"),
    restarts=frozenset({2, 70}),
    startup=10,
    add_name=False,
)
SMALL = Configuration(memory=32, cpuids=frozenset({0}))
TOLD = {
    "add-name": False,
    "fail": ("restart", [2, 70]),
    "startup": 10,
    "cpuids": [0, 3, 200],
    "memory": 64,
    "bridges": [{"netif": "other"}, {"netif": "service", "bridge": "br0", "mac": b"\2\0\0\0\0\7"}],
    "blocks": [{"name": "data", "device": "disk1", "sector-size": 512}, {"name": "log"}],
    "arguments": ["--hello=hi", "--name=ü"],
    "cpus": 1,
}


def decoded(command: bytes) -> Any:
    """What asn1tools makes of a command; the order in a SET tells nothing."""

    def ordered(value: Any) -> Any:
        match value:
            case dict():
                return {key: ordered(each) for key, each in value.items()}
            case [dict(), *_]:
                return sorted(map(ordered, value), key=repr)
            case tuple():
                return tuple(map(ordered, value))
            case [int(), *_]:
                return sorted(value)
            case _:
                return value

    return ordered(grammar.command(commands.extension(command)))


def test_a_unikernel_is_run_with_all_that_can_be_said() -> None:
    solo5 = {"typ": ("solo5", None), "compressed": True, "image": b""}
    assert decoded(commands.replace(FULL, compressed=True)) == ("unikernel", ("force-create", {**solo5, **TOLD}))


def test_what_is_not_said_is_left_out() -> None:
    about, (how, config) = decoded(commands.replace(SMALL, compressed=False))
    assert (about, how) == ("unikernel", "force-create")
    assert config.keys() == {"typ", "compressed", "image", "add-name", "fail", "cpuids", "memory", "cpus"}


def test_restarting_says_the_same_without_an_image() -> None:
    assert decoded(commands.restart(FULL)) == ("unikernel", ("restart", ("new", TOLD)))


MOMENT = datetime(2026, 11, 23, 13, 33, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (commands.info(), ("unikernel", ("info", None))),
        (commands.destroy(), ("unikernel", ("destroy", None))),
        (commands.get(9), ("unikernel", ("get", 9))),
        (commands.statistics(), ("statistics", ("subscribe", None))),
        (commands.console(None, count=20), ("console", ("subscribe", ("count", 20)))),
        (commands.console(MOMENT), ("console", ("subscribe", ("since", MOMENT.replace(tzinfo=None))))),
    ],
)
def test_short_commands_are_what_they_are_called(command: bytes, told: Any) -> None:
    assert decoded(command) == told


@given(st.integers(-(2**70), 2**70))
def test_numbers_are_written_as_short_as_they_can_be(number: int) -> None:
    written = der.integer(number)
    assert written == grammar.encode("IntegerForTests", number)
    assert der.whole(written).integer() == number


def test_a_set_is_in_the_order_of_its_encodings() -> None:
    assert der.set_of([der.integer(300), der.integer(2)]) == b"\x31\x07" + der.integer(2) + der.integer(300)


# What is answered

INFO = {
    "typ": ("solo5", None),
    "startup": 10,
    "fail": ("restart", [2]),
    "cpuids": [0, 3],
    "memory": 64,
    "digest": bytes(range(32)),
    "blocks": [{"unikernel-device": "data", "host-device": "disk1", "sector-size": 512, "size": 16}],
    "bridges": [{"unikernel-device": "service", "host-device": "br0", "mac": b"\2\0\0\0\0\7"}],
    "arguments": ["--hello=hi"],
    "started": datetime(2026, 11, 23, 13, 33, 42, 450_000, tzinfo=UTC),
    "cpus": 1,
}


def reply(payload: tuple[str, Any]) -> replies.Reply:
    return replies.parse(grammar.wire("user:hello", payload))


def test_what_runs_is_understood() -> None:
    told = reply(("reply", ("unikernel-info", [{"name": "user:hello", "info": INFO}])))
    assert isinstance(told, Infos)
    info = told.unikernels["user:hello"]
    assert info.sha256 == bytes(range(32)).hex()
    assert info.started == INFO["started"]
    assert info.configuration == Configuration(
        memory=64,
        cpuids=frozenset({0, 3}),
        networks=(Network(name="service", bridge="br0", mac=b"\2\0\0\0\0\7"),),
        blocks=(Block(name="data", device="disk1", sector=512),),
        arguments=("--hello=hi",),
        restarts=frozenset({2}),
        startup=10,
    )


def test_little_is_understood_too() -> None:
    little = {key: INFO[key] for key in ("typ", "cpuids", "memory", "digest")} | {"fail": ("quit", None)}
    told = reply(("reply", ("unikernel-info", [{"name": ":hello", "info": little}])))
    assert isinstance(told, Infos)
    info = told.unikernels[":hello"]
    assert info.started is None
    assert info.configuration == Configuration(memory=64, cpuids=frozenset({0, 3}))


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (("reply", ("empty", None)), Success()),
        (("reply", ("string", "created unikernel")), Success("created unikernel")),
        (("failure", "bridges br9 not allowed by policy"), Failure("bridges br9 not allowed by policy")),
        (("reply", ("unikernel-image", {"compressed": False, "image": b"ELF"})), Image(b"ELF")),
        (("reply", ("unikernel-image", {"compressed": True, "image": zlib.compress(b"ELF")})), Image(b"ELF")),
        (("data", ("console", {"timestamp": MOMENT, "data": "ready"})), Line(MOMENT, "ready")),
    ],
)
def test_short_answers_are_understood(payload: tuple[str, Any], told: replies.Reply) -> None:
    assert reply(payload) == told


def test_what_a_unikernel_uses_is_understood() -> None:
    zero = bytes(8)
    names = ["ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock", "outblock"]
    usage: dict[str, Any] = dict.fromkeys([*names, "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw"], zero)
    usage["utime"] = {"seconds": (3).to_bytes(8, "big"), "microseconds": 500_000}
    usage["stime"] = {"seconds": zero, "microseconds": 250_000}
    usage["maxrss"] = (2048).to_bytes(8, "big")
    told = reply(("data", ("statistics", {"resource-usage": usage, "ifdata": []})))
    assert told == Statistics(3.75, 2 << 20)


def test_a_console_line_that_is_no_text_is_understood() -> None:
    message = grammar.wire("user:hello", ("data", ("console", {"timestamp": MOMENT, "data": "xx"})))
    told = replies.parse(message.replace(b"\x0c\x02xx", b"\x0c\x02\xffx"))
    assert told == Line(MOMENT, "\ufffdx")


def test_another_version_is_told() -> None:
    message = grammar.wire("x", ("failure", "no"))
    with pytest.raises(MalformedError, match="is of version 6 of the protocol, and this is version 5"):
        replies.parse(message.replace(b"\x02\x01\x05", b"\x02\x01\x06", 1))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (b"not zlib", "compression is broken"),
        (zlib.compress(bytes(1000))[:-3], "cut off, or larger"),
    ],
)
def test_an_image_that_cannot_be_unpacked_is_told(image: bytes, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        reply(("reply", ("unikernel-image", {"compressed": True, "image": image})))


MESSAGES = [
    grammar.wire("user:hello", payload)
    for payload in [
        ("reply", ("unikernel-info", [{"name": "user:hello", "info": INFO}])),
        ("reply", ("unikernel-image", {"compressed": True, "image": zlib.compress(b"ELF")})),
        ("data", ("console", {"timestamp": MOMENT, "data": "ready"})),
        ("failure", "no"),
    ]
]


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(data: bytes) -> None:
    _parse_or_malformed(data)


@given(st.sampled_from(MESSAGES), st.data())
def test_no_change_of_a_message_makes_it_fail_in_another_way(message: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(message) - 1))
    changed = data.draw(st.binary(max_size=4))
    _parse_or_malformed(message[:at] + changed + message[at + data.draw(st.integers(0, 4)) :])


def _parse_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        replies.parse(data)


# Certificates


@pytest.fixture
def credentials(authority: Authority) -> Credentials:
    user = authority.user("Team.A")
    key = load_pem_private_key(user.key_pem.encode(), None)
    chain = tuple(x509.load_pem_x509_certificates(user.chain_pem.encode()))
    return Credentials(chain=chain, key=key, server=authority.root_pem, name="albatross")  # type: ignore[arg-type]


def test_the_path_is_that_of_the_authorities_with_a_policy(credentials: Credentials) -> None:
    assert credentials.path == "team.a"


def test_openssl_accepts_the_certificate_of_a_command(credentials: Credentials, tmp_path: Path) -> None:
    pem = leaf.sign(credentials, "hello", commands.info(), datetime.now(UTC))
    certificate, user, root = x509.load_pem_x509_certificates(pem)
    for name, each in [("leaf", certificate), ("user", user), ("root", root)]:
        (tmp_path / name).write_bytes(each.public_bytes(leaf.Encoding.PEM))
    words = [required("openssl", "openssl"), "verify", "-purpose", "sslclient", "-CAfile", "root"]
    subprocess.run([*words, "-untrusted", "user", "leaf"], cwd=tmp_path, check=True)
    (carried,) = [each for each in certificate.extensions if each.oid == COMMAND]
    assert not carried.critical
    assert grammar.command(carried.value.value) == ("unikernel", ("info", None))
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() == 310


def test_two_commands_share_no_key(credentials: Credentials) -> None:
    one, two = (
        x509.load_pem_x509_certificates(leaf.sign(credentials, "hello", commands.info(), datetime.now(UTC)))[0]
        for _ in range(2)
    )
    assert one.public_key() != two.public_key()
    assert one.serial_number != two.serial_number
