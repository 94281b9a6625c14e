"""No secret passes, whatever it is cut into; and nothing else is touched or delayed."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logs.redact import MARK, Redactor

#: Few letters, so that secrets overlap, hold each other and repeat; none of the mark's own.
LETTERS = "xyz\n"
secrets = st.lists(st.text(LETTERS, min_size=3, max_size=7), min_size=1, max_size=4)
pieces = st.lists(st.text(LETTERS, max_size=12).map(str.encode), max_size=12)


def redactor(*values: str) -> Redactor:
    made = Redactor()
    for value in values:
        made.add(value)
    return made


def fed(stream: Redactor, *chunks: bytes) -> bytes:
    return b"".join([*(stream.feed(chunk) for chunk in chunks), stream.flush()])


def reference(values: list[str], text: bytes) -> bytes:
    """Hide each byte of each occurrence, slowly and plainly."""
    hidden = [False] * len(text)
    for value in [each.strip().encode() for each in values if len(each.strip()) >= 3]:
        for at in range(len(text)):
            if text.startswith(value, at):
                hidden[at : at + len(value)] = [True] * len(value)
    parts = [text[at : at + 1] if not hidden[at] else b"" if at and hidden[at - 1] else MARK for at in range(len(text))]
    return b"".join(parts)


@given(secrets, pieces)
def test_the_result_does_not_depend_on_the_chunks(values: list[str], chunks: list[bytes]) -> None:
    # The end mark, which begins no secret, lets go of what is held.
    assert fed(redactor(*values), *chunks, b".") == reference(values, b"".join(chunks) + b".")


@given(secrets, pieces)
def test_no_secret_is_in_the_output(values: list[str], chunks: list[bytes]) -> None:
    output = fed(redactor(*values), *chunks)
    assert not [value for value in values if len(value.strip()) >= 3 and value.encode() in output]


@given(secrets, st.text(LETTERS, min_size=3, max_size=7), pieces, pieces)
def test_a_secret_added_in_the_middle_is_hidden_from_then_on(
    values: list[str], late: str, before: list[bytes], after: list[bytes]
) -> None:
    stream = redactor(*values)
    for chunk in before:
        stream.feed(chunk)
    stream.add(late)
    output = fed(stream, *after)
    assert not [value for value in [*values, late] if len(value.strip()) >= 3 and value.encode() in output]


@given(secrets, pieces)
def test_only_what_may_begin_a_secret_is_held_back(values: list[str], chunks: list[bytes]) -> None:
    stream = redactor(*values)
    forms = [value.strip().encode() for value in values if len(value.strip()) >= 3]
    for chunk in chunks:
        stream.feed(chunk)
        held = stream._held
        assert not held or any(form.startswith(held) and len(held) < len(form) for form in forms)


@given(st.text(min_size=3), st.binary(max_size=20), st.integers(0, 40), st.integers(0, 4))
def test_any_text_is_hidden_among_any_bytes(value: str, around: bytes, at: int, width: int) -> None:
    text = around + value.encode() + around
    step = width + 1
    output = fed(redactor(value), *(text[i : i + step] for i in range(0, len(text), step)))
    if len(value.strip().encode()) >= 3 and not set(value.encode()) & set(MARK):
        assert value.encode() not in output


def test_without_a_secret_the_very_bytes_pass() -> None:
    data = b"line\n" * 1000
    assert Redactor().feed(data) is data


def test_ordinary_output_is_not_delayed() -> None:
    stream = redactor("hunter2")
    assert stream.feed(b"Password: ") == b"Password: "
    assert stream.feed(b"hun") == b""
    assert stream.feed(b"gry?") == b"hungry?"


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    assert fed(redactor("abcdef", "defghi"), b"<abcdefghi>") == b"<" + MARK + b">"
    assert fed(redactor("abcdef", "defghi"), b"<abcd", b"ef", b"ghi>") == b"<" + MARK + b">"


def test_a_secret_within_a_secret_leaves_nothing_of_the_longer() -> None:
    assert fed(redactor("pass", "my-pass-word"), b"my-pass-word, pass, my-pass") == MARK + b", " + MARK + b", " + MARK


def test_a_pause_shows_no_more_than_two_letters_of_a_secret() -> None:
    stream = redactor("hunter2")
    assert [stream.feed(b"is hunt"), stream.flush(), stream.feed(b"er2.")] == [b"is ", MARK, b"."]
    assert [stream.feed(b"is hu"), stream.flush(), stream.feed(b"nter2.")] == [b"is ", b"hu", MARK + b"."]
    assert [stream.feed(b"is hu"), stream.flush(), stream.feed(b"ngry")] == [b"is ", b"hu", b"ngry"]


def test_a_secret_of_several_lines_is_hidden_whole_and_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
    assert fed(redactor(key), b"a " + key.encode()) == b"a " + MARK + b"\n"
    assert b"MIIE" not in fed(redactor(key), key.replace("\n", "\r\n").encode())
    assert b"kqhk" not in fed(redactor(key), b"#5 0.1 MIIEvQIBADANBg\n#5 0.2 kqhkiG9w0BAQEF\n")


@pytest.mark.parametrize("value", ["", "  ", "a", "ab", " ab\n"])
def test_an_empty_or_very_short_secret_tears_nothing(value: str) -> None:
    data = b"abracadabra  \n"
    assert redactor(value).feed(data) is data


@pytest.mark.parametrize("before", [b"", b"u", b"us", b"user:"])
@pytest.mark.parametrize("after", [b"", b"@", b"@h"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_the_base64_of_a_secret_is_hidden_wherever_it_stands(
    before: bytes, after: bytes, encode: Callable[[bytes], bytes]
) -> None:
    secret = "correct?horse~battery>staple"
    encoded = encode(before + secret.encode() + after)
    output = fed(redactor(secret), b"Basic " + encoded)
    assert MARK in output
    assert len(output.replace(MARK, b"")) <= len("Basic ") + 4 + 2 * (len(before) + len(after))


def test_the_forms_in_urls_and_json_are_hidden() -> None:
    secret = 'p@ss "word"/é'
    for form in (quote(secret), quote(secret, safe=""), "p%40ss+%22word%22%2F%C3%A9", 'p@ss \\"word\\"/\\u00e9'):
        assert fed(redactor(secret), f"<{form}>".encode()) == b"<" + MARK + b">"


def test_a_degenerate_secret_in_a_long_line_takes_no_memory_to_speak_of() -> None:
    assert fed(redactor("aaa"), b"a" * 1_000_000 + b"b") == MARK + b"b"


def test_a_whole_text_is_redacted_beside_the_stream() -> None:
    stream = redactor("hunter2")
    stream.feed(b"hunt")
    assert stream.hide(b"hunter2 er2 hunt") == MARK + b" er2 hunt"
    assert stream.feed(b"er2") == MARK
