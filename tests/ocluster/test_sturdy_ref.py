"""Addresses as capability files hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocluster.rpc.sturdy_ref import SturdyRef, decode, encode

DIGEST = encode(bytes(range(32)))


@given(
    host=st.sampled_from(["ci.example.org", "10.0.0.1", "::1"]),
    port=st.integers(1, 65535),
    service=st.binary(max_size=40),
)
def test_what_is_written_is_read(host: str, port: int, service: bytes) -> None:
    ref = SturdyRef(host=host, port=port, fingerprint=bytes(32), service=service)
    assert SturdyRef.parse(f"{ref}\n") == ref


def test_a_socket_may_stand_in_place_of_host_and_port() -> None:
    ref = SturdyRef.parse(f"capnp://sha-256:{DIGEST}@/run/ocluster/socket/{encode(b'secret')}")
    assert (ref.socket, ref.host, ref.service) == ("/run/ocluster/socket", "", b"secret")
    assert SturdyRef.parse(str(ref)) == ref


def test_without_tls_there_is_no_fingerprint() -> None:
    assert SturdyRef.parse("capnp://insecure@localhost:9000/").fingerprint is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin with `capnp://`"),
        ("https://example.org/", "begin with `capnp://`"),
        ("capnp://example.org:9000/abc", "fingerprint"),
        (f"capnp://sha-512:{DIGEST}@example.org:9000/abc", "fingerprint"),
        (f"capnp://sha-256:{DIGEST[:-4]}@example.org:9000/abc", "29 bytes instead of 32"),
        (f"capnp://sha-256:{DIGEST[:-1]}+@example.org:9000/abc", "is not base64"),
        (f"capnp://sha-256:{DIGEST}@example.org/abc", "port"),
        (f"capnp://sha-256:{DIGEST}@example.org:0/abc", "port"),
        (f"capnp://sha-256:{DIGEST}@example.org:99999/abc", "port"),
        (f"capnp://sha-256:{DIGEST}@example.org:9000/a+b/", "is not base64"),
        (f"capnp://sha-256:{DIGEST}@example.org:9000/abcde", "is not base64"),
        (f"capnp://sha-256:{DIGEST}@/abc", "neither a host nor a socket"),
        (f"capnp://sha-256:{DIGEST}@[::1:9000/abc", "no address"),
        ("capnp://a b", "one line without spaces"),
    ],
)
def test_what_is_wrong_with_one_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SturdyRef.parse(text)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        SturdyRef.parse(text)
    except ValueError:
        return


def test_the_secret_is_in_no_representation_of_it() -> None:
    ref = SturdyRef(host="a", port=1, fingerprint=bytes(32), service=b"open sesame")
    assert "sesame" not in repr(ref)
    assert encode(b"open sesame") not in repr(ref)


def test_base64_is_read_in_full_or_not_at_all() -> None:
    assert decode(encode(b"\xff\xfe"), "it") == b"\xff\xfe"
    with pytest.raises(ValueError, match="the key is not base64"):
        decode("ab=c", "the key")
