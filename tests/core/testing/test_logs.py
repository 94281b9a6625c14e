"""The log in memory shows what a reader of the real one would see."""

from core.testing.logs import RecordingLog


def test_a_secret_is_hidden_from_when_it_was_told_however_it_is_cut() -> None:
    log = RecordingLog()
    log.write(b"early: sesame-open\n")
    log.redact("sesame-open")
    for letter in b"late: sesame-open\n":
        log.write(bytes([letter]))
    log.note("said: sesame-open")
    assert log.text == "early: sesame-open\nlate: [redacted]\nsaid: [redacted]\n"
    assert log.notes == ["said: [redacted]"]


def test_what_looks_like_the_beginning_of_a_secret_shows_when_it_is_none() -> None:
    log = RecordingLog()
    log.redact("sesame-open")
    log.write(b"se")
    assert log.text == "se"


def test_whoever_listens_hears_each_note() -> None:
    heard: list[str] = []
    log = RecordingLog(heard.append)
    log.note("one")
    log.write(b"output\n")
    log.note("two")
    assert heard == ["one", "two"]
